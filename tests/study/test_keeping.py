"""A finished study is checked, and what it need not keep is freed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
import tifffile

from phenolens import plugins, study
from phenolens.errors import InputError
from phenolens.simulate import ScreenDesign, write_screen
from phenolens.study import step
from phenolens.study.lock import writing

SETTINGS = """
[measure]
families = ["AreaShape", "Intensity"]

[represent]
components = 4

[evaluate]
permutations = 100
bootstrap = 10
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    design = ScreenDesign(
        plates=1, batches=1, treatments=4, replicates=1, control_wells=6, sites=1, mechanisms=2,
        inactive=1, toxic=1, field_size=96,
    )  # fmt: skip
    write_screen(design, folder / "screen")
    study.init(folder / "screen", folder / "study.toml")
    with (folder / "study.toml").open("a") as stream:
        stream.write(SETTINGS)
    with writing(folder / "out"):  # its lock is none of a run's results
        study.run(study.open_study(folder / "study.toml", out=folder / "out", jobs=1))
    return folder


@pytest.fixture
def out(finished, tmp_path) -> Path:
    return shutil.copytree(finished / "out", tmp_path / "out")


def test_a_study_that_was_left_alone_is_sound(out, command):
    answer = command("verify", out)
    assert (answer.code, answer.out) == (0, "Everything is as the run left it.\n")


def _flip(path: Path) -> Path:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("results.parquet", "Result"),
        ("report.html", "Result"),
        ("store/images-*/*/*/*/*/0/c/1/0/0", "Store"),
        ("store/images-*/*/*/*/*/labels/Cells/0/c/0/0", "Store"),
        ("store/cells-*/*/*.npz", "Store"),
        ("store/representation-*/wells.parquet", "Store"),
        ("store/representation-*/card.json", "Store"),
        ("store/umap-*.parquet", "Store"),
    ],
)
def test_a_flipped_bit_is_found(out, command, pattern, kind):
    _flip(sorted(out.glob(pattern))[0])
    answer = command("verify", out)
    (line,) = answer.out.splitlines()
    assert answer.code == 1 and line.startswith(f"{kind}: ")


def test_a_result_that_is_gone_is_found(out, command):
    (out / "hits.csv").unlink()
    assert "hits.csv is missing" in command("verify", out).out


def test_inputs_that_have_changed_are_found(finished, out, command):
    image = sorted((finished / "screen").rglob("*.tiff"))[0]
    table = next((finished / "screen").rglob("load_data.csv"))
    whole, text = image.read_bytes(), table.read_text()
    try:
        tifffile.imwrite(image, tifffile.imread(image) + 1)
        pd.read_csv(table).iloc[:-1].to_csv(table, index=False)
        lines = command("verify", out).out.splitlines()
    finally:
        image.write_bytes(whole)
        table.write_text(text)
    assert [line.partition(" has")[0] for line in lines] == [f"Input: {image}", f"Input: {table}"]


def test_a_folder_without_a_finished_study_is_refused(tmp_path, out, command):
    assert "is not the folder of a study's results" in command("verify", tmp_path).refused()
    assert "is not the folder of a study's results" in command("clean", tmp_path).refused()
    (out / "store" / "finished.json").unlink()
    with pytest.raises(InputError, match="holds no finished study"):
        study.verify(out)


def test_what_other_settings_left_is_freed_when_asked(finished, out, command):
    toml = finished / "study.toml"
    other = {"out": out, "jobs": 1, "changes": ["segment.nucleus_diameter=14.0"]}
    study.measure(study.open_study(toml, **other))
    leftover = out / "store" / ".partial-x"
    leftover.write_text("of a killed run")
    before = {path for path in out.rglob("*") if path.is_file()}
    told = command("clean", out).out
    assert told.count("Can be freed: ") == 2 and "Nothing was freed" in told
    assert {path for path in out.rglob("*") if path.is_file()} == before
    assert command("clean", out, "--yes").out.count("Freed: ") == 2
    gone = before - {path for path in out.rglob("*") if path.is_file()}
    assert leftover in gone
    assert {path.relative_to(out).parts[0] for path in gone} == {"store"}
    assert "Nothing to free" in command("clean", out, "--yes").out


def test_a_library_that_was_installed_since_is_asked(finished, out, monkeypatch):
    """Leiden clusters are there as soon as what finds them is."""
    taken = []

    def take(session, name):
        taken.append(name)
        return step.take(session, name) if name != "report" else out / "report.html"

    session = {"out": out, "jobs": 1}
    study.run(study.open_study(finished / "study.toml", **session))
    monkeypatch.setattr(sys.modules["phenolens.study.run"], "take", take)  # not the function
    study.run(study.open_study(finished / "study.toml", **session))
    assert "report" not in taken
    monkeypatch.setattr(plugins, "extras", lambda: {"leidenalg": "0.10.2"})
    study.run(study.open_study(finished / "study.toml", **session))
    assert "report" in taken


def test_a_store_that_was_freed_whole_is_made_again(finished, out, command):
    before = {p: p.read_bytes() for p in out.glob("*.parquet")}
    command("clean", out, "--everything", "--yes")
    assert not any((out / "store").iterdir())
    study.run(study.open_study(finished / "study.toml", out=out, jobs=1))
    assert {p: p.read_bytes() for p in out.glob("*.parquet")} == before
    assert study.verify(out) == []
