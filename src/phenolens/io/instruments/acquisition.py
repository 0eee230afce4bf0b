"""What an instrument recorded: one row an image plane, brought to one row a field."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import numpy as np
import pandas as pd

from phenolens.errors import InputError, UndecidedError
from phenolens.io.discovery.tree import Unused, walk
from phenolens.io.images.table import Located, is_image_name
from phenolens.profiles import PLATE, SITE, WELL

SEVERAL = ("measurement", "timepoint", "plane")
"""Columns by which one field has several images, where the instrument names them."""
CANONICAL = {"plate": PLATE, "well": WELL, "site": SITE}

BATCH = "Metadata_Batch"
IN_BATCH = r"^.*/images/([^/]+)/images/"
"""``images/<batch>/images/<plate>``, as the Cell Painting Gallery's documentation lays it out."""


class Place(TypedDict, total=False):
    """What the name of an image says; absent what it does not."""

    plate: str
    well: str
    site: str
    channel: str
    plane: int
    timepoint: int
    measurement: str


@dataclass(frozen=True)
class Acquisition:
    """The images of a folder as their instrument names or lists them.

    Attributes
    ----------
    rows : DataFrame
        One row an image plane: ``plate``, ``well`` (``A01``), ``site``, ``channel`` (the
        instrument's identifier), ``path``, all text; ``index`` (text, see
        :class:`phenolens.images.ImageSet`) where a file holds several planes; ``plane``,
        ``timepoint`` (numbers) and ``measurement`` (text) where the instrument has them; ``fault``
        (text) where a file that is there cannot be read, and its field is to be set aside.
    names : dict of str to str
        Identifier to name of the stain, where the instrument says it.
    pixel_size_um : float or None
        Micrometres a pixel, where the instrument says it.
    notes : tuple of str
        What a person should know: images listed that are not there, files that disagree.
    questions : tuple of tuple
        Setting, text, options: what only a person can decide.
    """

    rows: pd.DataFrame
    names: Mapping[str, str] = field(default_factory=dict)
    pixel_size_um: float | None = None
    notes: tuple[str, ...] = ()
    questions: tuple[tuple, ...] = ()

    @property
    def channels(self) -> list[str]:
        """Identifiers of the channels, numbers in their order, then names in theirs."""
        return sorted(set(self.rows["channel"]), key=numbers_first)

    @property
    def stains(self) -> list[str]:
        """Names of the channels, in that order; a number that has none is ``channel1``.

        Names become names of files: ``Cy5/647`` is ``Cy5-647``.
        """
        placeholders = {n: f"channel{n}" if n.isdecimal() else n for n in self.channels}
        names = (self.names.get(number, name) for number, name in placeholders.items())
        return [re.sub(r"[/\\]", "-", name) for name in names]


def require_one_order(acquisition: Acquisition, channels: Sequence[str]) -> None:
    """Refuse placeholders for stains where plates name their channels differently.

    Whether channel 1 of one plate is channel 1 of another, a person must have said.

    Parameters
    ----------
    acquisition : Acquisition
    channels : sequence of str
        As the study names them; empty for the instrument's own.

    Raises
    ------
    UndecidedError
    """
    invented = [f"channel{number}" for number in acquisition.channels]
    asked = next((ask[1] for ask in acquisition.questions if ask[0] == "images.channels"), "")
    if asked and list(channels or acquisition.stains) == invented == acquisition.stains:
        raise UndecidedError(f"images: {asked}.", setting="images.channels", choices=())


def numbers_first(text: str) -> tuple[bool, int, str]:
    """A sorting key by which ``10`` follows ``9`` and names follow numbers."""
    return not text.isdecimal(), int(text) if text.isdecimal() else 0, text


def image_files(folder: Path) -> list[Path]:
    """Image files and Zarr stores below a folder, sorted, or the one image.

    Links that lead nowhere and files without a byte are among them: whoever reads them names and
    counts them. See :func:`phenolens.io.discovery.tree.walk`.
    """
    if folder.is_file():
        return [folder]
    aside: list[Unused] = []
    there = [path for path in walk(folder, aside) if is_image_name(path.name) or path.is_dir()]
    gone = [folder / one.path for one in aside if one.code in ("unused-link", "unused-empty")]
    return sorted([*there, *(path for path in gone if is_image_name(path.name))])


