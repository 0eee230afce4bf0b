"""Words for the steps from measured to compared wells."""

from __future__ import annotations

_STEPS = {
    "cleaned": "Cleaned: wells and features without a number left out",
    "scaled": "Scaled on each plate's calibrating controls",
    "rescaled": "Features of another scale divided by their spread",
    "position": "Position removed, as calibrating controls show it",
    "cell-count": "Cell count removed, as calibrating controls follow it",
    "softened": "Extreme values drawn in",
    "selected": "Features selected",
    "ranked": "Ranked among calibrating controls",
    "whitened": "Whitened on calibrating controls",
}


def step_taken(code: str) -> str:
    """A step by its code in ``normalization_steps.parquet``, in words."""
    return _STEPS.get(code, code)
