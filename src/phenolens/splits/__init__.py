"""Folds and control roles are data: made once, checked, saved, shared by every candidate.

Everything here is decided by names (plate, well, label) and a seed, never by the order of rows, so
two tables of one screen, from two tools, are cut at the same places.
"""

from phenolens.splits.folds import Folds
from phenolens.splits.make import UNITS, make_folds
from phenolens.splits.roles import control_roles

__all__ = ["UNITS", "Folds", "control_roles", "make_folds"]
