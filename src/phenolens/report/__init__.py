"""Figures and one self-contained page from a study's result tables; computes no result."""

from __future__ import annotations

from phenolens.report.build import build
from phenolens.report.panels import Panels, panel_style

__all__ = ["Panels", "build", "panel_style"]
