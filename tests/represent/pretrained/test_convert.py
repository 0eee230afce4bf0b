"""Pickles become safetensors without running anything they hold."""

from __future__ import annotations

import os

import pytest

from phenolens.errors import InputError
from phenolens.represent.networks.checkpoint import load_tensors, refuse_pickle
from phenolens.represent.pretrained.convert import convert_weights

torch = pytest.importorskip("torch")


class Code:
    """What a hostile file would do on being read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_tensors_come_over_with_their_values(tmp_path):
    shared = torch.arange(6.0).reshape(2, 3)
    held = {"epoch": 3, "teacher": {"a.weight": shared, "b.weight": shared.T}}
    torch.save(held, tmp_path / "w.pth")
    assert convert_weights(tmp_path / "w.pth", tmp_path / "w.safetensors") == 2
    refuse_pickle(tmp_path / "w.safetensors")
    found, about = load_tensors(tmp_path / "w.safetensors")
    assert torch.equal(found["a.weight"], shared) and torch.equal(found["b.weight"], shared.T)
    assert about["from"] == "w.pth" and len(about["sha256"]) == 16


def test_several_sets_must_be_chosen_from(tmp_path):
    held = {"teacher": {"w": torch.ones(1)}, "student": {"w": torch.zeros(1)}}
    torch.save(held, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"several sets of weights \(teacher, student\)"):
        convert_weights(tmp_path / "w.pth", tmp_path / "w.safetensors")
    convert_weights(tmp_path / "w.pth", tmp_path / "w.safetensors", part="student")
    assert load_tensors(tmp_path / "w.safetensors")[0]["w"].item() == 0
    with pytest.raises(InputError, match="has no part 'ema'; its parts are: teacher, student"):
        convert_weights(tmp_path / "w.pth", tmp_path / "w.safetensors", part="ema")


def test_code_in_a_pickle_is_refused_and_never_runs(tmp_path):
    torch.save({"w": torch.ones(1), "x": Code(str(tmp_path / "ran"))}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="wants to run code of its own") as error:
        convert_weights(tmp_path / "w.pth", tmp_path / "w.safetensors")
    assert "\n" not in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w.pth"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"# notes\n", "is no weight file that PyTorch wrote"),
        (b"", "is no weight file that PyTorch wrote"),
        (b"PK\x03\x04 and no more", "cannot be read as PyTorch weights"),
    ],
)
def test_other_files_are_one_line(tmp_path, content, said):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(InputError, match=said) as error:
        convert_weights(tmp_path / "w.pth", tmp_path / "w.safetensors")
    assert "\n" not in str(error.value)


def test_what_holds_no_named_tensors_is_refused(tmp_path):
    out = tmp_path / "w.safetensors"
    for held, said in (([torch.ones(1)], "holds a list"), ({"epoch": 1}, r"keys: \['epoch'\]")):
        torch.save(held, tmp_path / "w.pth")
        with pytest.raises(InputError, match=said):
            convert_weights(tmp_path / "w.pth", out)
    with pytest.raises(InputError, match="There is no weight file"):
        convert_weights(tmp_path / "none.pth", out)
    with pytest.raises(InputError, match="give the new file the ending"):
        convert_weights(tmp_path / "w.pth", tmp_path / "w.bin")
