"""Names of fusions and of their noise controls."""

from __future__ import annotations

NOISE = "noise"


def noise_name(kept: str, *replaced: str) -> str:
    """Name of a fusion's control: one block kept, the others replaced by noise of their width.

    ``cnn+noise`` stands for CellProfiler-type features replaced, ``cellprofiler+noise:cnn`` for
    the embedding, ``cellprofiler+noise:cnn,vae`` for two.
    """
    if replaced == ("cellprofiler",):
        return f"{kept}+{NOISE}"
    return f"{kept}+{NOISE}:{','.join(replaced)}"


def control_of(fusion: str, *, best: str) -> str:
    """The control that keeps the best block of a fusion: the others' worth is open."""
    return noise_name(best, *(part for part in fusion.split("+") if part != best))


def is_fusion(name: str) -> bool:
    """Whether a representation is a fusion or the control of one."""
    return "+" in name


def is_fusion_proper(name: str) -> bool:
    """Whether a representation joins blocks, none of them noise."""
    return is_fusion(name) and not name.split("+")[1].startswith(NOISE)


def is_noise_control(name: str) -> bool:
    """Whether a representation is a block beside noise: made to be compared with, not studied."""
    return is_fusion(name) and not is_fusion_proper(name)
