"""Names of fusions and of their noise controls."""

from __future__ import annotations

NOISE = "noise"


def noise_name(kept: str, replaced: str) -> str:
    """Name of a fusion's control: one block kept, the other replaced by noise of its width.

    ``cnn+noise`` stands for CellProfiler-type features replaced, ``cellprofiler+noise:cnn`` for
    the embedding.
    """
    return f"{kept}+{NOISE}" if replaced == "cellprofiler" else f"{kept}+{NOISE}:{replaced}"


def control_of(fusion: str, *, best: str) -> str:
    """The control that keeps the better block of a fusion: the other one's worth is open."""
    (other,) = (part for part in fusion.split("+") if part != best)
    return noise_name(best, other)


def is_fusion(name: str) -> bool:
    """Whether a representation is a fusion or the control of one."""
    return "+" in name


def is_fusion_proper(name: str) -> bool:
    """Whether a representation joins two blocks, neither of them noise."""
    return is_fusion(name) and not name.split("+")[1].startswith(NOISE)


def is_noise_control(name: str) -> bool:
    """Whether a representation is a block beside noise: made to be compared with, not studied."""
    return is_fusion(name) and not is_fusion_proper(name)
