"""A static site is the same answers as files; it opens nowhere but where it was meant to lie."""

from __future__ import annotations

import json

import pytest

from phenolens.errors import InputError
from phenolens.explore.export import export


@pytest.fixture(scope="module")
def exported(site, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "site"
    name = next(n for n, c in zip(site.screen.treatments["name"], site.screen.treatments["control"],
                                  strict=True) if not c)  # fmt: skip
    return folder, name, export(site, folder, treatments=[name])


def test_files_are_what_the_server_answers(site, exported):
    folder, _, _ = exported
    found = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    ours = {"README.txt", "data/screen.json", "data/features.json", "data/groups.json"}
    changed = ("data/well/", "data/treatment/")
    compared = 0
    for path in found:
        name = path.relative_to(folder).as_posix()
        if name not in ours and not name.startswith(changed):
            assert path.read_bytes() == site.answer(name).body, name
            compared += 1
    assert compared > 100


def test_every_path_that_a_file_names_is_there(exported):
    folder, name, _ = exported
    screen = json.loads((folder / "data" / "screen.json").read_text())
    assert (screen["mode"], screen["folder"]) == ("static", "")
    features = json.loads((folder / "data" / "features.json").read_text())
    assert all((folder / f"data/features/{one['id']}.arrow").is_file() for one in features)
    assert all((folder / f"data/maps/{n}.arrow").is_file() for n in range(len(screen["maps"])))
    for number in screen["images"]["wells"]:
        well = json.loads((folder / f"data/well/w{number}.json").read_text())
        for field in [*well["fields"], *well["controls"]]:
            assert (folder / f"images/f{field['id']}/0/0/0-0.bin").is_file()
    shown = 0
    for path in (folder / "data" / "treatment").glob("*.json"):
        one = json.loads(path.read_text())
        for cells in (one["cells"] or {"lists": []})["lists"]:
            assert (folder / cells["path"]).is_file()
            assert one["name"] == name
            shown += 1
    assert shown == 3


def test_groups_that_can_be_foreseen_have_their_answers(site, exported):
    folder, name, _ = exported
    groups = json.loads((folder / "data" / "groups.json").read_text())
    screen = json.loads((folder / "data" / "screen.json").read_text())
    assert screen["groups"] == len(groups)
    assert {one["kind"] for one in groups} >= {"mechanism", "neighbourhood"}
    for one in groups:
        told = json.loads((folder / one["path"]).read_text())
        assert told["n_treatments"] == len(one["treatments"])
    around = next(one for one in groups if one["kind"] == "neighbourhood")
    assert site.screen.treatment_ids[name] in around["treatments"]


def test_the_first_cells_of_a_treatment_know_their_nearest(exported):
    folder, _, _ = exported
    told = json.loads((folder / "data" / "screen.json").read_text())
    assert len(told["nearest"]) in range(2, 5)
    for field, number in told["nearest"]:
        found = json.loads((folder / f"data/nearest/f{field}-{number}.json").read_text())
        first = found["cells"][0]
        assert (first["field"], first["object"]) == (field, number)
        crops = len(found["cells"]) * len(told["stains"]) * found["size"] ** 2 * 2
        assert (folder / found["path"]).stat().st_size == crops


def test_the_folder_of_the_study_is_not_told(exported, explored):
    folder, _, _ = exported
    for path in folder.rglob("*"):
        if path.is_file():
            assert str(explored).encode() not in path.read_bytes(), path


def test_what_was_written_is_said(exported):
    folder, name, lines = exported
    assert str(folder) in lines[0]
    assert name in lines[1]
    assert not [line for line in lines if line.startswith("Left out")]


def test_another_folder_is_not_written_into(site, tmp_path):
    (tmp_path / "thesis.docx").write_text("")
    with pytest.raises(InputError, match="something else than an export"):
        export(site, tmp_path)
    with pytest.raises(InputError, match=r"no treatment 'nothing'"):
        export(site, tmp_path / "new", treatments=["nothing"])
    assert not (tmp_path / "new").exists()


def test_the_command_exports(command, explored, tmp_path):
    said = command("explore", explored, "--export", tmp_path / "site", "--treatments", "nowhere")
    assert "no treatment 'nowhere'" in said.refused()
    said = command("explore", explored, "--treatments", "DMSO")
    assert "name --export too" in said.refused()
