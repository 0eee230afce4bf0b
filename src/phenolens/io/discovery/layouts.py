"""Whose images lie in a folder: one instrument's, or several's, of which a person must choose."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from phenolens.errors import UndecidedError
from phenolens.io.formats.base import ImageFormat, image_formats

RIVAL = 0.09
"""How sure a format must be of some of the images to be asked about; a guess is less."""
FEWEST = 0.1


def surest(files: Sequence[Path], formats: Sequence[ImageFormat]) -> ImageFormat | None:
    """The format that knows most of the images by their names; None where none does."""
    sure = {one: one.recognises_files(files) or 0.0 for one in formats if not one.listed and files}
    best = max(sure, key=lambda one: sure[one], default=None)
    return best if best is not None and sure[best] else None


def require_one_layout(files: Sequence[Path], folder: Path) -> None:
    """Refuse images of two instruments where nobody said whose count.

    What one wrote lies in folders of its own.

    Parameters
    ----------
    files : sequence of Path
        Images.
    folder : Path
        Above them.

    Raises
    ------
    UndecidedError
        Says how many images of each there are, and where.
    """
    named = [one for one in image_formats() if not one.listed]
    rivals = [one for one in named if files and (one.recognises_files(files) or 0.0) >= RIVAL]
    if len(rivals) < 2:
        return
    together: dict[Path, list[Path]] = defaultdict(list)
    for path in files:
        together[path.parent].append(path)
    owned: dict[str, dict[Path, int]] = defaultdict(dict)
    for place, inside in together.items():
        if (owner := surest(inside, rivals)) is not None:
            owned[owner.name][place] = len(inside)
    counts = {name: sum(places.values()) for name, places in owned.items()}
    several = [name for name in counts if counts[name] >= FEWEST * len(files)]
    if len(several) < 2:
        return
    told = [
        f"{counts[name]:,} as {name} (such as {os.path.relpath(next(iter(owned[name])), folder)}/)"
        for name in sorted(several)
    ]
    choices = [f'layout = "{name}"' for name in sorted(several)]
    said = f"holds images of {len(several)} instruments: {' and '.join(told)}"
    raise UndecidedError(
        f"{os.path.normpath(folder)} {said}. A study reads those of one: say which, "
        f"{' or '.join(choices)} in [data.images]; or study each folder by itself.",
        setting="images.layout",
        choices=choices,
    )
