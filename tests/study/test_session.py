"""A study's folder: what another version left there is not mixed with what this one writes."""

from __future__ import annotations

import shutil

import pytest

from phenolens import profiles, study
from phenolens.errors import ConfigError, InputError
from phenolens.files import read_json, write_json
from phenolens.settings import LAYOUT
from phenolens.tools.files import read_study_profiles


def refusal(study_file, out) -> str:
    with pytest.raises(ConfigError) as told:
        study.open_study(study_file, out=out)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_a_folder_says_which_version_laid_it_out(wells):
    study.splits(study.open_study(wells.study, out=wells.out, jobs=1))
    assert read_json(wells.out / "layout.json") == {"layout": LAYOUT}
    study.open_study(wells.study, out=wells.out)


@pytest.mark.parametrize("left", ["results.parquet", "splits.parquet", "ledger.json"])
def test_results_of_a_version_that_did_not_say_are_refused(wells, left):
    wells.out.mkdir()
    (wells.out / left).write_bytes(b"")
    told = refusal(wells.study, wells.out)
    assert f"{wells.out} holds results of another version" in told
    assert f"(layout 1; this one writes {LAYOUT})" in told and "--out" in told


def test_results_of_a_later_version_are_refused(wells):
    write_json(wells.out / "layout.json", {"layout": LAYOUT + 1})
    assert f"(layout {LAYOUT + 1}; this one writes {LAYOUT})" in refusal(wells.study, wells.out)


def test_a_folder_that_holds_something_else_is_used(wells):
    wells.out.mkdir()
    (wells.out / "notes.txt").write_text("mine")
    study.open_study(wells.study, out=wells.out)


def test_weights_of_a_study_file_lie_beside_it(tmp_path, monkeypatch):
    """Like all its paths they start from its folder, wherever the command stands."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "w.safetensors").write_bytes(b"")
    weights = 'weights = "w.safetensors"'
    encoder = f'[[encoders]]\nname = "mine"\nkind = "cnn"\nsettings = {{ {weights} }}\n'
    images = '[data.images]\ntable = "load_data.csv"\n'
    (tmp_path / "study.toml").write_text(f"{encoder}[networks]\n{weights}\n{images}")
    opened = study.open_study(tmp_path / "study.toml", out=tmp_path / "out").study
    placed = (tmp_path.resolve() / "w.safetensors").as_posix()
    assert opened.networks.weights == placed
    assert opened.encoders[0].settings == {"weights": placed}
    changes = ['networks.weights="imagenet"']
    opened = study.open_study(tmp_path / "study.toml", out=tmp_path / "out", changes=changes).study
    assert opened.networks.weights == "imagenet"


def test_the_command_refuses_in_one_line(command, wells):
    wells.out.mkdir()
    (wells.out / "results.parquet").write_bytes(b"")
    said = command("run", wells.study, "--out", wells.out).refused()
    assert "another version of phenolens" in said


def test_profiles_of_another_version_are_refused(wells, tmp_path):
    study.normalize(study.open_study(wells.study, out=wells.out, jobs=1))
    path = wells.out / "profiles" / "deep.parquet"
    assert read_study_profiles(path).name == "deep"
    copy = shutil.copy(path, tmp_path / "deep.parquet")
    about = profiles.read_about(path) | {"layout": LAYOUT - 1}
    profiles.write(profiles.read(path), copy, about=about)
    with pytest.raises(InputError, match=r"deep\.parquet was written by another version") as told:
        read_study_profiles(copy)
    assert "\n" not in str(told.value)


def test_the_folder_is_one_wherever_the_process_stands(wells, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = study.open_study(wells.study, out="results", jobs=1)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    study.splits(session)
    assert (tmp_path / "results" / "splits.parquet").is_file()
    assert not any((tmp_path / "elsewhere").iterdir())
