"""Single cells: their map, the typical and the extreme ones, those nearest to one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.crops import box_around
from phenolens.errors import InputError
from phenolens.explore.parquet import ParquetColumns
from phenolens.explore.screen import Screen
from phenolens.profiles import OBJECT, PLATE, SITE, WELL

MOST_FEATURES, KEPT_COMPONENTS, SHOWN, CLIP = 200, 12, 12, 10.0
TOLD = 50
"""Features of a treatment, the most moved, by which its cells are called typical or extreme."""
_CONTROLS_PER_PLATE, _USUAL_BOX = 16, 64
_PLACES = tuple(
    f"{before}{compartment}_{family}_Center"
    for family in ("Location", "AreaShape")
    for compartment in ("Cells", "Nuclei")
    for before in (profiles.PREFIX, "")
)


@dataclass(frozen=True)
class CellMap:
    """All cells by their principal components.

    Attributes
    ----------
    scores : ndarray of float32, shape (n_cells, k)
    well, field, number : ndarray of int32, shape (n_cells,)
        Ids of well and field (-1 where it is not known), and the cell's number in its field.
    centre : ndarray of float32, shape (n_cells, 2)
        x and y in pixels of the field.
    shares : ndarray of float64, shape (k,)
        Of the variance.
    """

    scores: np.ndarray
    well: np.ndarray
    field: np.ndarray
    number: np.ndarray
    centre: np.ndarray
    shares: np.ndarray

    @property
    def x(self) -> np.ndarray:
        """First component."""
        return self.scores[:, 0]

    @property
    def y(self) -> np.ndarray:
        """Second component."""
        return self.scores[:, 1]


def has_cells(screen: Screen) -> bool:
    """Whether cells were measured and kept."""
    return screen.given is None and any((screen.tables.folder / "cells").glob("*.parquet"))


def files(screen: Screen) -> dict[str, ParquetColumns]:
    """The cells of each plate, kept open."""

    def make() -> dict[str, ParquetColumns]:
        found = {}
        for path in sorted((screen.tables.folder / "cells").glob("*.parquet")):
            held = screen.columns(path)
            if held.rows:
                found[str(held.read([PLATE])[PLATE][0].as_py())] = held
        return found

    return screen.kept.get("cell files", make)


def count(screen: Screen) -> int:
    """How many cells were measured and kept."""
    return sum(held.rows for held in files(screen).values()) if has_cells(screen) else 0


def _telling(screen: Screen) -> list[str]:
    """Features that cells are laid out by: those that are compared, evenly drawn."""
    first = next(iter(files(screen).values()))
    compared: list[str] = []
    for name in screen.representations:
        path = screen.tables.folder / "consensus" / f"{name}.parquet"
        if not compared and path.is_file():
            compared = [column for column in screen.columns(path).names if column in first.known]
            compared = [column for column in compared if not column.startswith(profiles.PREFIX)]
    compared = compared or [c for c in first.names if not c.startswith(profiles.PREFIX)]
    some = np.unique(np.linspace(0, len(compared) - 1, min(len(compared), MOST_FEATURES)))
    return [compared[int(place)] for place in some]


def _centre_columns(held: ParquetColumns) -> list[str]:
    for stem in _PLACES:
        columns = [f"{stem}_{axis}" for axis in "XY"]
        if held.known.issuperset(columns):
            return columns
    return []


@dataclass(frozen=True)
class Ids:
    """Ids of the wells and fields of a screen by what they are called."""

    wells: dict[tuple[str, str], int]
    fields: dict[tuple[str, str, str], int]


def ids(screen: Screen) -> Ids:
    """Ids by names, looked up once."""

    def make() -> Ids:
        wells = zip(screen.wells[PLATE].astype(str), screen.wells[WELL].astype(str), strict=True)
        rows = screen.pictures.fields[[PLATE, WELL, SITE]].astype(str).itertuples(index=False)
        fields = {tuple(row): number for number, row in enumerate(rows)}
        return Ids({key: number for number, key in enumerate(wells)}, fields)

    return screen.kept.get("ids", make)


def _read(
    screen: Screen, held: ParquetColumns, features: Sequence[str]
) -> tuple[pd.DataFrame, np.ndarray]:
    """Key, ids and centres of the cells of a plate, and their features, float32."""
    columns = [PLATE, WELL, SITE, OBJECT, *_centre_columns(held)]
    there = [name for name in features if name in held.known]
    table = held.read([*columns, *there])
    cells = table.select(columns).to_pandas()
    known = ids(screen)
    keys = cells[[PLATE, WELL, SITE]].astype(str)
    cells["well"] = [known.wells.get(key, -1) for key in zip(keys[PLATE], keys[WELL], strict=True)]
    cells["field"] = [known.fields.get(tuple(key), -1) for key in keys.itertuples(index=False)]
    centre = columns[4:]
    if screen.pictures.level == "cell":
        cells, centre = _of_stacks(screen, cells), []
    cells["x"] = cells[centre[0]] if centre else np.nan
    cells["y"] = cells[centre[1]] if centre else np.nan
    values = np.full((len(cells), len(features)), np.nan, np.float32)
    for place, name in enumerate(features):
        if name in there:
            values[:, place] = table[name].to_numpy()
    return cells[cells["well"] >= 0], values[(cells["well"] >= 0).to_numpy()]


def _of_stacks(screen: Screen, cells: pd.DataFrame) -> pd.DataFrame:
    """Of a screen of crops: a cell's number is its crop's place in the stack of its well and site.

    Stacks are in the order of the crops' numbers. Where crops were set aside, which one a cell lies
    in is not known any more: it has no field then.
    """
    by_field = cells.groupby("field")[OBJECT]
    sizes = {int(field): _stack(screen, int(field)) for field in cells["field"].unique()}
    whole = by_field.transform("size").eq(cells["field"].map(sizes))
    place = by_field.rank(method="first").astype(np.int64) - 1
    return cells.assign(**{OBJECT: place, "field": cells["field"].where(whole, -1)})


def _stack(screen: Screen, field: int) -> int:
    if field < 0:
        return 0
    return screen.kept.get(("stack", field), lambda: screen.pictures.stacked(field))


def cells_of_field(screen: Screen, field: int) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """The measured cells of a field, by the features that cells are laid out by.

    Returns
    -------
    numbers : ndarray of int32, shape (n,)
        As in the field's label images.
    centres : ndarray of float64, shape (n, 2)
        x and y in pixels.
    values : DataFrame, shape (n, n_features)
        As measured; 0 where a feature is missing.
    """
    plate = str(screen.pictures.fields.iloc[field][PLATE])
    if not has_cells(screen) or plate not in files(screen):
        return np.zeros(0, np.int32), np.zeros((0, 2)), pd.DataFrame()
    features = _telling(screen)
    cells, values = screen.kept.get(
        ("cells of", plate), lambda: _read(screen, files(screen)[plate], features)
    )
    own = (cells["field"] == field).to_numpy()
    numbers = cells.loc[own, OBJECT].to_numpy(np.int32)
    centres = cells.loc[own, ["x", "y"]].to_numpy(np.float64)
    return numbers, centres, pd.DataFrame(np.nan_to_num(values[own]), columns=features)


def _scaled(values: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Robust z of the cells of the plate's controls (of all, where it has none), clipped."""
    base = values[controls] if controls.any() else values
    with np.errstate(all="ignore"):
        centre = np.nanmedian(base, axis=0)
        spread = 1.4826 * np.nanmedian(np.abs(base - centre), axis=0)
        scaled = (values - centre) / np.where(spread > 0, spread, np.nan)
    return np.clip(np.nan_to_num(scaled), -CLIP, CLIP).astype(np.float32)


