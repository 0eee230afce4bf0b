"""What an export holds for Vitessce is there, in the formats that its view configs say."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import anndata
import numpy as np
import pytest
import zarr
from ome_zarr_models.v04 import Image

from phenolens.errors import InputError
from phenolens.explore.export import FEATURES, choose
from phenolens.explore.features import most_telling
from phenolens.explore.vitessce import VitessceExport, address_of

ADDRESS = "https://example.org/there"


@pytest.fixture(scope="module")
def written(site, tmp_path_factory):
    folder = tmp_path_factory.mktemp("vitessce")
    screen, telling = site.screen, most_telling(site.screen, FEATURES)
    chosen = choose(screen, screen.treatment_names[:2])
    whole = VitessceExport(screen, site.title, folder, ADDRESS, telling)
    return folder, whole.write(chosen.treatments, chosen.fields), chosen


def files_of(folder, path):
    config = json.loads((folder / path).read_text())
    return [file for dataset in config["datasets"] for file in dataset["files"]]


def local(folder, file):
    assert file["url"].startswith(f"{ADDRESS}/vitessce/")
    return folder / urlsplit(file["url"]).path.removeprefix("/there/")


def test_every_address_in_a_config_is_of_a_store_in_the_export(written):
    folder, configs, chosen = written
    assert configs[0] == "vitessce.json"
    assert len(configs) == 1 + len(chosen.treatments)
    for path in configs:
        kinds = [file["fileType"] for file in files_of(folder, path)]
        assert kinds.count("image.ome-zarr") >= 1
        assert "obsSegmentations.ome-zarr" in kinds
        for file in files_of(folder, path):
            assert (local(folder, file) / ".zgroup").is_file(), file["url"]


def test_views_are_of_datasets_and_maps_that_the_config_has(written):
    folder, configs, _ = written
    for path in configs:
        config = json.loads((folder / path).read_text())
        known = {one["uid"] for one in config["datasets"]}
        assert set(config["coordinationSpace"]["dataset"]) == known
        for view in config["layout"]:
            assert view["coordinationScopes"]["dataset"] in known
            assert view["x"] + view["w"] <= 12
            assert view["y"] + view["h"] <= 12
            for kind, scope in view["coordinationScopes"].items():
                assert scope in config["coordinationSpace"][kind]


def test_wells_and_cells_are_tables_of_what_the_explorer_shows(written, site):
    folder, configs, _ = written
    tables = [f for f in files_of(folder, configs[1]) if f["fileType"] == "anndata.zarr"]
    wells, *cells = [anndata.read_zarr(local(folder, one)) for one in tables]
    known = site.screen.wells.iloc[0]
    place = list(wells.obs_names).index(f"{known['Metadata_Plate']} {known['Metadata_Well']}")
    feature = most_telling(site.screen, FEATURES)[0]
    expected = site.screen.feature(feature.representation, feature.name)[0]
    said = json.loads((folder / configs[1]).read_text())["description"]
    assert said.startswith(f"{len(wells)} of {len(site.screen.wells)} wells are on the maps; ")
    assert wells.X[place, list(wells.var_names).index(feature.name)] == expected
    for one in tables[0]["options"]["obsEmbedding"]:
        assert wells.obsm[one["path"].removeprefix("obsm/")].shape == (len(wells), 2)
    for one in tables[0]["options"]["obsSets"]:
        assert wells.obs[one["path"].removeprefix("obs/")].dtype == "category"
    assert cells
    for table, one in zip(cells, tables[1:], strict=True):
        objects = zarr.open_group(local(folder, one).parent / "objects.zarr", mode="r")
        names = [channel["label"] for channel in objects.attrs["omero"]["channels"]]
        labels = objects["0"][names.index("Cells")]
        assert set(map(int, table.obs_names)) <= set(np.unique(labels).tolist()) - {0}


def test_fields_are_ome_zarr_of_the_pixels_and_their_means(written, site):
    folder, configs, chosen = written
    images = [f for f in files_of(folder, configs[1]) if f["fileType"].endswith("ome-zarr")]
    for file in images:
        group = zarr.open_group(local(folder, file), mode="r")
        image = Image.from_zarr(group)
        axes = [axis.name for axis in image.attributes.multiscales[0].axes]
        assert (axes, group.metadata.zarr_format) == (["c", "y", "x"], 2)
    field = int(local(folder, images[0]).parent.name.removeprefix("f"))
    assert field in chosen.fields
    held = zarr.open_group(local(folder, images[0]), mode="r")
    for stain in range(len(site.screen.pictures.stains)):
        plane = site.screen.pictures.plane(field, stain)
        np.testing.assert_array_equal(held["0"][stain], plane)


@pytest.mark.parametrize("text", ["", "site", "ftp://a/b", "https:///x", "https://a/?x=1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(InputError, match="no address"):
        address_of(text)
    assert address_of("http://127.0.0.1:8000/") == "http://127.0.0.1:8000"


def test_the_command_asks_for_an_export_too(command, explored):
    said = command("explore", explored, "--vitessce", ADDRESS)
    assert "name --export too" in said.refused()
