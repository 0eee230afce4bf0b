"""The ``[data]`` section that `init` would write for a single table of profiles."""

from __future__ import annotations

import pandas as pd

from phenolens.errors import InputError, named
from phenolens.io.columns import FILE, key_text, place, same_name, well_text
from phenolens.io.discovery.proposal import DEFAULTS
from phenolens.io.discovery.survey import column_for
from phenolens.io.given import Given
from phenolens.io.measurements import measuring_columns, one_measurement, plate_groups
from phenolens.io.roles import named_roles
from phenolens.io.tables.objects import image_numbers
from phenolens.profiles import CONTROL, OBJECT, PLATE, PREFIX, SITE, WELL, WELL_KEY

FEWEST_ROWS = 2


def data_section(
    given: Given,
    frame: pd.DataFrame,
    *,
    controls: str | None,
    normalized: bool | None,
    measurement: str | None = None,
    same_plate: object = None,
) -> tuple[dict, str]:
    """Settings under which a table alone is a screen, and what its rows are.

    Parameters
    ----------
    given : Given
    frame : DataFrame
        The table, with a column ``Metadata_Control`` where controls were given as a mask.
    controls : str or None
        A query, or None for the conventions of the field.
    normalized : bool or None
        None lets the values tell.
    measurement : str or None
        Query for the measurement that counts where wells have several, or ``"average"``.
    same_plate : str or sequence, optional
        Plates that are one; see :func:`phenolens.io.measurements.plate_groups`.

    Returns
    -------
    section : dict
        As plain values, for :func:`phenolens.io.integrate.integrate`.
    level : {"well", "field", "cell"}
    """
    names = [name for name in frame.columns if name not in set(given.features)]
    described = frame[names].drop(columns=FILE, errors="ignore")
    plates = key_text(_required(described, PLATE, given))
    wells = well_text(_required(described, WELL, given))
    roles, modality = named_roles(names, plates)
    keys = pd.DataFrame({PLATE: plates, WELL: wells})
    _refuse_half_controls(described, keys)
    frame, measured = one_measurement(
        frame, given.features, _numbered(described, keys), measurement=measurement,
        source=repr(given.name), spelled=named("measurement"),
    )  # fmt: skip
    names = [name for name in frame.columns if name in names]
    keys = keys.loc[frame.index].reset_index(drop=True)
    frame = frame.reset_index(drop=True)
    level = level_of(frame[names])
    if level != "field" and not numbers_objects(frame[names]):
        rows = frame.drop(columns=FILE, errors="ignore")
        level = _level_without_numbers(keys, rows, name=given.name)
    block = {
        "name": given.name,
        "files": given.name,
        "given": (frame, given.features, [*given.notes, *filter(None, [measured])]),
        "level": level,
        "normalized": "auto" if normalized is None else normalized,
        "prefix": None,
    }
    section = {
        "modality": modality,
        "controls": controls,
        "controls_spelled": named("controls"),
        "positive_controls": None,
        "exclude": None,
        "same_plate": plate_groups(same_plate),
        "same_plate_spelled": named("same_plate"),
        "columns": DEFAULTS["columns"] | roles,
        "images": None,
        "profiles": [block],
        "tables": [],
    }
    return section, level


_NEEDED = {
    PLATE: (
        "No question can be asked without, as wells are compared within plates; if all rows are of "
        "one plate, give it any name."
    ),
    WELL: (
        "No question can be asked without: neither which rows are one well nor what shares a "
        "position would be known."
    ),
}


def _required(described: pd.DataFrame, role: str, given: Given) -> pd.Series:
    """The column of plates or wells."""
    values = place(described, None, role, source=given.name)
    if values is None:
        what = role.removeprefix(PREFIX).lower()
        more = ", ..." if len(described.columns) > 12 else ""
        known = ", ".join(map(str, described.columns[:12])) or "features only"
        raise InputError(
            f"{given.name!r} has no column for the {what}: call it {role}; it has "
            f"{'; '.join([known + more, *given.notes])}. {_NEEDED[role]}"
        )
    return values