def _plates(screen: Screen, features: Sequence[str]) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """Cells of each plate with their scaled features; one plate in memory at a time."""
    control = screen.wells["control"].to_numpy()
    for held in files(screen).values():
        cells, values = _read(screen, held, features)
        if len(cells):
            yield cells, _scaled(values, control[cells["well"].to_numpy()])


def cell_map(screen: Screen) -> CellMap:
    """Principal components of all cells of a screen, plate by plate, the same every time.

    Notes
    -----
    At most 200 of the features that wells are compared by, robust z of each plate's control cells,
    clipped at 10. Twice over the plates: for the covariance, then for the scores.
    """
    features = _telling(screen)
    total = np.zeros(len(features))
    products, count = np.zeros((len(features),) * 2), 0
    for _, values in _plates(screen, features):
        wide = values.astype(np.float64)
        total += wide.sum(axis=0)
        products += wide.T @ wide
        count += len(wide)
    if not count:
        raise InputError("No measured cell lies in a well of this screen.")
    mean = total / count
    variance, loadings = np.linalg.eigh(products / count - np.outer(mean, mean))
    kept = min(KEPT_COMPONENTS, len(features))
    variance, loadings = variance[::-1], loadings[:, ::-1][:, :kept]
    largest = np.abs(loadings).argmax(axis=0)
    loadings = loadings * np.where(loadings[largest, np.arange(kept)] < 0, -1, 1)
    parts, scores = [], []
    for cells, values in _plates(screen, features):
        parts.append(cells[["well", "field", OBJECT, "x", "y"]])
        scores.append(((values - mean) @ loadings).astype(np.float32))
    whole = pd.concat(parts, ignore_index=True)
    return CellMap(
        _wide_enough(np.concatenate(scores)),
        whole["well"].to_numpy(np.int32),
        whole["field"].to_numpy(np.int32),
        whole[OBJECT].to_numpy(np.int32),
        whole[["x", "y"]].to_numpy(np.float32),
        variance[:kept] / max(variance.sum(), 1e-12),
    )


