"""What a layout says, as data, and the limits that make it a finding."""

from __future__ import annotations

from dataclasses import dataclass, field

CERTAIN = 0.005  # largest adjusted p: the layout lies beyond all 299 permutations
LEAST_SHARE = 0.04  # smallest part of full confounding


@dataclass(frozen=True)
class LayoutFinding:
    """One thing that a layout says.

    Attributes
    ----------
    code : str
        ``layout-confounded`` (one position on all plates), ``layout-block``, ``layout-edge``,
        ``layout-order`` (the same neighbours again), ``compared-elsewhere``,
        ``controls-elsewhere``, ``layout-doses``.
    severity : {"error", "warning", "info", "ok"}
    values : dict
        Statistics, their p, and the limits they were held to.
    treatments : tuple of str
        Those concerned; empty where the layout as a whole is, or none is.
    plates : tuple of str
        Plates concerned, where not all are.
    """

    code: str
    severity: str
    values: dict = field(default_factory=dict, hash=False)
    treatments: tuple[str, ...] = ()
    plates: tuple[str, ...] = ()
