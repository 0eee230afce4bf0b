"""Tensors on disk without pickles: safetensors, with the rest as JSON in the file's metadata."""

from __future__ import annotations

import errno
import hashlib
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from phenolens.errors import InputError
from phenolens.files import atomic_path, plain

if TYPE_CHECKING:
    import torch

_PICKLE_STARTS = (b"PK\x03\x04", b"\x80", b"(lp", b"cdill")


def save_tensors(path: str | Path, tensors: dict[str, torch.Tensor], about: dict) -> None:
    """Write tensors and what is about them, atomically.

    Raises
    ------
    InputError
        If the disk is full.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(plain(about), sort_keys=True)
    with atomic_path(path) as partial:
        try:
            # One entry: safetensors writes several in an order that changes from run to run.
            save_file(ready, partial, metadata={"phenolens": f"{_sum(ready, text)} {text}"})
        except (OSError, SafetensorError) as error:
            if getattr(error, "errno", None) != errno.ENOSPC and "No space" not in str(error):
                raise
            raise InputError(f"The disk is full: {path} could not be written.") from None


def load_tensors(path: str | Path) -> tuple[dict[str, torch.Tensor], dict]:
    """Read what :func:`save_tensors` wrote, or another safetensors file (nothing about it).

    Raises
    ------
    InputError
        If the file is missing, a pickle, or damaged.
    """
    from safetensors import SafetensorError, safe_open

    refuse_pickle(path)
    try:
        with safe_open(path, framework="pt") as file:
            told = (file.metadata() or {}).get("phenolens")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is damaged ({error}). Fetch or train it again.") from None
    if told is None:
        return tensors, {}
    checksum, _, about = told.partition(" ")
    if checksum != _sum(tensors, about):
        raise InputError(f"{path} is damaged (its checksum does not match). Train it again.")
    return tensors, json.loads(about)


def as_floats(tensors: Mapping[str, torch.Tensor], *, source: str) -> dict[str, torch.Tensor]:
    """The tensors in float32, but for counters and places, which are integers.

    Raises
    ------
    InputError
        If weights are integers: without the scales they were made with they mean nothing.
    """
    for name, tensor in tensors.items():
        if name.endswith((".weight", ".bias")) and not tensor.is_floating_point():
            kind = str(tensor.dtype).removeprefix("torch.")
            raise InputError(
                f"{source}: '{name}' holds {kind}, as quantised weights do, and no floating-point "
                "numbers. Give the weights they were made from."
            )
    return {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}


def _sum(tensors: dict[str, torch.Tensor], text: str) -> str:
    """Checksum of names, values and what is about them."""
    import torch

    found = zlib.crc32(text.encode())
    for name in sorted(tensors):
        found = zlib.crc32(name.encode(), found)
        flat = tensors[name].contiguous().reshape(-1).view(torch.uint8)
        found = zlib.crc32(flat.numpy().data, found)
    return f"{found:08x}"


def refuse_pickle(path: str | Path) -> None:
    """Raise :class:`InputError` unless the file's content is safetensors, whatever its name."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no weight file {path}.")
    with path.open("rb") as file:
        start = file.read(9)
    if start.startswith(_PICKLE_STARTS) and start[8:9] != b"{":
        safe = path.with_suffix(".safetensors")
        safe = path.with_stem(f"{path.stem}-safe") if safe == path else safe
        raise InputError(
            f"{path} is a Python pickle (as torch.save writes it). Loading one can run any code, "
            f"so it is refused. Convert it: phenolens convert-weights {path} {safe}"
        )
    if start[8:9] != b"{":
        raise InputError(f"{path} is not a safetensors file. Give weights as .safetensors.")
    if int.from_bytes(start[:8], "little") > path.stat().st_size:
        raise InputError(f"{path} is damaged (it ends within its header). Fetch or train it again.")


def digest(tensors: dict[str, torch.Tensor]) -> str:
    """Names the weights: a hash of names, shapes and values, on any device and memory layout."""
    state = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        array = tensors[name].detach().cpu().contiguous().numpy()
        state.update(f"{name}{array.shape}{array.dtype}".encode())
        state.update(array.tobytes())
    return state.hexdigest()


def pack(groups: dict[str, dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Groups of named tensors as one, names joined by ``:``."""
    return {f"{group}:{name}": t for group, named in groups.items() for name, t in named.items()}


def unpack(tensors: dict[str, torch.Tensor], group: str) -> dict[str, torch.Tensor]:
    """One group of what :func:`pack` joined."""
    start = f"{group}:"
    return {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """State of an optimiser as named tensors (``<parameter number>.<what>``)."""
    state = optimiser.state_dict()["state"]
    return {f"{number}.{name}": t for number, named in state.items() for name, t in named.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Put back :func:`optimiser_tensors`, each in its parameter's memory layout."""
    import torch

    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    for key, tensor in tensors.items():
        number, name = key.split(".")
        parameter = parameters[int(number)]
        if tensor.shape == parameter.shape:
            tensor = torch.empty_like(parameter).copy_(tensor)
        elif optimiser.defaults.get("fused"):  # counts its steps on the device, too
            tensor = tensor.to(parameter.device)
        optimiser.state[parameter][name] = tensor