def located(
    acquisition: Acquisition, *, channels: Sequence[str], folder: Path, source: str
) -> Located:
    """One row a field (and plane, time point, measurement), with the file of each stain.

    Parameters
    ----------
    acquisition : Acquisition
    channels : sequence of str
        Names of the stains in the order of the instrument's identifiers; empty for its own names.
    folder : Path
        Where the images lie, for errors.
    source : str
        What such images are called, for errors.

    Raises
    ------
    InputError
        If there is no image, the names are not as many as the channels, or two files claim one
        field and channel.
    """
    rows, numbers = acquisition.rows, acquisition.channels
    if rows.empty:
        raise InputError(f"{folder} holds no {source}.")
    names = list(channels) or acquisition.stains
    if len(names) != len(numbers):
        raise InputError(
            f"{folder}: images of {len(numbers)} channels ({', '.join(numbers)}) but {len(names)} "
            f"names in [data.images] channels ({', '.join(names)})."
        )
    key = [*CANONICAL, *(name for name in SEVERAL if name in rows)]
    _require_one(rows, key, folder=folder)
    rows = rows.assign(index=rows.get("index", ""))
    wide = rows.pivot(index=key, columns="channel", values=["path", "index"])
    if "plane" in key:
        wide = _single_planes_repeated(wide, field=[name for name in key if name != "plane"])
    frame = wide.index.to_frame(index=False)
    if "fault" in rows:
        frame["_fault"] = rows.fillna({"fault": ""}).groupby(key)["fault"].max().to_numpy()
    alone = [name for name in SEVERAL if name in frame and frame[name].nunique() == 1]
    frame = frame.drop(columns=alone).rename(columns=CANONICAL)
    stains = dict(zip(names, numbers, strict=True))
    batches = wide["path"].bfill(axis=1).iloc[:, 0].str.extract(IN_BATCH, expand=False)
    if batches.notna().all():
        frame[BATCH] = batches.to_numpy()
    return Located(
        frame,
        {name: _text(wide["path", number]) for name, number in stains.items()},
        index={name: _text(wide["index", number]) for name, number in stains.items()},
        notes=acquisition.notes,
    )


def _single_planes_repeated(wide: pd.DataFrame, *, field: Sequence[str]) -> pd.DataFrame:
    """Stains that are taken in one plane everywhere stand for it in all planes of the field.

    A CV8000 takes brightfield in several planes, and the fluorescence of the same field in one.
    """
    there = wide["path"].notna()
    planes = there.groupby(level=list(field), sort=False).transform("sum")
    single = [channel for channel in planes if planes[channel].max() == 1]
    if not single or (planes.to_numpy() <= 1).all():
        return wide
    first = wide.groupby(level=list(field), sort=False).transform("first")
    for part in ("path", "index"):
        columns = [(part, channel) for channel in single]
        wide[columns] = wide[columns].fillna(first[columns])
    return wide


def plates_apart(rows: pd.DataFrame, labels: Mapping[str, str]) -> pd.Series:
    """Plates of the rows: those that share a name are called after their folders.

    They share it where fields of several folders would be one and the same; a plate whose wells or
    channels lie in several folders keeps its name.

    Parameters
    ----------
    rows : DataFrame
        As those of an :class:`Acquisition`, with ``folder``.
    labels : mapping of str to str
        What a plate in this folder would be called.

    Returns
    -------
    Series of str
    """
    plates = rows["plate"].copy()
    field_ = [n for n in ("well", "site", "channel", *SEVERAL) if n in rows]
    for _, of_name in rows.groupby("plate", sort=False):
        if of_name["folder"].nunique() > 1 and of_name.duplicated(field_).any():
            plates[of_name.index] = of_name["folder"].map(labels)
    return plates


def _text(values: pd.Series) -> np.ndarray:
    return values.fillna("").to_numpy(dtype=object)


def _require_one(rows: pd.DataFrame, key: Sequence[str], *, folder: Path) -> None:
    twice = rows[rows.duplicated([*key, "channel"], keep=False)].sort_values([*key, "channel"])
    if len(twice):
        first = twice.iloc[0]
        about = ", ".join(f"{name} {first[name]}" for name in [*key, "channel"])
        two = list(twice["path"].iloc[:2])
        raise InputError(
            f"Two files for one field and channel ({about}): {' and '.join(two)}. "
            f"{_why_twice(two, first['plate'], folder)}"
        )


def _why_twice(paths: Sequence[str], plate: str, folder: Path) -> str:
    """What may have happened, and what to do: one barcode in two batches, or two folders."""
    batches = [re.match(IN_BATCH, path) for path in paths]
    one, other = (batch[1] if batch else "" for batch in batches)
    if one == other or not batches[0]:
        return (
            f"Two plates have folders of the same name, or plate {plate} lies here twice: rename a "
            "folder, or make one study of each with its own [data.images] root."
        )
    root = os.path.relpath(batches[0][0], folder)
    return (
        f"Plate {plate} is in the batches {one} and {other}. Make one study a batch, each with its "
        f'own [data.images] root = "{root}"; or, if these are different plates, list the images in '
        "a table whose plate column tells them apart."
    )
