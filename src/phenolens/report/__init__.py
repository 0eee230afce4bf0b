"""Figures and one self-contained page from a study's result tables; computes no result."""

from __future__ import annotations

from phenolens.report.build import build

__all__ = ["build"]
