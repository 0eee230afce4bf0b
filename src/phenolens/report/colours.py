"""A colour for every representation, the same on every figure and in every table."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

from phenolens.answers.tables import Tables
from phenolens.words import names

# Okabe and Ito's colours, which readers with any of the common colour deficiencies distinguish.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#332288", "#882255"]
# Tol's muted ones and browns for those after the eighth, told apart by lightness too.
MORE = ["#117733", "#AA4499", "#999933", "#661100", "#6699CC", "#44AA99", "#000000", "#CC6677"]
KNOWN = ["cellprofiler", "pixel-pca", "cnn", "vae", "cnn+cellprofiler", "vae+cellprofiler"]
GREY = "#8a94a0"  # baselines


def of(representations: list[str]) -> dict[str, str]:
    """A colour for each representation; the usual ones keep theirs in every study.

    No two of a hundred representations share one; baselines are grey.
    """
    usual = {name: COLOURS[i] for i, name in enumerate(KNOWN)}
    taken = {usual[name] for name in representations if name in usual}
    free = (colour for colour in _endless() if colour not in taken)
    return {
        name: GREY if names.is_baseline(name) else usual.get(name) or next(free)
        for name in representations
    }


def _endless() -> Iterator[str]:
    """The colours of the lists, then darker ones of the same hues, then one for all others."""
    told = [*COLOURS, *MORE]
    shades = (_darker(colour, 0.8**step) for step in range(1, 9) for colour in told)
    yield from dict.fromkeys([*told, *shades])
    yield from repeat("#555555")


def _darker(colour: str, share: float) -> str:
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(part * share):02X}" for part in parts)


def palette(tables: Tables) -> dict[str, str]:
    """Colour of each representation of this study."""
    return palette_of(tables.representations)


def palette_of(found: list[str]) -> dict[str, str]:
    """Colour of each of these representations."""
    return of(sorted(found, key=names.usual_rank))
