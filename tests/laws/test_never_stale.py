"""A run that goes on from an earlier one leaves the bytes of a run from nothing.

Every kind of input file is replaced and every setting changed, one at a time, in a folder that
knows other runs; a new setting joins by itself, or fails here until another value is given.
"""

from __future__ import annotations

import os
import shutil
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pandas as pd
import pytest
import tifffile
from pydantic import BaseModel
from skimage.io import imread, imsave
from skimage.segmentation import find_boundaries

from phenolens import study
from phenolens.config import Study, read_study
from phenolens.errors import ConfigError, PhenolensError
from phenolens.files import file_digest
from phenolens.simulate import ScreenDesign, write_screen

QUICK = """
[measure]
families = ["AreaShape", "Intensity"]

[represent]
components = 4
"""
STAINS = ("DNA", "ER", "AGP")  # three of five: the fewest that can be nuclei, cells, and left out
NETWORK = """
[networks]
input = "images"
size = 32
epochs = 1
width = 4
batch = 8
views = 1
device = "cpu"
precision = "float32"
"""
LABELS = 'labels = { Nuclei = "NucleiFile", CellsOutlines = "CellsFile" }\n'
PROFILES = '[[data.profiles]]\nname = "deep"\nfiles = "deep.parquet"\n'


def left(out: Path) -> dict[str, str]:
    """Digest of every file of a study but its store and its times."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    inside = {path.relative_to(out): path for path in files if path.name != "timings.json"}
    return {
        name.as_posix(): file_digest(path)
        for name, path in inside.items()
        if name.parts[0] != "store"
    }


def run(folder: Path, out: str, **how: Any) -> dict[str, str]:
    """Take all steps up to the profiles; what they left, or how they were refused."""
    session = study.open_study(folder / "study.toml", out=folder / out, jobs=1, **how)
    try:
        study.normalize(session)
    except PhenolensError as error:
        return {"refused": str(error)}
    return left(session.out)


def same_as_anew(folder: Path, **how: Any) -> dict[str, str]:
    """Go on in ``out``, start anew beside it, compare every byte."""
    resumed = run(folder, "out", **how)
    anew = run(folder, "anew", **how)
    shutil.rmtree(folder / "anew", ignore_errors=True)  # absent where it was refused
    assert resumed == anew
    return resumed


def images_of(folder: Path, stain: str = "DNA") -> list[Path]:
    table = pd.read_csv(next(folder.rglob("load_data.csv")))
    root = folder / "screen"
    names = table[f"PathName_Orig{stain}"] + "/" + table[f"FileName_Orig{stain}"]
    return [root / name for name in names]


@pytest.fixture(scope="module")
def screen(tmp_path_factory) -> Path:
    """16 wells of one field, so that illumination is estimated over the plate."""
    folder = tmp_path_factory.mktemp("screen")
    design = ScreenDesign(
        plates=1, batches=1, treatments=8, replicates=1, control_wells=8, sites=1, mechanisms=2,
        inactive=1, toxic=1, field_size=96,
    )  # fmt: skip
    write_screen(design, folder / "screen", truth_images=True)
    for path in images_of(folder):  # of one size, whatever they show
        tifffile.imwrite(path, tifffile.imread(path))
    of_stains = f"data.images.channels={list(STAINS)}"
    study.init(folder / "screen", folder / "study.toml", changes=[of_stains])
    with (folder / "study.toml").open("a") as stream:
        stream.write(QUICK)
    return folder


@pytest.fixture(scope="module")
def estimated(screen, tmp_path_factory) -> Path:
    """A study that was taken once: segmented, with an illumination of its own."""
    folder = shutil.copytree(screen, tmp_path_factory.mktemp("estimated") / "study")
    run(folder, "out")
    return folder


@pytest.fixture(scope="module")
def given(screen, tmp_path_factory) -> Path:
    """The same with label images, outlines, illumination functions and profiles made elsewhere."""
    folder = shutil.copytree(screen, tmp_path_factory.mktemp("given") / "study")
    give_what_was_made_elsewhere(folder)
    first = run(folder, "out")
    assert "profiles/deep.parquet" in first and "illumination" not in first
    return folder


def give_what_was_made_elsewhere(folder: Path) -> None:
    """Add label images, outlines, illumination functions and profiles to a study of a screen."""
    for path in folder.rglob("load_data.csv"):
        _give_to(pd.read_csv(path), path, folder)
    tables = [pd.read_csv(path) for path in sorted(folder.rglob("load_data.csv"))]
    deep = pd.concat(tables, ignore_index=True)[["Metadata_Plate", "Metadata_Well"]]
    for number in range(6):
        deep[f"deep_{number}"] = np.random.default_rng(number).normal(size=len(deep))
    deep.to_parquet(folder / "deep.parquet")
    text = (folder / "study.toml").read_text()
    text = text.replace('nuclei = "DNA"\n', f'nuclei = "DNA"\n{LABELS}')
    (folder / "study.toml").write_text(f"{text}\n{PROFILES}")


def _give_to(table: pd.DataFrame, path: Path, folder: Path) -> None:
    """Add the columns of label images and illumination to the image table of a plate."""
    truth = folder / "screen" / "truth" / "images" / str(table["Metadata_Plate"].iloc[0])
    wells = table["Metadata_Well"] + "-" + table["Metadata_Site"].astype(str)
    for well in wells:
        cells = tifffile.imread(truth / f"{well}_cells.tiff")
        drawn = find_boundaries(cells, mode="inner").astype(np.uint8) * 255
        imsave(truth / f"{well}_outlines.png", drawn, check_contrast=False)
    table["NucleiFile"] = [str(truth / f"{well}_nuclei.tiff") for well in wells]
    table["CellsFile"] = [str(truth / f"{well}_outlines.png") for well in wells]
    for stain in STAINS:
        light = np.linspace(0.8, 1.2, cells.size, dtype=np.float64).reshape(cells.shape)
        np.save(folder / f"{stain}.npy", light)
        table[f"FileName_Illum{stain}"] = f"{stain}.npy"
        table[f"PathName_Illum{stain}"] = str(folder)
    table.to_csv(path, index=False)


def _another_image(folder: Path) -> None:
    path = images_of(folder)[3]
    tifffile.imwrite(path, np.flipud(tifffile.imread(path) // 2))


def _an_image_of_the_same_size_and_time(folder: Path) -> None:
    path = images_of(folder)[5]
    before = path.stat()
    tifffile.imwrite(path, np.fliplr(tifffile.imread(path)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def _two_images_swapped(folder: Path) -> None:
    one, other = images_of(folder)[6:8]
    one.rename(one.with_suffix(".away"))
    other.rename(one)
    one.with_suffix(".away").rename(other)


def _a_damaged_image(folder: Path) -> None:
    path = images_of(folder, "ER")[2]
    path.write_bytes(path.read_bytes()[:200])


def _another_label_image(folder: Path) -> None:
    path = max(folder.rglob("*_nuclei.tiff"), key=lambda path: tifffile.imread(path).max())
    labels = tifffile.imread(path)
    tifffile.imwrite(path, np.where(labels == labels.max(), 0, labels))


def _other_outlines(folder: Path) -> None:
    path = max(folder.rglob("*_outlines.png"), key=lambda path: imread(path).sum())
    drawn = np.asarray(imread(path))
    drawn[: len(drawn) // 2] = 0
    imsave(path, drawn, check_contrast=False)


def _another_function(folder: Path) -> None:
    np.save(folder / "DNA.npy", np.load(folder / "DNA.npy")[::-1] * 1.5)


def _fewer_images(folder: Path) -> None:
    path = next(folder.rglob("load_data.csv"))
    pd.read_csv(path).drop(index=4).to_csv(path, index=False)


def _another_plate_map(folder: Path) -> None:
    path = next(folder.rglob("platemap_SIM001.txt"))
    table = pd.read_csv(path, sep="\t")
    treated = table["broad_sample"].dropna()
    rows = [treated.index[0], treated[treated != treated.iloc[0]].index[0]]
    table.loc[rows, "broad_sample"] = table.loc[rows[::-1], "broad_sample"].to_numpy()
    table.to_csv(path, sep="\t", index=False)


def _a_row_that_meets_nothing(folder: Path) -> None:
    path = next(folder.rglob("platemap_SIM001.txt"))
    table = pd.read_csv(path, sep="\t")
    extra = table.tail(1).assign(well_position="P24")
    pd.concat([table, extra]).to_csv(path, sep="\t", index=False)


def _another_annotation(folder: Path) -> None:
    path = next(folder.rglob("external_metadata.tsv"))
    table = pd.read_csv(path, sep="\t")
    column = next(name for name in table if name.endswith("moa"))
    table[column] = table[column].iloc[::-1].to_numpy()
    table.to_csv(path, sep="\t", index=False)


def _other_profiles(folder: Path) -> None:
    table = pd.read_parquet(folder / "deep.parquet")
    table.assign(deep_0=table["deep_1"] * 2).to_parquet(folder / "deep.parquet")


OF_IMAGES = (
    _another_image, _an_image_of_the_same_size_and_time, _two_images_swapped, _a_damaged_image,
    _another_plate_map, _a_row_that_meets_nothing, _another_annotation, _fewer_images,
)  # fmt: skip
MADE_ELSEWHERE = (_another_label_image, _other_outlines, _another_function, _other_profiles)


def named(change: Callable[[Path], None]) -> str:
    return change.__name__.strip("_")


@pytest.mark.parametrize("change", OF_IMAGES, ids=named)
def test_a_replaced_input(estimated, change):
    before = left(estimated / "out")
    change(estimated)
    assert same_as_anew(estimated) != before


@pytest.mark.parametrize("change", MADE_ELSEWHERE, ids=named)
def test_a_replaced_input_that_was_made_elsewhere(given, change):
    before = left(given / "out")
    change(given)
    assert same_as_anew(given) != before


def test_what_is_touched_but_the_same_is_measured_once(estimated):
    """Content counts: files copied again, with other times and inodes, make no work."""
    run(estimated, "out")
    units = {p: p.stat().st_mtime_ns for p in (estimated / "out").glob("store/cells-*/*/*.npz")}
    for path in images_of(estimated):
        shutil.copy(path, path.with_suffix(".copy"))
        path.with_suffix(".copy").rename(path)
    run(estimated, "out")
    run(estimated, "out", verify=True)
    assert {path: path.stat().st_mtime_ns for path in units} == units


# The settings.


def leaves(model: type[BaseModel], place: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting by its place in the study file, and its field."""
    for name, item in model.model_fields.items():
        kinds = [kind for kind in (item.annotation, *get_args(item.annotation)) if _section(kind)]
        if kinds and get_origin(item.annotation) is not list:
            yield from leaves(kinds[0], f"{place}{name}.")
        else:
            yield f"{place}{name}", item


