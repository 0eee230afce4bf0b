"""From the ``[data.images]`` section to an image set whose files are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.findings import Finding
from phenolens.images import LABELS, ImageSet
from phenolens.io.columns import (
    mark_blank_samples,
    no_wells,
    place,
    tidy,
)
from phenolens.io.discovery.layouts import require_one_layout
from phenolens.io.formats.base import ImageFormat, image_format
from phenolens.io.images.files import find_files
from phenolens.io.images.keys import image_keys
from phenolens.io.images.label_columns import set_labels_apart, with_labels
from phenolens.io.images.projection import projected, require_projection
from phenolens.io.images.stacks import unfolded
from phenolens.io.images.table import (
    HELPERS,
    Located,
)
from phenolens.io.instruments.acquisition import image_files
from phenolens.io.join import Source
from phenolens.io.ledger import Join, SetAside, first
from phenolens.io.measurements import chosen
from phenolens.io.paths import expand, read_tables, real_paths
from phenolens.places import below, is_url, named
from phenolens.profiles import OBJECT, PLATE, SITE, WELL
from phenolens.remote import look_below


def read_images(
    images: Mapping[str, Any],
    columns: Mapping[str, Any],
    root: Path,
    *,
    source: Source,
    measurement: str | None = None,
    layout: ImageFormat | None = None,
) -> ImageSet:
    """The image set of a screen: keyed rows, every file checked to be there.

    Rows whose well is no well, or with a missing file, are set aside and listed. Rows that repeat
    another entirely are dropped and counted. `layout` is a format that is not registered; else
    the section names one.

    Raises
    ------
    InputError
        If a table or column is missing, two different rows share a key, or no image is left.
    """
    located, bases = locate(images, root, layout=layout)
    located, found, missing = unfolded(located, *find_files(located, bases))
    frame = _keyed(located, columns, level=str(images["level"]), source=source)
    present = _note_missing(frame, located, missing, source=source)
    present &= _note_faults(frame, located, source=source)
    good = (frame[WELL] != "").to_numpy() & (frame[PLATE] != "").to_numpy()
    if len(good) and not good.any():
        written = place(located.frame, str(columns["well"]), WELL, source=source.name)
        if written is not None and (frame[WELL] == "").all():
            raise InputError(f"{source.name}: {no_wells(written)}")
        raise InputError(f"{source.name}: no row has a plate. Name it in [data.columns].")
    _note_bad_keys(frame, good, source=source)
    wanted, measured = _one_measurement(frame, measurement, good, source=source)
    require_projection(frame[wanted & good], images["projection"], source=source.name)
    kept = np.flatnonzero(present & good & wanted)
    _require_some(kept, located, found, missing=missing, bases=bases)
    table = _with_paths(frame, found, located, kept=kept)
    table, made = projected(table, list(found), images["projection"], source=source)
    merged = len(kept) - len(table)
    table, repeated = _unique(table, list(found), source=source)
    note = "; ".join(part for part in (measured, made, *located.notes) if part)
    _note_rows(source, int(wanted.sum()) - merged, table, repeated=repeated, note=note)
    return ImageSet(
        table=table,
        channels=tuple(located.paths),
        level=str(images["level"]),
        pixel_size_um=images["pixel_size_um"],
    )


def _one_measurement(
    frame: pd.DataFrame, measurement: str | None, good: np.ndarray, *, source: Source
) -> tuple[np.ndarray, str]:
    """Rows of the time point, plane or measurement that counts, and what was left out, in words."""
    spelled = "[data] measurement"
    where = np.flatnonzero(good)
    kept, _ = chosen(
        frame.iloc[where], measurement, source=source.name, spelled=spelled, images=True
    )
    rows = np.ones(len(frame), dtype=bool)
    rows[where[~kept]] = False
    left = int((~kept).sum())
    return rows, f"{left} rows of other measurements left out" if left else ""


def locate(
    images: Mapping[str, Any], root: Path, *, layout: ImageFormat | None = None
) -> tuple[Located, list[Path]]:
    """The image table by its layout, and the folders where its files may lie.

    ``images["located"]`` is what an earlier call gave: `init` looks at all files once.
    """
    if "located" in images:
        return images["located"]
    base, kind = below(root, str(images["root"])), layout or image_format(str(images["layout"]))
    if not kind.listed and images["table"] is None:
        if is_url(images["root"]):
            look_below(str(images["root"]))
        return kind.locate_below(base, images), [base]
    if images["table"] is None:
        require_one_layout(image_files(base), base)
        raise InputError(
            "[data.images] needs 'table', the file that lists the images, or the 'layout' of their "
            "names."
        )
    if not kind.listed:
        kind = image_format("table")
    paths = expand(images["table"], root)
    tables = ", ".join(path.name for path in paths[:3])
    listed, notes = read_tables(paths)
    frame = set_labels_apart(listed, images["labels"], source=tables)
    located = with_labels(kind.locate_listed(frame, images, source=tables))
    return replace(located, notes=(*notes, *located.notes)), [base, root]


def _keyed(
    located: Located, columns: Mapping[str, Any], *, level: str, source: Source
) -> pd.DataFrame:
    """The metadata of the rows with canonical plate, well, site (and object number) first."""
    keys = image_keys(located.frame, columns, level=level, source=source.name)
    unwanted = [*HELPERS, *located.hidden]
    details = tidy(mark_blank_samples(located.frame).drop(columns=unwanted, errors="ignore"))
    return pd.concat([keys, details.drop(columns=list(keys), errors="ignore")], axis=1)


def _note_missing(
    frame: pd.DataFrame, located: Located, missing: Mapping[str, np.ndarray], *, source: Source
) -> np.ndarray:
    """List every missing file; true for the rows that have all theirs."""
    present = np.ones(len(frame), dtype=bool)
    missing_file, not_named = (
        Finding("file-missing", "warning"),
        Finding("file-not-named", "warning"),
    )
    for channel, absent in missing.items():
        present &= ~absent
        for row in np.flatnonzero(absent):
            place_ = frame.iloc[row]
            source.ledger.set_aside.append(
                SetAside(
                    missing_file if located.paths[channel][row] else not_named,
                    plate=place_[PLATE],
                    well=place_[WELL],
                    site=place_[SITE],
                    channel=channel,
                    file=named(located.paths[channel][row]),
                )
            )
    return present


def _note_faults(frame: pd.DataFrame, located: Located, *, source: Source) -> np.ndarray:
    """List fields whose file says something that cannot be; true for the other rows."""
    if "_fault" not in located.frame:
        return np.ones(len(frame), dtype=bool)
    faults = located.frame["_fault"].to_numpy()
    paths = next(iter(located.paths.values()))
    source.ledger.set_aside.extend(
        SetAside(
            Finding("image-not-read", "warning", {}, {"fault": faults[row]}),
            plate=frame[PLATE].iloc[row],
            well=frame[WELL].iloc[row],
            site=frame[SITE].iloc[row],
            file=named(paths[row]),
        )
        for row in np.flatnonzero(faults != "")
    )
    return np.asarray(faults == "")


def _note_bad_keys(frame: pd.DataFrame, good: np.ndarray, *, source: Source) -> None:
    for row in np.flatnonzero(~good):
        code = "plate-not-named" if frame[PLATE].iloc[row] == "" else "well-not-named"
        why = Finding(code, "warning")
        source.ledger.set_aside.append(
            SetAside(why, plate=frame[PLATE].iloc[row], site=frame[SITE].iloc[row])
        )


def _require_some(
    kept: np.ndarray,
    located: Located,
    found: Mapping[str, np.ndarray],
    *,
    missing: Mapping[str, np.ndarray],
    bases: Sequence[Path],
) -> None:
    if len(kept):
        return
    _require_one_set(located, missing)
    channel = next((name for name in missing if missing[name].any()), next(iter(found)))
    row = int(np.argmax(missing[channel]))
    tried = ", ".join(map(str, dict.fromkeys(bases)))
    raise InputError(
        f"No image of the {len(located.frame)} listed is there, such as {channel} "
        f"({located.paths[channel][row]}); looked below {tried}. Set [data.images] root."
    )


def _require_one_set(located: Located, missing: Mapping[str, np.ndarray]) -> None:
    """Refuse stains of which no row names all: plates that call one stain differently.

    Raises
    ------
    InputError
    """
    told = {name: np.array(paths, dtype=object) != "" for name, paths in located.paths.items()}
    if not told or np.logical_and.reduce(list(told.values())).any():
        return
    everywhere = [name for name in told if told[name].all()]
    part = [f"{name} in {int(told[name].sum())}" for name in told if name not in everywhere]
    write = ", ".join(f'"{name}"' for name in everywhere)
    remedy = f"channels = [{write}] takes those of all rows; " if everywhere else ""
    raise InputError(
        f"No row of {len(located.frame)} names a file for all of the stains "
        f"{', '.join(told)}: there are {', '.join(part)}. Is one stain called differently on "
        f"other plates? {remedy}else give one stain one column."
    )


def _with_paths(
    frame: pd.DataFrame, found: Mapping[str, np.ndarray], located: Located, *, kept: np.ndarray
) -> pd.DataFrame:
    """Key and metadata of the kept rows with ``Path_``, ``Index_``, ... columns."""
    extra: dict[str, np.ndarray] = {}
    for channel, paths in found.items():
        extra[f"Path_{channel}"] = _named(paths[kept])
    extra |= _indices(located, found, kept)
    for channel, paths in located.illumination.items():
        extra[f"Illum_{channel}"] = _named(paths[kept])
    for compartment, paths in located.labels.items():
        extra[f"{LABELS}{compartment}"] = _named(paths[kept])
    table = frame.iloc[kept].reset_index(drop=True)
    return pd.concat([table, pd.DataFrame(extra, dtype=object)], axis=1)


def _named(paths: np.ndarray) -> np.ndarray:
    return np.array([named(path) for path in paths], dtype=object)


def _indices(
    located: Located, found: Mapping[str, np.ndarray], kept: np.ndarray
) -> dict[str, np.ndarray]:
    blank = np.full(len(located.frame), "", dtype=object)
    return {f"Index_{name}": located.index.get(name, blank)[kept] for name in found}


def _unique(
    table: pd.DataFrame, channels: list[str], *, source: Source
) -> tuple[pd.DataFrame, int]:
    """Rows sorted by key; exact repeats dropped; two different images of one key refused."""
    key = [name for name in (PLATE, WELL, SITE, OBJECT) if name in table]
    content = key + [f"{part}_{name}" for name in channels for part in ("Path", "Index")]
    once = table.drop_duplicates(content)
    twice = once[once.duplicated(key, keep=False)]
    if len(twice):
        rows = twice.sort_values(key)
        place_ = ", ".join(f"{name[9:].lower()} {rows[name].iloc[0]}" for name in key)
        files = " and ".join(dict.fromkeys(rows[f"Path_{channels[0]}"].iloc[:2]))
        raise InputError(
            f"{source.name}: {len(twice)} rows share a key, such as {place_} ({files}). Either two "
            "plates carry one barcode, or [data.columns] site names the wrong column."
        )
    _require_own_pixels(once, channels, source=source)
    return once.sort_values(key, ignore_index=True), len(table) - len(once)


def _require_own_pixels(table: pd.DataFrame, channels: list[str], *, source: Source) -> None:
    """Refuse a plane of a file that is listed twice: for two stains of a field, or for two fields.

    Links, and other spellings of one path, are the file they lead to.
    """
    real = real_paths({path for c in channels for path in table[f"Path_{c}"]})
    planes = {c: table[f"Path_{c}"].map(real) + "\n" + table[f"Index_{c}"] for c in channels}
    _require_own_stains(table, planes, source=source)
    listed = pd.concat(planes.values())
    shared = listed[listed.duplicated(keep=False)].sort_values(kind="stable")
    if len(shared):
        rows = table.loc[shared.index, [PLATE, WELL, SITE]].astype(str).agg("/".join, axis=1)
        raise InputError(
            f"{source.name}: {rows.nunique()} rows share their pixels, such as {rows.iloc[0]} and "
            f"{rows.iloc[1]} ({shared.iloc[0].splitlines()[0]}). One file belongs to one field; "
            "correct the table, or say which column holds the position in the file: index in "
            "[data.images]."
        )


def _require_own_stains(
    table: pd.DataFrame, planes: Mapping[str, pd.Series], *, source: Source
) -> None:
    for one, other in combinations(planes, 2):
        same = (planes[one] == planes[other]).to_numpy()
        if same.any():
            row = table.iloc[int(np.argmax(same))]
            place_ = ", ".join(f"{name[9:].lower()} {row[name]}" for name in (PLATE, WELL, SITE))
            raise InputError(
                f"{source.name}: {int(same.sum())} of {len(table)} rows name one file for {one} "
                f"and {other}, such as {place_} ({Path(row[f'Path_{one}']).name}). One plane of a "
                "file belongs to one stain; correct the table."
            )


def _note_rows(source: Source, rows: int, table: pd.DataFrame, *, repeated: int, note: str) -> None:
    lost = rows - repeated - len(table)
    keys = [
        "/".join(part for part in (item.plate, item.well, item.site) if part)
        for item in source.ledger.set_aside
    ]
    source.ledger.joins.append(
        Join(
            source=source.name,
            rows=rows,
            matched=len(table),
            unmatched=lost,
            unmatched_keys=first(keys) if lost else (),
            duplicates=repeated,
            note=note,
        )
    )
