"""Images that an instrument's index lists, met with the files that are there and their names.

An index is authoritative where names do not speak, and where both agree. Where they disagree nobody
can say which is right, so that nothing is read.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.instruments.acquisition import Place
from phenolens.profiles import row_letters

SHOWN = 3
_KINDS: tuple[Literal["channel", "plane", "timepoint"], ...] = ("channel", "plane", "timepoint")


class Row(Place, total=False):
    """What is known of an image: its place, its file, and where in the file it is."""

    path: str
    index: str


@dataclass(frozen=True)
class Met:
    """What became of an index and the files beside it.

    Attributes
    ----------
    rows : list of Row
        Images that are there, and those of fields of which a part is there.
    notes : list of str
    """

    rows: list[Row]
    notes: list[str]


def listed_places(images: pd.DataFrame) -> list[Place]:
    """What an index says of each image, as an image's own name says it.

    Parameters
    ----------
    images : DataFrame
        Whole numbers ``row``, ``column``, ``field``, ``plane``, ``timepoint``; ``channel`` as it
        names channels.
    """
    letters = {row: row_letters(row - 1) for row in set(images["row"])}
    numbers = images[["row", "column", "field", "plane", "timepoint"]].itertuples(index=False)
    return [
        {
            "well": f"{letters[row]}{column:02d}",
            "site": str(field),
            "channel": str(channel),
            "plane": plane,
            "timepoint": timepoint,
        }
        for (row, column, field, plane, timepoint), channel in zip(
            numbers, images["channel"], strict=True
        )
    ]


def meet(
    index: Path, images: pd.DataFrame, files: Sequence[str], named: Mapping[str, Place]
) -> Met:
    """The images of one index.

    Parameters
    ----------
    index : Path
    images : DataFrame
        As for :func:`listed_places`, with ``file`` (relative to the index; empty where no image
        was taken) and ``page`` (empty, or a number in a file of several).
    files : sequence of str
        Image files beside the index and below it.
    named : mapping of str to Place
        What the names of these files say, of those whose names say something.

    Raises
    ------
    InputError
        If the index and the names disagree about a well, field or channel.
    """
    places = listed_places(images)
    paths = _found(index, images["file"], files)
    disagree = [
        (path, _told_place(place), _told_place(named[path]))
        for path, place in zip(paths, places, strict=True)
        if path in named and any(place[k] != named[path][k] for k in ("well", "site", "channel"))
    ]
    if disagree:
        path, listed_as, named_as = disagree[0]
        raise InputError(
            f"{index} contradicts the names of {len(disagree)} of its {len(images)} images: "
            f"{name_of(path)} is {listed_as} in it, and {named_as} by its name. It may be another "
            "plate's: put the right one there, or take it away."
        )
    rows = _rows(index, images, places, paths, named)
    listed = set(paths)
    notes = _told(index, images, places, paths)
    unlisted = [path for path in files if path not in listed and path in named]
    if unlisted:
        notes.append(
            f"{index.name} of {_whose(index)} does not list {len(unlisted)} images that lie beside "
            f"it, such as {name_of(unlisted[0])}; they were read by their names"
        )
    rows += [{**named[path], "path": path, "index": ""} for path in unlisted]
    return Met(rows, notes)


def _told_place(place: Place) -> str:
    return f"{place['well']}, field {place['site']}, channel {place['channel']}"


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition(os.sep)[2]


def _found(index: Path, names: Iterable[str], files: Sequence[str]) -> list[str]:
    """Each entry's file: where the index says, of its name elsewhere, or of another ending.

    Empty where there is none.
    """
    here = len(str(index.parent)) + 1
    exact = {path[here:].replace(os.sep, "/"): path for path in files}
    by_name = {name_of(path): path for path in files}
    by_stem = {name.rpartition(".")[0]: path for name, path in by_name.items()}
    return [
        exact.get(n)
        or by_name.get(n.rpartition("/")[2])
        or by_stem.get(n.rpartition("/")[2].rpartition(".")[0], "")
        for n in names
    ]


def _rows(
    index: Path,
    images: pd.DataFrame,
    places: Sequence[Place],
    paths: Sequence[str],
    named: Mapping[str, Place],
) -> list[Row]:
    """Images that are there, and those that a field lacks of which a part is.

    A channel, plane or time point of which nothing is there was left behind on purpose.
    """
    held = [place for place, path in zip(places, paths, strict=True) if path]
    fields = {(place["well"], place["site"]) for place in held}
    kinds = {kind: {place[kind] for place in held} for kind in _KINDS}
    rows: list[Row] = []
    for place, path, file, page in zip(places, paths, images["file"], images["page"], strict=True):
        if path:
            time = named[path]["timepoint"] if path in named else place["timepoint"]
            rows.append({**place, "timepoint": time, "path": path, "index": page})
            continue
        lacked = (place["well"], place["site"]) in fields
        if file and lacked and all(place[kind] in kinds[kind] for kind in _KINDS):
            rows.append({**place, "path": str(index.parent / file), "index": page})
    return rows


def _told(
    index: Path, images: pd.DataFrame, places: Sequence[Place], paths: Sequence[str]
) -> list[str]:
    """How many images were not taken or are not there, and of what nothing is."""
    notes = []
    untaken = int((images["file"] == "").sum())
    missing = sum(not path for path in paths) - untaken
    whose = f"{index.name} of {_whose(index)}"
    if untaken:
        notes.append(f"{whose}: {untaken} images were not taken (no file is named)")
    if missing:
        held = [place for place, path in zip(places, paths, strict=True) if path]
        parts = []
        for kind in _KINDS:
            gone = {place[kind] for place in places} - {place[kind] for place in held}
            parts += [f"none of {kind} {', '.join(map(str, sorted(gone)))}"] if gone else []
        all_, some = ({(p["well"], p["site"]) for p in part} for part in (places, held))
        absent = sorted(all_ - some)
        shown = ", ".join(f"{well} field {site}" for well, site in absent[:SHOWN])
        parts += [f"{len(absent)} fields have none, such as {shown}"] if absent else []
        notes.append(
            f"{whose} lists {len(images)} images, of which {missing} are not there"
            f"{'; ' if parts else ''}{', '.join(parts)}: a measurement that is half-finished, or "
            "copied in part"
        )
    return notes


def _whose(index: Path) -> str:
    folder = index.parent
    return folder.parent.name if folder.name.lower() == "images" else folder.name


def left_out(files: Sequence[str]) -> list[str]:
    """A note on images that are none of the instrument's fields; none where there are none."""
    if not files:
        return []
    shown = ", ".join(map(name_of, files[:SHOWN])) + (", ..." * (len(files) > SHOWN))
    return [f"{len(files)} image files have names of another kind and were left out: {shown}"]


