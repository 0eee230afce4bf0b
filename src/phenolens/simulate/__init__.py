"""A simulated Cell Painting screen with known truth, for the demo, the tests and power.

>>> from phenolens.simulate import ScreenDesign, write_screen
>>> design = ScreenDesign(plates=1, batches=1, treatments=8, control_wells=8, inactive=0, toxic=0)
>>> design.n_fields
32
"""

from __future__ import annotations

from importlib import import_module

_HOME = {
    "ScreenDesign": "design",
    "simulate_field": "field",
    "write_screen": "screen",
    "simulate_profiles": "features",
}
__all__ = ["ScreenDesign", "simulate_field", "simulate_profiles", "write_screen"]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: numba and tifffile are slow to load."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