def places(screen: Screen, known: CellMap, rows: np.ndarray) -> pd.DataFrame:
    """Whose some cells are and where they lie, one row a cell, by the names in the files."""
    wells = screen.wells.iloc[known.well[rows]]
    sites = screen.pictures.fields[SITE].astype(str).to_numpy()
    names = np.append(np.array(screen.treatment_names, dtype=object), "")
    return pd.DataFrame(
        {
            PLATE: wells[PLATE].to_numpy(),
            WELL: wells[WELL].to_numpy(),
            SITE: np.append(sites, "")[known.field[rows]],
            OBJECT: known.number[rows],
            profiles.TREATMENT: names[wells["treatment"].to_numpy()],
            "x": known.centre[rows, 0],
            "y": known.centre[rows, 1],
        }
    )


def _wide_enough(scores: np.ndarray) -> np.ndarray:
    return np.pad(scores, ((0, 0), (0, max(0, 2 - scores.shape[1]))))


def box(screen: Screen) -> int:
    """Side of a crop that shows a typical control cell, in pixels; the same for the screen."""

    def make() -> int:
        if screen.pictures.level == "cell":
            return screen.pictures.crop_side
        control = screen.wells["control"].to_numpy()
        for held in files(screen).values():
            if "Cells_AreaShape_Area" not in held.known:
                continue
            cells, areas = _read(screen, held, ["Cells_AreaShape_Area"])
            mask = control[cells["well"].to_numpy()]
            try:
                return box_around(areas[mask, 0] if mask.any() else areas[:, 0])
            except InputError:
                continue
        return _USUAL_BOX

    return screen.kept.get("box", make)


@dataclass(frozen=True)
class Listed:
    """Cells of one kind, in order.

    Attributes
    ----------
    kind : {"typical", "extreme", "control", "nearest"}
    label : str
    cells : DataFrame
        ``well``, ``field``, ``Metadata_ObjectNumber``, ``x``, ``y``.
    """

    kind: str
    label: str
    cells: pd.DataFrame

    def as_data(self) -> list[dict]:
        """The cells as the page reads them."""
        return [
            {"well": int(row.well), "field": int(row.field), "object": int(row.number),
             "x": float(row.x), "y": float(row.y)}
            for row in self.cells.rename(columns={OBJECT: "number"}).itertuples()
        ]  # fmt: skip


def listed(screen: Screen, treatment: int) -> list[Listed]:
    """Typical and extreme cells of a treatment, and typical control cells of the same plates.

    By at most 50 features that the treatment moved most (``features.parquet``), robust z of the
    plate's control cells. Typical is nearest to the median of the kind; extreme lies farthest on
    the way from the controls' median to the treatment's.
    """
    features = moved(screen, treatment) or _telling(screen)[:TOLD]
    own_wells = np.flatnonzero(screen.wells["treatment"].to_numpy() == treatment)
    plates = list(dict.fromkeys(screen.wells[PLATE].astype(str).iloc[own_wells]))
    control = screen.wells["control"].to_numpy()
    parts, scores = [], []
    for plate in plates:
        if plate not in files(screen):
            continue
        cells, values = _read(screen, files(screen)[plate], features)
        wells = cells["well"].to_numpy()
        scaled = _scaled(values, control[wells])
        wanted = np.isin(wells, own_wells) | control[wells]
        parts.append(cells[wanted])
        scores.append(scaled[wanted])
    if not parts:
        return []
    cells, values = pd.concat(parts, ignore_index=True), np.concatenate(scores)
    placed = cells["x"].notna() | (screen.pictures.level == "cell")
    known = ((cells["field"] >= 0) & placed).to_numpy()
    own = np.isin(cells["well"].to_numpy(), own_wells) & known
    others = control[cells["well"].to_numpy()] & ~own & known
    found = []
    if own.any():
        found.append(Listed("typical", "Typical cells", _nearest_median(cells, values, own)))
    if own.any() and others.any():
        way = np.median(values[own], axis=0) - np.median(values[others], axis=0)
        far = np.flatnonzero(own)[np.argsort(-(values[own] @ way), kind="stable")][:SHOWN]
        found.append(Listed("extreme", "Extreme cells", cells.iloc[far]))
    if others.any():
        label = "Control cells of the same plates"
        found.append(Listed("control", label, _nearest_median(cells, values, others)))
    return found