def _section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


SETTINGS = dict(leaves(Study))
# Where another value cannot be guessed from the type.
ANOTHER = {
    "data.controls": "\"Metadata_pert_iname in ['DMSO', 'compound-03']\"",
    "data.positive_controls": "\"Metadata_pert_iname == 'compound-01'\"",
    "data.exclude": "\"Metadata_Well == 'A02'\"",
    "data.measurement": '"average"',
    "data.images.channels": '["DNA", "ER"]',
    "data.images.nuclei": '"ER"',
    "segment.options": "{ neck = 0.9 }",
    "measure.families": '["AreaShape"]',
    "represent.representations": '["pixel-pca"]',
    "encoders": '[{ name = "few", kind = "pixel-pca", settings = { components = 3 } }]',
    "normalize.min_cells": "9",
    "networks.augment": "{ noise = 0.1 }",
}
# They say which files are read, and where: the files themselves are replaced above.
OF_FILES = {
    "data.profiles", "data.tables", "data.same_plate", "data.distinct_plates", "data.columns.plate",
    "data.columns.well", "data.columns.site", "data.columns.batch", "data.columns.compound",
    "data.columns.concentration", "data.columns.mechanism", "data.columns.target",
    "data.columns.cell_count", "data.columns.cell_label", "data.images.table",
    "data.images.layout", "data.images.root",
    "data.images.level", "data.images.file", "data.images.files", "data.images.index",
    "data.images.labels", "data.images.projection", "data.marks", "data.exclude_marks",
}  # fmt: skip
# Nothing of these is kept between runs, but of how wells are made of cells: all at once.
NOT_KEPT = ("splits.", "evaluate.", "report.", "normalize.", "study.name")
OF_WELLS = ("normalize.aggregate", "normalize.min_cells", "normalize.quality_weights")
KEPT = [
    name
    for name in SETTINGS
    if name not in OF_FILES
    and not name.startswith("networks.")
    and (not name.startswith(NOT_KEPT) or name in OF_WELLS)
]
OF_NETWORKS = [name for name in SETTINGS if name.startswith("networks.")]


