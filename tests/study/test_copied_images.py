"""Images that were copied under another plate's name are found once they are measured."""

from __future__ import annotations

import shutil

import pandas as pd

from phenolens.files import read_json


def copied(screen) -> tuple[str, str]:
    """Replace the second plate's images by the first's, under the second's names."""
    tables = sorted(screen.folder.rglob("load_data.csv"))
    first, second = (pd.read_csv(path) for path in tables)
    names = [name for name in first if name.startswith("FileName_")]
    for name in names:
        folder = name.replace("FileName", "PathName")
        for row in range(len(first)):
            source = next(screen.folder.rglob(f"{first[folder][row]}/{first[name][row]}"))
            target = next(screen.folder.rglob(f"{second[folder][row]}/{second[name][row]}"))
            shutil.copyfile(source, target)
    return str(first["Metadata_Plate"][0]), str(second["Metadata_Plate"][0])


def test_a_run_stops_at_images_that_are_another_plate_s(screen, command):
    first, second = copied(screen)
    options = (screen.study, "--jobs", 1, "--out", screen.out)
    assert command("check", *options).code == 0
    line = command("represent", *options).refused()
    assert f"'{first}' and '{second}' look like one measured twice" in line
    assert "have equal values" in line
    screen.settings("[data]\n", f'[data]\ndistinct_plates = ["{first}", "{second}"]\n')
    assert command("represent", *options).code == 0
    told = read_json(screen.out / "ledger.json")["conflicts"]
    assert [c["source"] for c in told] == ["distinct_plates"]
