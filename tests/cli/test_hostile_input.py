"""A full disk, no memory, and control characters: one line, exit code 2, and what to do."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import tifffile

from phenolens.simulate import simulate_profiles


@pytest.fixture
def wells(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table, _ = simulate_profiles(plates=2, treatments=6, controls=12, features=10, seed=1)
    named = [f"Cells_Intensity_MeanIntensity_S{number}" for number in range(len(table.columns))]
    table.set_axis(named, axis=1).reset_index().to_parquet("wells.parquet")
    return "wells.parquet"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_told_with_what_to_do(command, asked, wells, code):
    question = asked("batch")

    def write() -> None:
        raise OSError(code, "No space left on device", "found.csv")

    question.instead = write
    said = command("batch", wells, "-o", "found.csv").refused()
    assert said.startswith("found.csv cannot be written: No space left on device. Free some space")


@pytest.mark.parametrize("said", ["", "Unable to allocate 745. GiB for an array"])
def test_memory_that_is_not_there_is_told_with_what_to_do(command, asked, wells, said):
    question = asked("batch")

    def read() -> None:
        raise MemoryError(said)

    question.instead = read
    line = command("batch", wells, "-o", "found.csv").refused()
    assert line.startswith("there is not enough memory")
    assert said in line and "--jobs" in line


def test_control_characters_of_a_path_are_shown_and_do_nothing(command, tmp_path):
    (tmp_path / "study.toml").write_text(
        '[[data.profiles]]\nname = "cp"\nfiles = "a\\u0000\\u001b[31mb.csv"\n'
    )
    said = command("check", tmp_path / "study.toml").refused()
    assert r"a\x00\x1b[31mb.csv" in said


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("study.name", '[study]\nname = "a\\u0000b"'),
        ("study.name", '[study]\nname = "a\\nb"'),
        ("report.title", '[report]\ntitle = "\\u001b[31m"'),
        ("data.profiles.0.name", '[[data.profiles]]\nname = "c\\u0007p"\nfiles = "x.csv"'),
        ("data.controls", '[data]\ncontrols = "a == \\u0000"'),
    ],
)
def test_control_characters_of_a_name_are_refused_in_one_line(command, tmp_path, setting, line):
    (tmp_path / "study.toml").write_text(f"{line}\n")
    said = command("check", tmp_path / "study.toml").refused()
    assert f"'{setting}' holds the control character" in said
    assert said.isprintable()


def test_a_current_folder_that_is_gone_is_named(command, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PWD", str(tmp_path / "here"))
    (tmp_path / "here").rmdir()
    said = command("init", ".").refused()
    assert (
        said == f"the current folder, {tmp_path / 'here'}, is gone. Change into one that is there."
    )


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("output", [".", "there", "there/.."])
def test_a_folder_is_no_study_file(command, wells, tmp_path, output, force):
    (tmp_path / "there").mkdir()
    said = command("init", wells, "-o", output, *force).refused()
    assert said.startswith(f"{output} is a folder; name the study file in it, such as ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there", "wells.parquet"]


@pytest.mark.parametrize("line", ["check study.toml", "report study.toml", "init . -o study.toml"])
def test_a_study_file_that_is_a_link_to_itself_is_one_line(command, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").symlink_to("study.toml")
    assert "study.toml" in command(*line.split()).refused()


def test_an_image_that_is_a_link_to_itself_is_named(tmp_path, command):
    images = tmp_path / "P1" / "Images"
    images.mkdir(parents=True)
    for site in (1, 2):
        name = images / f"r01c02f0{site}p01-ch1sk1fk1fl1.tiff"
        tifffile.imwrite(name, np.full((16, 16), site, dtype=np.uint16))
    given = "--set", "data.images.channels=['DNA']"
    command("init", tmp_path, "-o", tmp_path / "study.toml", *given)
    first = images / "r01c02f01p01-ch1sk1fk1fl1.tiff"
    first.unlink()
    first.symlink_to(first.name)
    command("check", tmp_path / "study.toml", "--out", tmp_path / "out")
    assert first.name in (tmp_path / "out" / "audit.json").read_text()


def test_pages_of_a_file_are_planes_that_are_asked_about(tmp_path, command):
    rows = []
    for site in (1, 2):
        name = tmp_path / f"field{site}.tif"
        tifffile.imwrite(name, np.zeros((5, 16, 16), dtype=np.uint16))
        rows.append(f"P1,A01,{site},{name.name}")
    (tmp_path / "images.csv").write_text("Plate,Well,Site,DNA\n" + "\n".join(rows))
    (tmp_path / "study.toml").write_text(
        '[data.images]\ntable = "images.csv"\nfiles = { DNA = "DNA" }\nchannels = ["DNA"]\n'
        '[data.columns]\nplate = "Plate"\nwell = "Well"\nsite = "Site"\n'
    )
    said = command("check", tmp_path / "study.toml", "--out", tmp_path / "out").refused()
    assert "images: 5 planes a field" in said and 'projection = "max"' in said
