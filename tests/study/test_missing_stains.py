"""A stain that a whole plate lacks is named with the plate, counted, and one is told what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from phenolens.files import read_json
from phenolens.study.session import open_study
from phenolens.study.step import take

STUDY = """
[data.images]
table = "images.csv"
layout = "load_data"
"""


@pytest.fixture
def screen(tmp_path) -> Path:
    """Two plates of two fields; the second has no ER: one file is gone, the other not named."""
    rows = []
    for plate in ("P1", "P2"):
        for well in ("A01", "A02"):
            row = {"Metadata_Plate": plate, "Metadata_Well": well, "Metadata_Site": 1}
            for stain in ("DNA", "ER"):
                name = f"{plate}{well}{stain}.tif"
                pixels = np.random.default_rng(len(rows)).integers(9, 99, (16, 16))
                if (plate, stain) != ("P2", "ER"):
                    tifffile.imwrite(tmp_path / name, pixels.astype(np.uint16))
                elif well == "A02":
                    name = ""
                row |= {f"FileName_Orig{stain}": name, f"PathName_Orig{stain}": str(tmp_path)}
            rows.append(row)
    pd.DataFrame(rows).to_csv(tmp_path / "images.csv", index=False)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


def found(folder: Path, *changes: str) -> list:
    session = open_study(folder / "study.toml", out=folder / "out", jobs=1, changes=changes)
    findings = take(session, "check")
    return [one for one in findings if one.code == "stain-missing-on-plate"]


def test_plate_and_stain_are_named_counted_and_what_to_do(screen):
    (one,) = found(screen)
    assert (one.severity, one.about["plate"], one.values["stains"]) == ("warning", ["P2"], ["ER"])
    assert one.said.what == "No image of ER was found for plate P2."
    assert "channels" in one.said.remedy
    assert (
        read_json(screen / "out" / "ledger.json")["counts"]["screen"]["plates_without_a_stain"] == 1
    )


def test_it_is_gone_where_the_stain_is_left_out_or_a_field_has_it(screen):
    assert found(screen, 'data.images.channels=["DNA"]') == []
    tifffile.imwrite(screen / "P2A01ER.tif", np.ones((16, 16), np.uint16))
    assert found(screen) == []
