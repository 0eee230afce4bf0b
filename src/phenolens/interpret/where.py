"""In which compartment and stain a network found what it looked for, by treatment.

The five compartments share an image out: nucleus, perinuclear ring, cytoplasm, edge of the cell,
background. What a map marks of a compartment and stain is held against the area of the compartment,
shared evenly among stains. Wells are the units of intervals and tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt
from scipy.stats import t as student

from phenolens.errors import InputError
from phenolens.interpret.activation import image_labels
from phenolens.interpret.activation_tests import correct_against_wrong
from phenolens.interpret.properties import NO_STAIN
from phenolens.prepared import Prepared
from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL
from phenolens.represent.networks.pixels import PixelSettings, central_square, resize
from phenolens.segment import SegmentSettings
from phenolens.stats.multiple_testing import holm, westfall_young
from phenolens.stats.plate_permutation import plate_differences

COMPARTMENTS = ("nucleus", "perinuclear ring", "cytoplasm", "edge", "background")
ALL_STAINS = "all"
# Widths as shares of the image's median nuclear diameter: of a nucleus of 15 µm, 3.8 and 2.2 µm.
RING, EDGE = 0.25, 0.15
PERMUTATIONS = 1_000
_CELL = ["compartment", "stain"]
MEANT = {
    "nucleus": ("Nuclei",),
    "perinuclear ring": ("Cytoplasm", "Cells"),
    "cytoplasm": ("Cytoplasm", "Cells"),
    "edge": ("Cytoplasm", "Cells"),
    "background": (),
}
"""Compartments of measured features that each part of a map is counted for."""


def cell_compartments(
    prepared: Prepared,
    rows: np.ndarray,
    settings: PixelSettings,
    *,
    segmentation: SegmentSettings | None = None,
) -> np.ndarray:
    """Share of each map position that is each of :data:`COMPARTMENTS`.

    Parameters
    ----------
    rows : ndarray of int64
        Images.
    settings : PixelSettings
        Of the network's input, whose geometry the maps share.
    segmentation : SegmentSettings, optional
        How cells of crops without label images are found.

    Returns
    -------
    ndarray of float32, shape (len(rows), 5, S, S)
        Sums to one over the second axis; NaN for images whose cells are not known.
    """
    side = settings.size * settings.tiles
    found = np.full((len(rows), len(COMPARTMENTS), side, side), np.nan, dtype=np.float32)
    for number, row in enumerate(rows):
        labels = image_labels(prepared, int(row), segmentation or SegmentSettings())
        if "Cells" in labels and "Nuclei" in labels:
            square = central_square(split(labels["Nuclei"], labels["Cells"]).astype(np.float32))
            covered = square.shape[-1] // settings.tiles * settings.tiles
            found[number] = resize(square[:, :covered, :covered], side)
    return found


def split(
    nuclei: np.ndarray, cells: np.ndarray, *, ring: float = RING, edge: float = EDGE
) -> np.ndarray:
    """The five compartments of an image, each pixel in one.

    A pixel of a cell is nucleus; else perinuclear ring, if it lies within `ring` nuclear diameters
    of a nucleus; else edge, if it lies within `edge` diameters of the end of its cell; else
    cytoplasm. The border of the image ends no cell.

    Parameters
    ----------
    nuclei, cells : ndarray of int, shape (H, W)
        Label images; 0 is background.
    ring, edge : float
        Widths, as shares of the median nuclear diameter (that of a disk of a nucleus's area).

    Returns
    -------
    ndarray of bool, shape (5, H, W)
    """
    nucleus = nuclei > 0
    cell = (cells > 0) & ~nucleus
    areas = np.bincount(nuclei[nucleus].ravel()) if nucleus.any() else np.array([0])
    diameter = np.sqrt(4 / np.pi * np.median(areas[areas > 0])) if areas.any() else 0.0
    near = np.zeros_like(cell)
    if nucleus.any():
        near = cell & (distance_transform_edt(~nucleus) <= max(ring * diameter, 1.0))
    padded = np.pad(cells, 1, mode="edge")
    middle = padded[1:-1, 1:-1]
    ends = np.zeros_like(cell)
    for beside in (padded[2:, 1:-1], padded[:-2, 1:-1], padded[1:-1, 2:], padded[1:-1, :-2]):
        ends |= beside != middle
    depth = distance_transform_edt(~ends) + 1 if ends.any() else np.full(cells.shape, np.inf)
    within = depth <= max(edge * diameter, 1.0)
    outer = cell & ~near & within
    return np.stack([nucleus, near, cell & ~near & ~outer, outer, ~nucleus & ~cell])


def coarse(parts: np.ndarray) -> np.ndarray:
    """Nucleus, cytoplasm as a whole, and background, out of the five; shape (n, 3, S, S)."""
    return np.stack([parts[:, 0], parts[:, 1:4].sum(axis=1), parts[:, 4]], axis=1)


def compartment_table(
    values: np.ndarray, parts: np.ndarray, stains: Sequence[str], metadata: pd.DataFrame
) -> pd.DataFrame:
    """What each map marks of every compartment and stain.

    Parameters
    ----------
    values : ndarray, shape (n, C, S, S), (n, 1, S, S) or (n, S, S)
        Maps by stain, or of all stains together. Of signed maps what speaks for the class counts,
        values above 0.
    parts : ndarray, shape (n, 5, S, S)
        From :func:`cell_compartments`.
    stains : sequence of str
        Names of the C stains; not looked at where there is one map an image.
    metadata : DataFrame
        What describes the same images.

    Returns
    -------
    DataFrame
        One row an image, compartment and stain (``all`` where there is one map an image): the
        metadata, ``compartment``, ``stain``, ``mass`` (share of the whole map), ``area`` (share of
        the image that is the compartment, over the number of stains). NaN for maps that are zero
        everywhere and images whose cells are not known.

    Raises
    ------
    InputError
        If the shapes do not fit one another or the stains.
    """
    maps = np.asarray(values)
    maps = maps[:, None] if maps.ndim == 3 else maps
    names = list(stains) if maps.ndim == 4 and maps.shape[1] > 1 else [ALL_STAINS]
    n = len(metadata)
    fits = maps.ndim == 4 and maps.shape[:2] == (n, len(names))
    if not fits or parts.shape != (n, len(COMPARTMENTS), *maps.shape[2:]):
        raise InputError(
            f"Maps of shape {np.shape(values)} and compartments of shape {parts.shape} do not fit "
            f"{n} images of {len(stains)} stains: they are (n, {len(stains)}, S, S), or one map an "
            f"image, and (n, {len(COMPARTMENTS)}, S, S)."
        )
    marked = np.einsum("ncyx,npyx->npc", np.maximum(maps, 0), parts, dtype=np.float64)
    total = np.maximum(maps, 0).sum(axis=(1, 2, 3), dtype=np.float64)
    area = parts.mean(axis=(2, 3), dtype=np.float64) / len(names)
    with np.errstate(invalid="ignore", divide="ignore"):
        mass = np.where(total[:, None, None] > 0, marked / total[:, None, None], np.nan)
    many = len(COMPARTMENTS) * len(names)
    long = metadata.loc[metadata.index.repeat(many)].reset_index(drop=True)
    return long.assign(
        compartment=np.tile(np.repeat(COMPARTMENTS, len(names)), n),
        stain=np.tile(names, n * len(COMPARTMENTS)),
        mass=mass.ravel(),
        area=np.repeat(area[:, :, None], len(names), axis=2).ravel(),
    )


def by_treatment(
    table: pd.DataFrame, *, by: str = TREATMENT, permutations: int = PERMUTATIONS, seed: int = 0
) -> pd.DataFrame:
    """Share of the maps over share of the area, by treatment, compartment and stain.

    Parameters
    ----------
    table : DataFrame
        From :func:`compartment_table`, with ``Metadata_Plate``, ``Metadata_Well``,
        ``Metadata_Control`` and `by`.
    by : str
    permutations : int
    seed : int

    Returns
    -------
    DataFrame
        ``by``, ``compartment``, ``stain``, ``mass``, ``area`` (means over wells), ``enrichment``
        (mean over wells of mass over area; 1 is what a blind map gives) with ``low`` and ``high``
        (Student's 95 % interval over wells), ``difference`` (from the enrichment of control wells
        of the same plate), ``p`` and ``p_adjusted`` (labels permuted within plates; Westfall and
        Young over the treatment's compartments and stains; NaN where no control stands beside),
        ``rank`` (1 is the largest enrichment) and ``n_wells``. Compartments without area in any
        image are left out.
    """
    keys = [PLATE, WELL, by, CONTROL, *_CELL]
    wells = table.dropna(subset=["mass"]).groupby(keys, sort=False, dropna=False)
    wells = wells[["mass", "area"]].mean().reset_index()
    wells = wells[wells["area"] > 0]
    wells["enrichment"] = wells["mass"] / wells["area"]
    wide = wells.pivot(index=[PLATE, WELL, by, CONTROL], columns=_CELL, values="enrichment")
    order = table[_CELL].drop_duplicates()
    kept = [cell for cell in order.itertuples(index=False, name=None) if cell in wide]
    wide = wide[kept].dropna()
    frame = wide.index.to_frame(index=False)
    control = frame[CONTROL].astype(bool).to_numpy()
    values, plates = wide.to_numpy(), frame[PLATE].to_numpy()
    means = wells.groupby([by, *_CELL])[["mass", "area"]].mean()
    parts = []
    for number, name in enumerate(sorted(set(frame.loc[~control, by].dropna()), key=str)):
        own = ~control & (frame[by] == name).to_numpy()
        found = pd.DataFrame(kept, columns=_CELL)
        found.insert(0, by, name)
        found = found.join(means.loc[name], on=_CELL)
        found["enrichment"] = values[own].mean(axis=0)
        half = _half(values[own])
        found["low"], found["high"] = found["enrichment"] - half, found["enrichment"] + half
        beside = np.isin(plates, plates[control])
        pool = (own | (control & np.isin(plates, plates[own]))) & beside
        found["difference"] = found["p"] = found["p_adjusted"] = np.nan
        if (own & pool).any():
            drawn = plate_differences(
                values[pool], own[pool], plates[pool], permutations=permutations, seed=seed + number
            )
            found["difference"] = drawn.observed.astype(float)
            found["p"], found["p_adjusted"] = westfall_young(
                np.abs(drawn.observed), np.abs(drawn.null), enumerated=drawn.enumerated
            )
        found["rank"] = (-found["enrichment"]).rank(method="first").astype(int)
        parts.append(found.assign(n_wells=int(own.sum())))
    columns = [by, *_CELL, "mass", "area", "enrichment", "low", "high", "difference", "p",
               "p_adjusted", "rank", "n_wells"]  # fmt: skip
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _half(values: np.ndarray) -> np.ndarray:
    """Half of Student's 95 % interval of each column's mean; NaN for one row."""
    n = len(values)
    if n < 2:
        return np.full(values.shape[1], np.nan)
    return student.ppf(0.975, n - 1) * values.std(axis=0, ddof=1) / np.sqrt(n)


def right_against_wrong(table: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """The same where the network was right and where it was wrong, within the same wells.

    Parameters
    ----------
    table : DataFrame
        As for :func:`by_treatment`, with ``correct``.
    seed : int

    Returns
    -------
    DataFrame
        ``compartment``, ``stain``, ``correct``, ``wrong`` (mean enrichment over wells that hold
        both), ``difference``, ``p`` (signs flipped by well), ``p_holm`` and ``n_wells``.
    """
    rows = table[table["mass"].notna() & (table["area"] > 0)]
    rows = rows.assign(enrichment=rows["mass"] / rows["area"])
    columns = ["correct", "wrong", "difference", "p", "p_holm", "n_wells"]
    if not len(rows):
        return pd.DataFrame(columns=[*_CELL, *columns])
    cells = list(rows[_CELL].drop_duplicates().itertuples(index=False, name=None))
    image = rows.groupby(_CELL, sort=False).cumcount()
    names = {cell: f"enrichment_{number}" for number, cell in enumerate(cells)}
    measure = [names[cell] for cell in rows[_CELL].itertuples(index=False, name=None)]
    key = [PLATE, WELL, "correct"]
    wide = rows.assign(measure=measure, image=image).pivot_table(
        index=[*key, "image"], columns="measure", values="enrichment"
    )
    wide = wide.reindex(columns=list(names.values())).reset_index()
    found = correct_against_wrong(wide, wide["correct"].to_numpy(dtype=bool), seed=seed)
    found.insert(0, "compartment", [cell for cell, _ in cells])
    found.insert(1, "stain", [stain for _, stain in cells])
    tested = found["p"].notna()
    found["p_holm"] = np.nan
    found.loc[tested, "p_holm"] = holm(found.loc[tested, "p"].to_numpy())
    return found[[*_CELL, *columns]]


def agreement(looked: pd.DataFrame, changed: pd.DataFrame, *, by: str = TREATMENT) -> pd.DataFrame:
    """Where the network looked most, beside the group of measured features that changed most.

    Parameters
    ----------
    looked : DataFrame
        From :func:`by_treatment`.
    changed : DataFrame
        From :func:`phenolens.interpret.changes.group_changes`. Treatments of which no group is
        called are left out.
    by : str

    Returns
    -------
    DataFrame
        ``by``, ``network_compartment``, ``network_stain``, ``features_compartment``,
        ``features_stain``, ``features_property``, ``features_direction``; ``same_compartment`` (a
        whole cell and its cytoplasm count for perinuclear ring, cytoplasm and edge alike) and
        ``same_stain`` (one of two, for a correlation), missing where one of both names none.
    """
    own = looked.loc[looked["rank"] == 1, [by, *_CELL]]
    own = own.rename(columns={name: f"network_{name}" for name in _CELL})
    called = changed[(changed["rank"] == 1) & (changed["direction"] != "")]
    named = [*_CELL, "property", "direction"]
    other = called[[by, *named]].rename(columns={name: f"features_{name}" for name in named})
    found = own.merge(other, on=by, validate="one_to_one")
    for what in ("compartment", "stain"):
        same = list(_matches(found, what).diagonal()) if len(found) else []
        found[f"same_{what}"] = pd.array(
            [pd.NA if np.isnan(value) else bool(value) for value in same], dtype="boolean"
        )
    return found


def _matches(found: pd.DataFrame, what: str) -> np.ndarray:
    """Whether the network's place of each row is the features' place of each; NaN: not known."""
    network, features = found[f"network_{what}"], found[f"features_{what}"]
    known = {name for names in MEANT.values() for name in names}

    def match(seen: str, measured: str) -> float:
        if what == "compartment":
            return float(measured in MEANT[seen]) if measured in known else np.nan
        return (
            np.nan
            if seen == ALL_STAINS or measured == NO_STAIN
            else float(seen in measured.split("+"))
        )

    return np.array([[match(seen, measured) for measured in features] for seen in network])


def agreement_summary(
    found: pd.DataFrame, *, permutations: int = 9_999, seed: int = 0
) -> dict[str, dict[str, float]]:
    """In how many treatments network and features agree, beside chance.

    Parameters
    ----------
    found : DataFrame
        From :func:`agreement`.
    permutations : int
        Pairings of the network's places with the features' places of other treatments.
    seed : int

    Returns
    -------
    dict
        ``compartment`` and ``stain``: ``n`` (treatments that could be compared), ``agree``,
        ``expected`` (mean over pairings), ``p`` (share of pairings that agree as often).
    """
    rng = np.random.default_rng(seed)
    told = {}
    for what in ("compartment", "stain"):
        matches = _matches(found, what) if len(found) else np.empty((0, 0))
        known = ~np.isnan(matches.diagonal())
        matches = np.nan_to_num(matches[np.ix_(known, known)])
        n = len(matches)
        if n < 2:
            told[what] = {"n": n, "agree": float(matches.sum()), "expected": np.nan, "p": np.nan}
            continue
        agree = float(matches.diagonal().sum())
        order = rng.permuted(np.tile(np.arange(n), (permutations, 1)), axis=1)
        drawn = matches[np.arange(n), order].sum(axis=1)
        p = (1 + (drawn >= agree).sum()) / (permutations + 1)
        told[what] = {"n": n, "agree": agree, "expected": matches.sum() / n, "p": float(p)}
    return told