def drawn(screen: Screen, treatment: int) -> list[Listed]:
    """Of a screen whose images are crops: some of a treatment, and of the plates' controls.

    Evenly drawn from the crops of the wells; ``Metadata_ObjectNumber`` is a crop's place in its
    stack.
    """
    wells = np.flatnonzero(screen.wells["treatment"].to_numpy() == treatment)
    on_plates = np.isin(screen.wells["plate"], screen.wells["plate"].to_numpy()[wells])
    control = screen.wells["control"].to_numpy()
    own = _drawn(screen, wells)
    found = [Listed("typical", "Cells of its wells", own)] if len(own) else []
    others = _drawn(screen, np.flatnonzero(on_plates & control))
    if len(others) and not control[wells].all():
        found.append(Listed("control", "Control cells of the same plates", others))
    return found


def of_well(screen: Screen, well: int) -> Listed:
    """Some crops of a well of a screen whose images are crops."""
    return Listed("typical", "Cells of the well", _drawn(screen, np.array([well]), most=48))


def _drawn(screen: Screen, wells: np.ndarray, *, most: int = SHOWN) -> pd.DataFrame:
    known, rows = ids(screen), []
    wanted = set(wells.tolist())
    for (plate, well, _), number in known.fields.items():
        place = known.wells.get((plate, well), -1)
        if place in wanted:
            rows += [(place, number, n) for n in range(screen.pictures.stacked(number))]
    some = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(int))
    frame = pd.DataFrame([rows[k] for k in some], columns=["well", "field", OBJECT])
    return frame.assign(x=np.nan, y=np.nan)


def _nearest_median(cells: pd.DataFrame, values: np.ndarray, mask: np.ndarray) -> pd.DataFrame:
    rows = np.flatnonzero(mask)
    distance = np.square(values[rows] - np.median(values[rows], axis=0)).mean(axis=1)
    return cells.iloc[rows[np.argsort(distance, kind="stable")][:SHOWN]]


def moved(screen: Screen, treatment: int) -> list[str]:
    """Measured features that a treatment moved most, at most 50; none where none is known."""
    name, found = screen.treatment_names[treatment], screen.tables.features
    if found is None:
        return []
    there = next(iter(files(screen).values())).known
    own = found[(found[profiles.TREATMENT] == name) & found["feature"].isin(there)]
    own = own[own["representation"] == own["representation"].iloc[0]] if len(own) else own
    return own.sort_values("rank")["feature"].head(TOLD).tolist()


def nearest_cells(screen: Screen, field: int, number: int) -> Listed:
    """The cells nearest to one, of all plates, by the components of the map of cells.

    Raises
    ------
    InputError
        If there is no such cell.
    """
    return screen.kept.get(
        ("nearest", field, number), lambda: _nearest_cells(screen, field, number)
    )


def _nearest_cells(screen: Screen, field: int, number: int) -> Listed:
    cells: CellMap = screen.kept.get("cells", lambda: cell_map(screen))
    own = np.flatnonzero((cells.field == field) & (cells.number == number))
    if not len(own):
        raise InputError("There is no such cell.")
    distance = np.square(cells.scores - cells.scores[own[0]]).sum(axis=1)
    distance[cells.field < 0] = np.inf
    some = np.argpartition(distance, min(SHOWN, len(distance) - 1))[: SHOWN + 1]
    rows = some[np.argsort(distance[some], kind="stable")]
    rows = rows[np.isfinite(distance[rows])]
    frame = pd.DataFrame(
        {"well": cells.well[rows], "field": cells.field[rows], OBJECT: cells.number[rows],
         "x": cells.centre[rows, 0], "y": cells.centre[rows, 1]}
    )  # fmt: skip
    return Listed("nearest", "Nearest cells", frame)


def crops(screen: Screen, found: Listed) -> np.ndarray:
    """The crops of these cells, uint16 (n, stains, size, size)."""
    if screen.pictures.level == "cell":
        shown = [
            screen.pictures.crop_of_stack(int(row.field), int(row.number))
            for row in found.cells.rename(columns={OBJECT: "number"}).itertuples()
        ]
        return np.stack(shown) if shown else np.zeros((0, 1, 1, 1), np.uint16)
    size = box(screen)
    pictures = [
        screen.pictures.crop(int(row.field), (float(row.x), float(row.y)), size)
        for row in found.cells.itertuples()
    ]
    return np.stack(pictures) if pictures else np.zeros((0, 1, size, size), np.uint16)
