"""Weights of a PyTorch pickle as safetensors, without running anything that the pickle holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from phenolens.errors import InputError
from phenolens.files import file_digest
from phenolens.represent.networks.checkpoint import save_tensors
from phenolens.represent.networks.torches import require_torch

_STARTS = (b"PK\x03\x04", b"\x80")
_PARTS = ("state_dict", "model_state_dict", "model", "teacher", "student", "ema", "net")


def convert_weights(weights: str | Path, out: str | Path, *, part: str = "") -> int:
    """Convert a PyTorch pickle (.pth, .pt, .bin) to safetensors, running nothing of it.

    A pickle can run any code when it is read, so studies refuse them. Here PyTorch reads tensors
    only (``weights_only=True``), and a file that holds more is refused.

    Parameters
    ----------
    weights : path
        The file as it was published.
    out : path
        The new file, which ends in .safetensors.
    part : str
        Which set of weights, where the file holds several: 'teacher'.

    Returns
    -------
    int
        How many tensors were written.

    Raises
    ------
    InputError
        If the file is missing, damaged, wants to run code, or holds no tensors by name.

    Examples
    --------
    >>> import torch
    >>> from phenolens.represent.pretrained.convert import convert_weights
    >>> torch.save({"layer.weight": torch.zeros(2, 2)}, "published.pth")
    >>> convert_weights("published.pth", "published.safetensors")
    1
    """
    weights, out = Path(weights), Path(out)
    if not weights.is_file():
        raise InputError(f"There is no weight file {weights}.")
    if out.suffix != ".safetensors":
        raise InputError(f"{out}: give the new file the ending .safetensors.")
    with weights.open("rb") as file:
        if not file.read(4).startswith(_STARTS):
            raise InputError(
                f"{weights} is no weight file that PyTorch wrote. If it is safetensors, give it as "
                "it is."
            )
    torch = require_torch()
    try:
        found = torch.load(weights, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise InputError(
            f"{weights} wants to run code of its own when it is read (it holds more than tensors), "
            "so it is refused. Ask its authors for safetensors or for a plain state_dict."
        ) from None
    except (RuntimeError, EOFError, ValueError, OSError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{weights} cannot be read as PyTorch weights ({reason}).") from None
    tensors = _tensors(found, part, weights)
    named = {k: t.detach().clone().contiguous() for k, t in tensors.items()}  # none share memory
    save_tensors(out, named, {"from": weights.name, "sha256": file_digest(weights), "part": part})
    return len(named)


def _tensors(found: Any, part: str, weights: Path) -> dict[str, Any]:
    """The set of named tensors in what was read."""
    torch = require_torch()
    if not isinstance(found, Mapping):
        raise InputError(f"{weights} holds a {type(found).__name__}, and no tensors by name.")
    if part:
        if not isinstance(found.get(part), Mapping):
            there = ", ".join(k for k, v in found.items() if isinstance(v, Mapping)) or "none"
            raise InputError(f"{weights} has no part '{part}'; its parts are: {there}.")
        return _tensors(found[part], "", weights)
    tensors = {str(k): v for k, v in found.items() if isinstance(v, torch.Tensor)}
    if tensors:
        return tensors
    parts = [k for k in _PARTS if isinstance(found.get(k), Mapping)]
    if len(parts) > 1:
        raise InputError(
            f"{weights} holds several sets of weights ({', '.join(parts)}); say which: --part "
            f"{parts[0]}"
        )
    if not parts:
        raise InputError(f"{weights} holds no tensors by name; its keys: {list(found)[:5]}.")
    return _tensors(found[parts[0]], "", weights)
