"""Weights by file, folder, mirror or identifier; never a pickle; one line where there are none."""

from __future__ import annotations

import json
import os
import shutil

import huggingface_hub
import pytest
from safetensors.torch import load_file, save_file

from phenolens.errors import InputError
from phenolens.represent.pretrained.sources import MIRROR, find

torch = pytest.importorskip("torch")
NAME = "facebook/dinov2-small"


@pytest.fixture
def copy(folders, tmp_path):
    path = tmp_path / "copy"
    shutil.copytree(folders("vit")[0], path)
    return path


def test_folder_and_file_are_the_same_weights_by_content(copy, tmp_path):
    by_folder, by_file = find(str(copy)), find(str(copy / "model.safetensors"))
    known = by_folder.digest
    assert known == by_file.digest
    assert by_folder.config()["model_type"] == "vit" and by_folder.origin == "copy"
    shutil.move(copy, tmp_path / "elsewhere")
    assert find(str(tmp_path / "elsewhere")).digest == known


def test_replaced_weights_and_another_architecture_have_another_digest(copy):
    first = find(str(copy)).digest
    tensors = load_file(copy / "model.safetensors")
    size = (copy / "model.safetensors").stat()
    tensors["layernorm.bias"] = tensors["layernorm.bias"] + 1
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    os.utime(copy / "model.safetensors", ns=(size.st_atime_ns, size.st_mtime_ns))
    second = find(str(copy)).digest
    told = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(told | {"hidden_act": "relu"}))
    assert len({first, second, find(str(copy)).digest}) == 3


def test_weights_in_parts_are_read_whole(copy):
    tensors = load_file(copy / "model.safetensors")
    names = sorted(tensors)
    parts = {"a.safetensors": names[:5], "b.safetensors": names[5:]}
    for file, own in parts.items():
        save_file({name: tensors[name] for name in own}, copy / file)
    (copy / "model.safetensors").unlink()
    with pytest.raises(InputError, match="holds 2 weight files"):
        find(str(copy))
    where = {name: file for file, own in parts.items() for name in own}
    index = json.dumps({"weight_map": where})
    (copy / "model.safetensors.index.json").write_text(index)
    found = find(str(copy)).tensors()
    assert sorted(found) == names and torch.equal(found[names[7]], tensors[names[7]])
    for damaged in ("{", "[]", '{"weight_map": [1]}'):
        (copy / "model.safetensors.index.json").write_text(damaged)
        with pytest.raises(InputError, match=r"index.json cannot be read"):
            find(str(copy))
    (copy / "model.safetensors.index.json").write_text(index)
    (copy / "a.safetensors").unlink()
    with pytest.raises(InputError, match=r"There is no weight file .*a.safetensors"):
        find(str(copy))


def test_pickles_are_refused_whatever_their_name(copy):
    (copy / "model.safetensors").unlink()
    torch.save({"w": torch.ones(1)}, copy / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"Python pickle only.*convert-weights"):
        find(str(copy))
    torch.save({"w": torch.ones(1)}, copy / "model.safetensors")
    with pytest.raises(InputError, match=r"is a Python pickle.*phenolens convert-weights"):
        find(str(copy))
    with pytest.raises(InputError, match="is a Python pickle"):
        find(str(copy / "pytorch_model.bin"))
    shutil.rmtree(copy)
    copy.mkdir()
    with pytest.raises(InputError, match="holds no weights"):
        find(str(copy))


@pytest.mark.parametrize(
    ("page", "licence"),
    [
        ("---\nlicense: apache-2.0\ntags:\n- vision\n---\n# A model\n", "apache-2.0"),
        ("---\nlicense: other\nlicense_name: dinov3-license\n---\n", "dinov3-license"),
        ("---\ntags: []\n---\nlicense: mit\n", ""),
        ("license: mit\n", ""),
    ],
)
def test_licence_is_what_the_front_matter_says(copy, page, licence):
    (copy / "README.md").write_text(page)
    assert find(str(copy)).licence == licence


@pytest.mark.parametrize("layout", [NAME, NAME.replace("/", "--")])
def test_mirror_is_asked_before_the_hub(copy, tmp_path, monkeypatch, layout):
    (tmp_path / "mirror" / layout).parent.mkdir(parents=True)
    shutil.move(copy, tmp_path / "mirror" / layout)
    monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: pytest.fail("hub"))
    found = find(NAME, revision="abc")
    assert (found.origin, found.revision) == (NAME, "abc")


def test_hub_gives_a_revision_and_never_a_pickle(copy, tmp_path, monkeypatch):
    asked = {}
    snapshot = tmp_path / "snapshots" / "0123abcd"
    snapshot.parent.mkdir()
    shutil.move(copy, snapshot)

    def download(name, *, revision, allow_patterns):
        asked.update(name=name, revision=revision, patterns=allow_patterns)
        return str(snapshot)

    monkeypatch.delenv(MIRROR, raising=False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    found = find(NAME, revision="v1")
    assert (found.origin, found.revision) == (NAME, "0123abcd")
    assert asked["revision"] == "v1"
    assert not any(end in " ".join(asked["patterns"]) for end in (".bin", ".pth", ".pt", ".py"))
    (snapshot / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"has no safetensors on the hub.*convert-weights"):
        find(NAME)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("GatedRepoError", "is gated: accept its licence at https://huggingface.co/facebook/"),
        ("RepositoryNotFoundError", "is no file here, nor on the hub, unless private"),
        ("RevisionNotFoundError", "has no revision 'v9'"),
        (
            "LocalEntryNotFoundError",
            "cannot be fetched from the hub .Local.*no file or folder here",
        ),
        ("ConnectError", "cannot be fetched from the hub .ConnectError."),
    ],
)
def test_hub_that_gives_nothing_is_one_line_with_what_to_do(monkeypatch, kind, said):
    def refuse(*_, **__):
        raise type(kind, (Exception,), {})("many\nlines")

    monkeypatch.delenv(MIRROR, raising=False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(InputError, match=said) as error:
        find(NAME, revision="v9")
    text = str(error.value)
    assert "\n" not in text and "hf download facebook/dinov2-small" in text and MIRROR in text


def test_offline_is_respected(monkeypatch, tmp_path):
    monkeypatch.delenv(MIRROR, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="cannot be fetched from the hub"):
        find("nobody/no-such-model")


def test_what_is_neither_file_nor_identifier():
    with pytest.raises(InputError, match="There are no weights 'nothing'"):
        find("nothing")


def test_damaged_description_is_one_line(copy):
    (copy / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config.json cannot be read"):
        find(str(copy)).config()
    (copy / "config.json").write_text("[]")
    with pytest.raises(InputError, match="holds no description of a model"):
        find(str(copy)).config()
