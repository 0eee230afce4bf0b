"""Names of columns, and what importing costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from phenolens.measure import FAMILIES, feature_names, measure_objects, metadata_names

JUMP = ("DNA", "ER", "RNA", "AGP", "Mito")


@pytest.mark.parametrize("families", [None, *FAMILIES])
def test_promised_columns_are_those_measured(scene, families):
    table = measure_objects(scene.pixels, scene.channels, scene.labels, families=families)
    names = metadata_names(scene.channels, tuple(scene.labels), families)
    names += feature_names(scene.channels, tuple(scene.labels), families)
    assert list(table) == names
    assert len(set(names)) == len(names)


def test_all_names_of_the_jump_production_profiles(real_data):
    path = real_data("reference") / "jump_cpg0016_feature_names.txt"
    wanted = path.read_text().split()
    made = set(feature_names(JUMP)) | {n.removeprefix("Metadata_") for n in metadata_names(JUMP)}
    assert [name for name in wanted if name not in made] == []


def test_pairs_of_stains_are_named_in_alphabetical_order():
    names = feature_names(("RNA", "AGP"), ("Cells",), "Correlation")
    assert "Cells_Correlation_Correlation_AGP_RNA" in names
    assert "Cells_Correlation_Manders_RNA_AGP" in names
    assert "Cells_Correlation_Correlation_RNA_AGP" not in names


def test_one_stain_has_no_pairs():
    assert feature_names(("DNA",), ("Nuclei",), ("Correlation", "Costes")) == []


def test_importing_the_package_does_not_import_numba():
    code = "import sys, phenolens.measure, phenolens.segment; print('numba' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
