"""A colour for every representation, the same on every figure and in every table."""

from __future__ import annotations

from phenolens.answers.tables import Tables
from phenolens.words import names

# Okabe and Ito's colours, which readers with any of the common colour deficiencies distinguish.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#332288", "#882255"]
KNOWN = ["cellprofiler", "pixel-pca", "cnn", "vae", "cnn+cellprofiler", "vae+cellprofiler"]


def of(representations: list[str]) -> dict[str, str]:
    """A colour for each representation; the usual ones keep theirs in every study."""
    usual = {name: COLOURS[i] for i, name in enumerate(KNOWN)}
    taken = {usual[name] for name in representations if name in usual}
    free = [colour for colour in COLOURS if colour not in taken]
    others = [n for n in representations if n not in usual and not names.is_baseline(n)]
    extra = {name: free[i % len(free)] if free else "#555555" for i, name in enumerate(others)}
    return {name: usual.get(name) or extra.get(name, "#8a94a0") for name in representations}


def palette(tables: Tables) -> dict[str, str]:
    """Colour of each representation of this study."""
    return palette_of(tables.representations)


def palette_of(found: list[str]) -> dict[str, str]:
    """Colour of each of these representations."""
    return of(sorted(found, key=names.usual_rank))
