"""CellProfiler-type features: what is measured of segmented nuclei and cells."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from phenolens.represent.base import Representation, register
from phenolens.represent.measuring.cells import well_profiles
from phenolens.represent.measuring.units import Unit


@register
class CellProfiler(Representation):
    """Medians (or means) over the measured cells of a well, under CellProfiler's names."""

    name = "cellprofiler"
    label = "CellProfiler-type"
    kind = "measured"
    methods = (
        "Nuclei and cells were segmented and measured with our own implementation of "
        "CellProfiler's families of features [stirling2021], under CellProfiler's names."
    )
    reads = "measurements"
    rank = 10

    def wells(self, units: Sequence[Unit], *, how: str, min_cells: int) -> pd.DataFrame:
        """One row a well; see :func:`phenolens.represent.measuring.cells.well_profiles`."""
        return well_profiles(units, how=how, min_cells=min_cells)