def another(name: str, path: Path) -> str:
    """A setting with a value that it does not have in this study, as ``--set`` takes it."""
    now: Any = read_study(path).model_dump()
    for part in name.split("."):
        now = now[part]
    for value in [ANOTHER[name]] if name in ANOTHER else guesses(SETTINGS[name].annotation, now):
        try:
            read_study(path, changes=[f"{name}={value}"])
        except ConfigError:
            continue
        return f"{name}={value}"
    raise AssertionError(f"{name} is new: give another value of it in ANOTHER.")


def guesses(annotation: Any, now: Any) -> Iterator[str]:
    """Values of a type, as TOML writes them, that are not the present one."""
    if get_origin(annotation) in (types.UnionType, Literal) or get_args(annotation):
        for item in get_args(annotation):
            if isinstance(item, str) and item != now:
                yield f'"{item}"'
            elif isinstance(item, bool | int) and item != now:
                yield str(item).lower()
            elif not isinstance(item, str | bool | int | type(None)):
                yield from guesses(item, now)
    if annotation is bool:
        yield str(not now).lower()
    if annotation is int:
        yield from (str(value) for value in (*([now * 2, now + 1] if now else []), 7, 48, 64))
    if annotation is float:
        yield from (str(value) for value in ([now * 0.5] if now else []) + [12.5, 0.5])
    if annotation is str:
        yield '"another"'


