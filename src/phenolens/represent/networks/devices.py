"""Which device and precision a network runs on, and how it is made repeatable there."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from phenolens.errors import InputError
from phenolens.represent.networks.torches import require_torch

if TYPE_CHECKING:
    import torch

_ROUNDS = 3
_TENSOR_CORES = 7  # compute capability of the first GPUs that are fast in float16
_STEPS_WORTH_COMPILING = 2000


def pick_device(wanted: str = "auto") -> str:
    """``cuda``, ``mps`` or ``cpu``: what was wanted, or the fastest that is there.

    Of several processes that train together (``torchrun``) each gets a GPU of its own.

    Raises
    ------
    InputError
        If the device wanted is not there.
    """
    torch = require_torch()
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        wanted = next((name for name, found in there.items() if found), "cpu")
    if wanted != "cpu" and not there.get(wanted.split(":")[0], False):
        raise InputError(f"There is no device '{wanted}' here; use 'auto' or 'cpu'.")
    own = os.environ.get("LOCAL_RANK")
    return f"cuda:{own}" if wanted == "cuda" and own else wanted


def autocast(device: str, precision: str) -> AbstractContextManager:
    """Mixed precision in ``bf16`` or ``fp16`` where that is the precision, else nothing."""
    torch = require_torch()
    kind, half = device.split(":")[0], {"bf16": torch.bfloat16, "fp16": torch.float16}
    wanted = half.get(precision)
    return torch.autocast(kind, dtype=wanted or torch.bfloat16, enabled=wanted is not None)


def compiles(model: torch.nn.Module, wanted: str, *, device: str, steps: int) -> bool:
    """Whether it pays to compile a network; where it does, its calls are compiled from now on.

    Compiling takes a minute or so, which only a longer training earns back. On processors it needs
    a C++ compiler and is done only where it is asked for. What it gains was not measured here.

    Parameters
    ----------
    model : Module
        Compiled in place: names of its weights stay.
    wanted : {"auto", "yes", "no"}
    device : str
    steps : int
        Of the whole training.
    """
    if wanted == "no":
        return False
    if wanted == "auto":
        triton = importlib.util.find_spec("triton") is not None
        if not (device.startswith("cuda") and triton and steps >= _STEPS_WORTH_COMPILING):
            return False
    for module in (model, *model.children()):  # objectives may call a child, such as an encoder
        module.compile()
    return True


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Seeded random numbers and repeatable kernels within; the caller's state comes back after."""
    torch = require_torch()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before, warn_only=only_warned)


def pick_precision(device: str) -> str:
    """``bf16`` where the device computes in it, else ``fp16`` on a GPU that does, or ``float32``.

    The hardware decides and not a stopwatch, whose answer could differ the next day and with it the
    bytes: on such processors each of our networks was 1.04 to 2.5 times as fast in bfloat16
    (``bench/network_throughput.py``), on others emulation is slower.
    """
    torch = require_torch()
    if device.startswith("cuda"):
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bf16"
        return "fp16" if torch.cuda.get_device_capability(device)[0] >= _TENSOR_CORES else "float32"
    if device == "cpu":
        able = torch.cpu.get_capabilities()
        return "bf16" if able.get("avx512_bf16") or able.get("amx_bf16") else "float32"
    return "float32"


def training_speeds(
    build: Callable[[], torch.nn.Module],
    shape: tuple[int, ...],
    *,
    device: str,
    precisions: Sequence[str] = ("float32", "bf16"),
) -> dict[str, float]:
    """Time a few training steps of a new network in each precision, in turn.

    Parameters
    ----------
    build : callable
        Makes the network; its output is reduced to a number.
    shape : tuple
        Shape of a batch, (B, C, S, S).
    device : str
    precisions : sequence of str

    Returns
    -------
    dict
        Images a second in each precision.

    Raises
    ------
    InputError
        If a GPU does not hold two images; where it holds fewer than the batch, fewer are timed.
    """
    torch = require_torch()
    try:
        return _speeds(build, shape, device, precisions)
    except torch.OutOfMemoryError:
        pass
    if shape[0] < 4:
        raise InputError(
            "Out of GPU memory with 2 images at once. Set a smaller size or width, or "
            "device = 'cpu'."
        )
    torch.cuda.empty_cache()
    fewer = (shape[0] // 2, *shape[1:])
    return training_speeds(build, fewer, device=device, precisions=precisions)


def _speeds(
    build: Callable[[], torch.nn.Module],
    shape: tuple[int, ...],
    device: str,
    precisions: Sequence[str],
) -> dict[str, float]:
    steps = {name: _stepper(build, shape, device, name) for name in precisions}
    best = dict.fromkeys(steps, float("inf"))
    for step in steps.values():
        step()
    for _ in range(_ROUNDS):
        best = {name: min(best[name], _timed(step, device)) for name, step in steps.items()}
    return {name: shape[0] / seconds for name, seconds in best.items()}


def _timed(step: Callable[[], None], device: str) -> float:
    start = time.perf_counter()
    step()
    if device.startswith("cuda"):
        require_torch().cuda.synchronize()
    return time.perf_counter() - start


def _stepper(
    build: Callable[[], torch.nn.Module], shape: tuple[int, ...], device: str, precision: str
) -> Callable[[], None]:
    torch = require_torch()
    with repeatable(0):
        model: Any = build()  # PyTorch's types do not know memory_format
        model = model.to(device).to(memory_format=torch.channels_last)
        images = torch.randn(shape, device=device).contiguous(memory_format=torch.channels_last)

    def step() -> None:
        with autocast(device, precision):
            loss = model(images).float().square().mean()
        loss.backward()
        model.zero_grad()

    return step
