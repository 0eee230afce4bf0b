"""Several measurements of one well: time points, planes, a plate imaged again. One is a replicate.

A well that was measured several times is one well. Which measurement counts, or whether they are
averaged, only a person can say; until then nothing is counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import InputError, UndecidedError, UnknownColumnError, named, shown
from phenolens.findings import Finding
from phenolens.io.columns import key_text, nearest
from phenolens.io.join import Source
from phenolens.io.ledger import Join, SetAside
from phenolens.profiles import OBJECT, PLATE, PREFIX, SITE, WELL, WELL_KEY
from phenolens.query import evaluate_query, values_asked

AVERAGE = "average"
SAME = "same_plate"
WORDS = {
    "timepoint": "time points", "timepointid": "time points", "time": "time points",
    "timeh": "time points", "timehours": "time points", "timepointh": "time points",
    "measurement": "measurements", "measurementid": "measurements",
    "measurementnumber": "measurements", "acquisition": "measurements",
    "acquisitionid": "measurements", "scan": "measurements", "scanid": "measurements",
    "plane": "planes", "planeid": "planes", "z": "planes", "zplane": "planes", "zslice": "planes",
    "zstack": "planes", "zindex": "planes", "zposition": "planes",
}  # fmt: skip
SCANS = "measurements"
_SHOWN = 4


def measuring(rows: pd.DataFrame) -> dict[str, list[str]]:
    """Columns by whose values a well has several measurements, with these values as text.

    Parameters
    ----------
    rows : DataFrame
        ``Metadata_*`` columns, canonical keys among them.

    Returns
    -------
    dict of str to list of str
        Columns called after a time point, a plane or a measurement that differ between rows of one
        key, or that cross the wells (or fields): half of these have half of the values, or more.
    """
    key = [name for name in (PLATE, WELL, SITE, OBJECT) if name in rows]
    place = [name for name in key if name != OBJECT]
    found = {}
    for name in measuring_columns(rows):
        text = pd.Series(key_text(rows[name]), index=rows.index)
        known = text != ""
        values = sorted(set(text[known]), key=_numbers_first)
        if len(values) < 2:
            continue
        of_row, of_place = (
            text[known].groupby([rows.loc[known, part] for part in parts]).nunique()
            for parts in (key, place)
        )
        if (of_row > 1).any() or of_place.median() >= max(2, len(values) / 2):
            found[str(name)] = values
    return found


def measuring_columns(rows: pd.DataFrame) -> list[str]:
    """Columns called after a time point, a plane or a measurement, whatever they hold."""
    return [name for name in rows if _word(name) is not None]


def plane_columns(rows: pd.DataFrame) -> list[str]:
    """Columns called after a plane, whatever they hold."""
    return [name for name in rows if _word(name) == "planes"]


def _word(name: object) -> str | None:
    plain = re.sub(r"[^a-z]", "", str(name).removeprefix(PREFIX).lower())
    return WORDS.get(plain)


def _numbers_first(text: str) -> tuple[bool, float, str]:
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text


def chosen(
    rows: pd.DataFrame,
    measurement: str | None,
    *,
    source: str,
    spelled: str,
    images: bool = False,
) -> tuple[np.ndarray, dict[str, list[str]]]:
    """Rows of the measurement that counts, and the columns that several of them differ by still.

    Parameters
    ----------
    rows : DataFrame
        As for :func:`measuring`.
    measurement : str or None
        A query, ``"average"``, or nothing said.
    source, spelled : str
        What is read, and what the setting is called, for errors.
    images : bool
        Whether rows are images: nobody can take their average, and of planes a projection is made.

    Raises
    ------
    UndecidedError
        If a well has several measurements and nobody said which counts.
    InputError
        If the query cannot be evaluated or matches nothing.
    """
    kept = np.ones(len(rows), dtype=bool)
    if measurement not in (None, AVERAGE):
        try:
            kept = evaluate_query(rows, measurement, spelled)
        except UnknownColumnError:
            if measuring_columns(rows) or not spelled.startswith("["):
                raise
            # of a study's sources, it is about another one
        if not kept.any():
            held = values_asked(rows, measurement)
            raise InputError(
                f"{spelled} = {measurement!r} matches none of the {len(rows)} rows of {source}"
                f"{held}."
            )
    projected = plane_columns(rows) if images else []
    several = {n: values for n, values in measuring(rows[kept]).items() if n not in projected}
    if several and (measurement != AVERAGE or images):
        averaged = [] if images else [AVERAGE]
        choices = [_example(several, rows), *averaged]
        raise UndecidedError(
            f"{source}: {_told(several, rows)} They are measurements of one well, no replicates: "
            f"say which counts, such as {spelled} = {' or '.join(map(repr, choices))}."
            f"{_if_plates(several, rows) if images else ''}",
            setting="measurement",
            choices=[f'measurement = "{choice}"' for choice in (*_each(several, rows), *averaged)],
        )
    return kept, several


def _if_plates(several: Mapping[str, Sequence[str]], rows: pd.DataFrame) -> str:
    """How to say that measurements are plates of their own: images of a folder named alike are."""
    if rows[PLATE].nunique() > 1 or len(several) > 1 or _word(next(iter(several))) != SCANS:
        return ""
    return f' If they are different plates: [data.columns] plate = "{next(iter(several))}".'


def _told(several: Mapping[str, Sequence[str]], rows: pd.DataFrame) -> str:
    counts = rows.groupby(list(WELL_KEY), sort=False)[next(iter(several))].nunique()
    first = "/".join(map(str, counts.idxmax()))
    parts = []
    for name, values in several.items():
        more = ", ..." if len(values) > _SHOWN else ""
        listed = ", ".join(values[:_SHOWN]) + more
        parts.append(f"{len(values)} {_word(name)} ({name}: {listed})")
    return f"wells such as {first} have {' and '.join(parts)}."


def _each(several: Mapping[str, Sequence[str]], rows: pd.DataFrame) -> list[str]:
    """A query for each of the first values; one in all where several columns vary."""
    if len(several) > 1:
        return [_example(several, rows)]
    ((name, values),) = several.items()
    return [_test(rows[name], value, values) for value in values[:_SHOWN]]


def _example(several: Mapping[str, Sequence[str]], rows: pd.DataFrame) -> str:
    return " and ".join(_test(rows[name], values[0], values) for name, values in several.items())


def _test(column: pd.Series, value: str, values: Sequence[str]) -> str:
    """A query for one of the values, which keeps rows that have none: those measured once."""
    text = column.map(lambda v: isinstance(v, str)).any()  # is equal to no number
    written = {v: f"'{v}'" if text or _numbers_first(v)[0] else v for v in values}
    if (key_text(column) != "").all():
        return f"{column.name} == {written[value]}"
    others = [written[other] for other in values if other != value]
    if len(others) == 1:
        return f"{column.name} != {others[0]}"
    return f"{column.name} not in [{', '.join(others)}]"


def one_measurement(
    frame: pd.DataFrame,
    features: Sequence[str],
    keys: pd.DataFrame,
    *,
    measurement: str | None,
    source: str,
    spelled: str = "measurement",
) -> tuple[pd.DataFrame, str]:
    """Profile rows of which each is another well, field or cell; and what was done, in words.

    Averages are over the rows of one key, which keep what the first says of itself.

    Parameters
    ----------
    frame : DataFrame
        Metadata and features in columns.
    features : sequence of str
    keys : DataFrame
        Canonical plate and well, and site and object where they are known, of each row.
    measurement : str or None
    source, spelled : str
        As for :func:`chosen`.

    Returns
    -------
    frame : DataFrame
        Rows keep their labels.
    note : str
        Empty where nothing was done.

    Raises
    ------
    UndecidedError, InputError
        As :func:`chosen`; or if cells, which nothing pairs, should be averaged.
    """
    rows = frame.drop(columns=[*features, *keys], errors="ignore")
    rows = pd.concat([keys, rows], axis=1)
    kept, several = chosen(rows, measurement, source=source, spelled=spelled)
    frame, rows, left = frame[kept], rows[kept], int((~kept).sum())
    if not several:
        return frame, f"{left} rows of other measurements left out" if left else ""
    key = list(keys)
    if rows.duplicated([*key, *several]).any():
        raise InputError(
            f"{source}: several rows of one measurement share a key ({', '.join(key)}), so nothing "
            f"says which to average; choose one, such as {spelled} = {_example(several, rows)!r}."
        )
    averaged = averaged_rows(frame, features, rows[key])
    columns = " and ".join(several)
    done = f"{len(rows)} rows averaged over {columns} to {len(averaged)}"
    return averaged.drop(columns=list(several)), done


def averaged_rows(frame: pd.DataFrame, features: Sequence[str], keys: pd.DataFrame) -> pd.DataFrame:
    """The first row of each key with the mean of the features, float32; rows keep their labels."""
    codes = keys.groupby(list(keys), sort=False, dropna=False).ngroup().to_numpy()
    first = ~keys.duplicated().to_numpy()
    means = frame[list(features)].astype(np.float64).groupby(codes).mean().astype(np.float32)
    means.index = frame.index[first]
    return pd.concat([frame.loc[first].drop(columns=list(features)), means], axis=1)


def plate_groups(value: Any, *, setting: str = SAME) -> list[list[str]]:
    """Plates that are one, as lists: of lists of names, or of texts such as ``"P1=P1_again"``.

    Raises
    ------
    InputError
        If it is something else, or a group names fewer than two plates.
    """
    if value is None:
        return []
    items: Any = [value] if isinstance(value, str) else value
    try:
        groups = [
            [part.strip() for part in item.split("=")] if isinstance(item, str) else
            [str(part) for part in item]
            for item in items
        ]  # fmt: skip
    except TypeError:
        groups = [[]]
    if any(len(set(group)) < 2 or "" in group for group in groups):
        raise InputError(
            f"{named(setting)} names plates that are one, such as 'P1=P1_again' or, in Python and "
            f'in a study file, [["P1", "P1_again"]]; got {shown(value)}.'
        )
    return groups


def require_plates(groups: Sequence[Sequence[str]], known: Sequence[str], *, spelled: str) -> None:
    """Raise :class:`InputError` where a plate that is named is not there."""
    for name in (name for group in groups for name in group):
        if name not in known:
            raise InputError(
                f"{spelled}: there is no plate {name!r}{nearest(name, list(known)) or '.'}"
            )


def one_plate(
    rows: pd.DataFrame,
    features: Sequence[str],
    groups: Sequence[Sequence[str]],
    *,
    average: bool,
    source: Source,
) -> pd.DataFrame:
    """Rows of plates that are one, under the name that was given first.

    Wells are averaged, those that not every measurement has are set aside. Fields, cells and
    images of the first plate are kept, those of the others set aside.

    Parameters
    ----------
    rows : DataFrame
        With canonical keys.
    features : sequence of str
    groups : list of list of str
        As :func:`plate_groups` gives them.
    average : bool
        Whether rows are wells, which can be averaged.
    source : Source
        Takes note.

    Raises
    ------
    InputError
        If the plates say of a well that different things were done to it.
    """
    for first, *others in groups:
        here = rows[PLATE].isin([first, *others])
        held = set(rows.loc[here, PLATE])
        if len(held) < 2:
            rows = rows.assign(**{PLATE: rows[PLATE].mask(here, first)})
            continue
        part = rows[here]
        if average:
            _require_one_content(part, first, source=source)
            several = part.groupby(WELL)[PLATE].transform("nunique") == len(held)
            for plate, well in part.loc[~several, list(WELL_KEY)].itertuples(index=False):
                why = Finding("not-measured-each-time", "info", {}, {"same_plate": first})
                source.ledger.set_aside.append(SetAside(why, plate=plate, well=well))
            part = part[several].assign(_order=part[PLATE] != first)
            part = part.sort_values([WELL, "_order"], kind="stable").drop(columns="_order")
            done = averaged_rows(part.assign(**{PLATE: first}), features, part[[WELL]])
            what = f"{len(done)} wells averaged"
        else:
            done = part[part[PLATE] == first]
            for plate in sorted(held - {first}):
                why = Finding("measured-again", "info", {}, {"same_plate": first})
                source.ledger.set_aside.append(SetAside(why, plate=plate))
            what = f"{len(done)} rows of {first} kept"
        source.ledger.joins.append(
            Join(
                source=f"{SAME} ({source.name})",
                rows=int(here.sum()),
                matched=len(done),
                note=f"{', '.join([first, *others])} are one plate, as said: {what}",
            )
        )
        rows = pd.concat([rows[~here], done]).reset_index(drop=True)
    return rows


def _require_one_content(part: pd.DataFrame, first: str, *, source: Source) -> None:
    for name in sorted(source.identity & set(part)):
        text = pd.Series(key_text(part[name]), index=part.index)
        said = text[text != ""].groupby(part[WELL]).nunique()
        if (said > 1).any():
            wells = ", ".join(map(str, said.index[said > 1][:3]))
            raise InputError(
                f"{SAME}: the plates that are one with {first!r} differ in {name} in "
                f"{int((said > 1).sum())} wells ({wells}), so they are not one plate; correct the "
                "plate map, or take them out of same_plate."
            )