@pytest.fixture(scope="module")
def settled(screen, tmp_path_factory) -> Path:
    """A study that was taken once, for changes of its settings."""
    folder = shutil.copytree(screen, tmp_path_factory.mktemp("settled") / "study")
    run(folder, "out")
    return folder


@pytest.mark.parametrize("name", KEPT)
def test_a_changed_setting(settled, name):
    same_as_anew(settled, changes=[another(name, settled / "study.toml")])


def test_settings_of_what_is_not_kept(settled):
    names = [name for name in SETTINGS if name.startswith(NOT_KEPT) and name not in KEPT]
    same_as_anew(settled, changes=[another(name, settled / "study.toml") for name in names])


def test_a_changed_setting_of_an_encoder(settled):
    """In the folder that knows an encoder of that name with another setting."""
    run(settled, "out", changes=[f"encoders={ANOTHER['encoders']}"])
    same_as_anew(settled, changes=[f"encoders={ANOTHER['encoders'].replace('3', '2')}"])


def test_there_and_back_again(settled):
    """Label images lie with the fields: those of the last settings must not serve the first."""
    first = run(settled, "back")
    run(settled, "back", changes=["segment.nucleus_diameter=9.0"])
    assert run(settled, "back") == first
    labels = sorted((settled / "back" / "store").rglob("labels/*/0/c/0/0"))
    anew = run(settled, "anew")
    assert anew == first
    again = sorted((settled / "anew" / "store").rglob("labels/*/0/c/0/0"))
    assert [path.read_bytes() for path in labels] == [path.read_bytes() for path in again]


@pytest.fixture(scope="module")
def trained(screen, tmp_path_factory):
    """The trainings of a small network that was trained once."""
    pytest.importorskip("torch").set_num_threads(1)
    folder = shutil.copytree(screen, tmp_path_factory.mktemp("trained") / "study")
    text = (folder / "study.toml").read_text()
    text = text.replace("[represent]", '[represent]\nrepresentations = ["cnn"]') + NETWORK
    (folder / "study.toml").write_text(text)
    session = study.open_study(folder / "study.toml", out=folder / "out", jobs=1)
    study.represent(session)
    return folder, session.taken["represent"].trainings["cnn"]