def one_pixel_size(sizes: Iterable[float], *, said_by: str) -> tuple[float | None, list[str]]:
    """The pixel size (um) on which all agree, None where they do not; and a note of that."""
    several = sorted(set(sizes))
    if len(several) == 1:
        return several[0], []
    shown = ", ".join(f"{size:g}" for size in several)
    notes = [f"{said_by} several pixel sizes ({shown} um); none was taken"] if several else []
    return None, notes


def name_channels(
    rows: pd.DataFrame, said: Mapping[Path, Mapping[str, str]], *, file: str
) -> tuple[pd.DataFrame, dict[str, str], tuple[tuple[str, str], ...]]:
    """Names of channels where each plate's own file gives them.

    Where plates number the same stains differently, rows go by the names.

    Parameters
    ----------
    rows : DataFrame
        ``channel``, ``plate``, and ``folder`` as `said` calls it.
    said : mapping of Path to mapping
        Names by channel, of each folder with such a file.
    file : str
        What the file is called.

    Returns
    -------
    rows : DataFrame
    names : dict of str to str
        Name of each channel; none where no file gives one.
    questions : tuple of tuple
        Where plates disagree, or some have no such file.
    """
    names: dict[str, dict[str, Path]] = defaultdict(dict)
    for folder, channels in said.items():
        for number, name in channels.items():
            names[number].setdefault(name, folder)
    used = {folder: set(part) for folder, part in rows.groupby("folder")["channel"]}
    plate = rows.drop_duplicates("folder").set_index("folder")["plate"]
    bare = [folder for folder in used if folder not in said]
    full = all(numbers <= set(said.get(folder, ())) for folder, numbers in used.items())
    clash = {n: by for n, by in names.items() if len(by) > 1}
    one = {n: next(iter(by)) for n, by in names.items()}
    if not clash:
        if not one or not bare:
            return rows, one, ()
        text = (
            f"{plate[bare[0]]} has no {file} that names its channels; those of "
            f"{plate[next(f for f in said)]} were taken. Are they the same?"
        )
        return rows, one, (("images.channels", text),)
    sets = {frozenset(said[f][n] for n in numbers) for f, numbers in used.items() if full}
    if len(sets) == 1:
        texts = [said[f][n] for f, n in zip(rows["folder"], rows["channel"], strict=True)]
        return rows.assign(channel=texts), {name: name for name in next(iter(sets))}, ()
    number, by = next(iter(clash.items()))
    shown = " and ".join(f"{name} on {plate.get(f, f.name)}" for name, f in list(by.items())[:2])
    text = (
        f"plates name their channels differently: channel {number} is {shown}. Write the stains' "
        "names here in the order of the numbers; if the order differs between plates, list the "
        "images in a table"
    )
    placeholders = {n: f"channel{n}" for n in set(rows["channel"])}
    return rows, placeholders, (("images.channels", text),)