def _numbered(described: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """The keys, with the numbers of sites and objects where a column has them."""
    found = {role: column_for(described, role) for role in (SITE, OBJECT)}
    numbers = {role: key_text(described[name]) for role, name in found.items() if name}
    if SITE not in numbers and (images := image_numbers(described)) is not None:
        numbers[SITE] = images.to_numpy()
    return keys.assign(**numbers)


def _refuse_half_controls(described: pd.DataFrame, keys: pd.DataFrame) -> None:
    """Raise where rows of one well are and are not controls: nothing would be left of the marks."""
    if CONTROL not in described:
        return
    marks = keys.assign(mark=key_text(described[CONTROL])).drop_duplicates()
    marks = marks[(marks[WELL] != "") & (marks["mark"] != "")]
    both = marks[marks.duplicated(list(WELL_KEY))]
    if len(both):
        first = "/".join(both.iloc[0][list(WELL_KEY)])
        raise InputError(
            f"Some rows of {len(both)} wells are controls and some are not, such as those of "
            f"{first}; mark whole wells, with {named('controls')} or {CONTROL}."
        )


def _level_without_numbers(keys: pd.DataFrame, rows: pd.DataFrame, *, name: str) -> str:
    """What rows are where nothing numbers those of a well.

    Exact repeats are none. Cells or fields are many a well; two in some wells are rather two
    plates of one barcode, or two versions of one well.

    Raises
    ------
    InputError
        If most wells have one row or two, and a well has two that differ.
    """
    named_rows = (keys != "").all(axis=1)
    keys, rows = keys[named_rows], rows[named_rows]
    if keys.groupby(list(WELL_KEY)).size().median() > FEWEST_ROWS:
        return "cell"
    again = keys.duplicated(keep=False)
    different = rows[again].drop_duplicates().index
    several = keys.loc[different].groupby(list(WELL_KEY)).size()
    several = several[several > 1]
    if several.empty:
        return "well"
    first = "/".join(several.index[0])
    raise InputError(
        f"{name!r}: {len(several)} of {len(keys.drop_duplicates())} wells have several rows that "
        f"differ, such as {first} with {several.iloc[0]}. Keep one row a well; or number rows that "
        "are cells in a column ObjectNumber, or fields in a column Site; or tell plates of one "
        "barcode apart."
    )


def level_of(head: pd.DataFrame) -> str:
    """What a row of a table is: a well, a field or a cell."""
    if numbers_objects(head):
        return "cell"
    wells = _wells(head)
    if wells is not None:
        keys = head[measuring_columns(head)].reset_index(drop=True).assign(well=wells)
        if not keys.duplicated().any():
            return "well"
    return "field" if column_for(head, SITE) else "cell"


def numbers_objects(head: pd.DataFrame) -> bool:
    """Whether a column tells the objects of a well apart; a cell line in ``cell_id`` does not."""
    column, wells = column_for(head, OBJECT), _wells(head)
    if column is None:
        return False
    numbers = pd.to_numeric(head[column], errors="coerce")
    whole = bool((numbers == numbers.round()).all())
    if wells is None or not wells.duplicated().any():
        return whole and same_name(column) == same_name(OBJECT)
    names = pd.Series(key_text(head[column]), index=wells.index)
    if not whole:
        return not pd.concat([wells, names], axis=1).duplicated().any()
    return bool((names.groupby(wells).nunique() > 1).any())


def _wells(head: pd.DataFrame) -> pd.Series | None:
    """What tells the rows' wells apart; None where plate or well is not named."""
    places = [place(head, None, role, source="") for role in (PLATE, WELL)]
    if any(values is None for values in places):
        return None
    plate, well = map(key_text, places)
    return pd.Series([f"{p}/{w}" for p, w in zip(plate, well, strict=True)])