def with_changes(trained, *changes: str):
    folder, trainings = trained
    study_file = read_study(folder / "study.toml", changes=changes)
    return replace(trainings, session=replace(trainings.session, study=study_file))


# What is read is another image, or other rows; the key holds those.
READS = {
    "networks.input": 'networks.input="cells"',
    "networks.box": "networks.box=24",
    "networks.cells_per_well": "networks.cells_per_well=1",
    "networks.groups": "networks.groups=3",
}
OF_OTHER_NETWORKS = ("networks.latent", "networks.beta", "networks.free_bits", "networks.weight")


@pytest.mark.parametrize("name", [name for name in OF_NETWORKS if name not in READS])
def test_a_setting_of_networks_names_another_training(trained, name):
    """Training takes minutes: that the key is another is enough."""
    folder, trainings = trained
    changed = with_changes(trained, another(name, folder / "study.toml"))
    fold = next(iter(trainings.rows))
    options = trainings.kind.Options.model_fields
    differs = changed.folder(fold) != trainings.folder(fold)
    # Where curves are shown as well is no part of what is learned.
    learned = name != "networks.tensorboard" and name.removeprefix("networks.") in options
    assert differs == learned


@pytest.mark.parametrize("name", READS)
def test_a_setting_of_what_networks_read(of_cells, name):
    """Trained in a folder that knows other trainings: profiles and curves as in a new one."""
    changes = ["networks.cells_per_well=2", READS[name]]
    if name != "networks.input":
        changes.insert(0, 'networks.input="cells"')
    before = run(of_cells, "out", changes=changes[:-1])
    assert same_as_anew(of_cells, changes=changes) != before


@pytest.fixture(scope="module")
def of_cells(trained, tmp_path_factory) -> Path:
    """The study of the small network, with crops of two cells a well where it reads cells."""
    folder = shutil.copytree(trained[0], tmp_path_factory.mktemp("of-cells") / "study")
    text = (folder / "study.toml").read_text()
    text = text.replace('"Intensity"]', '"Intensity", "Location"]')
    (folder / "study.toml").write_text(text)
    return folder


def test_weights_of_the_hub_name_the_training_by_their_content(trained, tmp_path, monkeypatch):
    path, found, asked = tmp_path / "model.safetensors", [], []

    def of_family(weights: str, family: str) -> tuple[Path, str, str]:
        asked.append((weights, family))
        return path, "from the hub", "free"

    monkeypatch.setattr("phenolens.study.networks.find_weights", of_family)
    for content in (b"one", b"two"):
        path.write_bytes(content)
        of_hub = with_changes(
            trained, 'networks.weights="imagenet"', 'networks.architecture="resnet-34"'
        )
        found.append(of_hub.folder(next(iter(of_hub.rows))))
    assert found[0] != found[1]
    assert set(asked) == {("imagenet", "resnet-34")}


def test_a_setting_of_an_encoder_names_another_training(trained):
    found = []
    for settings in ("", "width = 8", "epochs = 2"):
        encoder = f'[{{ name = "own", kind = "cnn", settings = {{ {settings} }} }}]'
        own = replace(with_changes(trained, f"encoders={encoder}"), name="own")
        found.append(own.folder(next(iter(own.rows))))
    assert len(set(found)) == 3


def test_other_weights_of_the_same_name_name_another_training(trained):
    folder, _ = trained
    path = folder / "weights.safetensors"
    found = []
    for content in (b"one", b"two"):
        path.write_bytes(content)
        named_weights = with_changes(trained, f'networks.weights="{path.as_posix()}"')
        found.append(named_weights.folder(next(iter(named_weights.rows))))
    assert found[0] != found[1]


def test_other_controls_and_another_illumination_name_another_training(trained):
    """What calibrates a plate, and how its light falls, is in every pixel that a network reads."""
    folder, trainings = trained
    found = [trainings.folder(next(iter(trainings.rows)))]
    for change in (another("data.controls", folder / "study.toml"), 'prepare.illumination="none"'):
        toml, out = folder / "study.toml", folder / "out"
        session = study.open_study(toml, out=out, jobs=1, changes=[change])
        study.represent(session)
        other = session.taken["represent"].trainings["cnn"]
        found.append(other.folder(next(iter(other.rows))))
    assert len(set(found)) == 3
