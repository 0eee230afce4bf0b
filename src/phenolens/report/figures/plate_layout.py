"""A proposed layout: what each well of each plate holds, and where some treatments come to lie."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from phenolens.profiles import PLATE, TREATMENT, WELL, plate_shape, well_position
from phenolens.report.colours import COLOURS
from phenolens.report.figures.plates import EMPTY, MOST, plate_panels, seams
from phenolens.report.figures.style import INK, wrapped

TREATED, POSITIVE = "#c3ccd6", "#f0c419"
RIGHT = 0.85  # of the panels; the legend stands beside them


def layout_maps(wells: pd.DataFrame, *, kind: str, most: int) -> Figure:
    """A map a plate: controls, treatments, empty wells; the first treatments in colours.

    Parameters
    ----------
    wells : DataFrame
        ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_Treatment`` and `kind`.
    kind : str
        Column that says ``trt``, ``negcon`` or ``poscon``.
    most : int
        How many treatments, spread over the list, have a colour of their own; eight at most.
    """
    place = well_position(wells[WELL])
    shape = plate_shape(place, fewest=96)
    plates = list(dict.fromkeys(wells[PLATE]))
    of_first = wells.loc[(wells[PLATE] == plates[0]) & (wells[kind] == "trt"), TREATMENT]
    treatments = sorted(set(of_first))
    count = min(most, len(COLOURS), len(treatments))
    shown = [treatments[k] for k in np.linspace(0, len(treatments) - 1, count).round().astype(int)]
    base = wells[kind].map({"trt": 1, "negcon": 2, "poscon": 3}).to_numpy()
    own = pd.Index(shown).get_indexer(wells[TREATMENT])
    code = np.where((own >= 0) & (base == 1), own + 4, base)
    colours = ListedColormap([EMPTY, TREATED, INK, POSITIVE, *COLOURS[:count]])
    figure, panels = plate_panels(min(len(plates), MOST), shape)
    figure.subplots_adjust(right=RIGHT)
    for axes, plate in zip(panels, plates, strict=False):
        here = (wells[PLATE] == plate).to_numpy()
        image = np.zeros(shape, dtype=np.int64)
        image[place[here, 0], place[here, 1]] = code[here]
        axes.imshow(
            image, cmap=colours, vmin=0, vmax=colours.N - 1, interpolation="nearest", aspect="equal"
        )
        seams(axes, shape)
        axes.set_title(wrapped(plate, 30), fontsize=9, pad=16)
    kinds = [("negative control", 2), ("positive control", 3), ("treatment", 1), ("empty", 0)]
    present = {*code.tolist(), *([0] if len(wells) < len(plates) * shape[0] * shape[1] else [])}
    known = [(text, k) for text, k in kinds if k in present]
    known += [(wrapped(name, 20), k + 4) for k, name in enumerate(shown)]
    figure.legend(
        handles=[Patch(facecolor=colours(k), label=text) for text, k in known],
        loc="upper left", bbox_to_anchor=(RIGHT + 0.005, 1 - 0.4 / figure.get_figheight()),
        fontsize=7.5, handlelength=1, handleheight=1, borderpad=0,
    )  # fmt: skip
    return figure
