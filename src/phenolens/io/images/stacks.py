"""Listed files that hold more than one plane a stain: a row for each of their fields and planes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.io.discovery.contents import contents, planes, require_fields, unlike
from phenolens.io.images.table import Located, plane_index
from phenolens.readers.index import PlaneIndex, parse_index
from phenolens.readers.series import Series

Found = Mapping[str, np.ndarray]
Place = tuple[int, int, int]
"""Number of an image in its file, time point and plane."""


def unfolded(located: Located, found: Found, missing: Found) -> tuple[Located, Found, Found]:
    """The rows of an image table, one for each field and plane that its files hold.

    A file with one image, of which its shape says all, stays one row; the first file stands for
    the others. Where each stain has files of its own, pages that say nothing are planes in z. Of
    files that say what their axes are each is looked at: each image is a field (a site), each plane
    in z and each time point a row with its ``plane`` and ``timepoint``.

    Parameters
    ----------
    located : Located
    found : mapping of str to array
        Absolute path of each stain, one a row.
    missing : mapping of str to array
        Which of them are not there.

    Returns
    -------
    located, found, missing
        With places in the files as ``located.index``.

    Raises
    ------
    InputError
        If the first file cannot be read, or files hold other stains than the study file names.
    """
    frame = located.frame
    indexed = any((texts != "").any() for texts in located.index.values())
    if indexed or all(gone.all() for gone in missing.values()):
        return located, found, missing
    described = {
        name: _first(found[name][~missing[name]]) for name in found if not missing[name].all()
    }
    if located.index and all(_pages(series[0]) == 1 for series in described.values()):
        return located, found, missing  # of an instrument: a plane a file
    plain = all(_plain(series) for series in described.values())
    stacked = "_stack" in frame
    chosen = frame["_index"].to_numpy() if stacked else np.full(len(frame), "", dtype=object)
    numbered = any(text and not text.startswith("s") for text in chosen)
    if plain and not stacked and not any(series[0].leading for series in described.values()):
        return located, found, missing
    if numbered or (plain and stacked):
        stain, first = next(iter(described.items()))
        path = Path(found[stain][~missing[stain]][0])
        places = _places(first, list(found), chosen, path=path)
        return replace(located, index=places), found, missing
    rows = _Unfolding(list(found), stacked=stacked)
    for row, text in enumerate(chosen):
        there = {name: "" if missing[name][row] else str(found[name][row]) for name in found}
        rows.take(row, there, parse_index(text).series)
    return rows.spread(located, found, missing)


def _first(paths: np.ndarray) -> tuple[Series, ...]:
    """What the first file holds that can be read.

    Raises
    ------
    InputError
        If none can be read; that of the first.
    """
    fault = None
    for path in dict.fromkeys(paths):
        try:
            return contents(Path(path))
        except InputError as error:
            fault = fault or error
    raise fault or InputError("There is no image file.")


def _plain(series: Sequence[Series]) -> bool:
    """Whether a file holds one image, whose axes say no more than its shape does."""
    one = series[0]
    says = one.said and (one.planes is not None or bool(one.channels) or set(one.leading) - {"C"})
    return len(series) == 1 and not says


def _pages(one: Series) -> int:
    return 1 if "S" in one.axes else math.prod(one.shape[:-2])


def _places(
    series: Sequence[Series], names: list[str], positions: np.ndarray, *, path: Path
) -> dict[str, np.ndarray]:
    """Places of all stains from the first file's axes and the position that a row names."""
    if len(series) > 1:
        raise InputError(
            f"{path.name} holds {len(series)} images, and the 'index' column numbers planes; "
            "write 's0', 's1', ... there for the images, a row each."
        )
    one = series[0]
    shape = one.shape
    if one.planes is not None:
        shape = (*(size for size in shape[:-2] if size > 1), *shape[-2:])
    asked = pd.unique(positions)
    texts = {position: _texts(shape, names, position, path=path) for position in asked}
    return {
        name: np.array([texts[position][name] for position in positions], dtype=object)
        for name in names
    }


def _texts(
    shape: tuple[int, ...], names: Sequence[str], position: str, *, path: Path
) -> dict[str, str]:
    try:
        return {
            name: plane_index(shape, channel=number, n_channels=len(names), position=position)
            for number, name in enumerate(names)
        }
    except InputError as error:
        raise InputError(
            f"[data.images] channels = {list(names)}: {path.name} holds {error} (shape {shape})."
        ) from None


class _Unfolding:
    """Rows that are gathered file by file."""

    def __init__(self, names: list[str], *, stacked: bool) -> None:
        self.names = names
        self.stacked = stacked
        self.file_names: tuple[str, ...] = ()
        self.origin: list[int] = []
        self.place: list[Place] = []
        self.planes: list[dict[str, tuple[str, str]]] = []
        self.read: dict[str, tuple[Series, ...]] = {}
        self.faulty: list[str] = []
        self.fits = False

    def take(self, row: int, paths: Mapping[str, str], series: int | None) -> None:
        """All planes of a row's files; of an image that is named, those of it alone.

        Files that are damaged, or do not fit the first, stay one row, which says so.
        """
        held: dict[Place, dict[str, tuple[str, str]]] = {}
        fault = ""
        for path in dict.fromkeys(path for path in paths.values() if path):
            stains = [name for name in self.names if paths[name] == path]
            try:
                for one in self._images(path, series):
                    for place, stain, at in self._stains(one, path, stains):
                        held.setdefault(place, {})[stain] = at
            except InputError as error:
                if path in self.read and not self.fits:
                    raise
                fault = str(error)
                held.clear()
                break
        self.fits = self.fits or bool(held)
        if not held:
            held[0, 0, 0] = {name: (path, "") for name, path in paths.items()}
        for place in sorted(held):
            self.origin.append(row)
            self.place.append(place)
            self.planes.append(held[place])
            self.faulty.append(fault)

    def _images(self, path: str, number: int | None) -> tuple[Series, ...]:
        if path not in self.read:
            self.read[path] = contents(Path(path))
        found = self.read[path]
        if number is not None and number >= len(found):
            raise InputError(f"{path} holds {len(found)} images; there is no s{number}.")
        return found if number is None else found[number : number + 1]

    def _stains(
        self, one: Series, path: str, stains: list[str]
    ) -> Iterator[tuple[Place, str, tuple[str, str]]]:
        """Place, stain and file with the place in it, of each plane of an image."""
        if not one.said and not self.stacked and len(stains) == 1 and _pages(one) > 1:
            for page, at in enumerate(np.ndindex(one.shape[:-2])):
                yield (one.number or 0, 0, page), stains[0], (path, ",".join(map(str, at)))
            return
        if not one.said:
            for stain, text in _texts(one.shape, stains, "", path=Path(path)).items():
                index = PlaneIndex(parse_index(text).position, one.number)
                yield (one.number or 0, 0, 0), stain, (path, str(index))
            return
        require_fields(one, Path(path))
        found = list(planes(one, Path(path)))
        count = one.count("C")
        if count == 1 and len(stains) > 1 and len(found) == len(stains):
            # ImageJ calls the planes of any stack slices, stains too
            for stain, plane in zip(stains, found, strict=True):
                yield (one.number or 0, 0, 0), stain, (plane["path"], plane["index"])
            return
        numbers = self._numbers(one, path, stains)
        for plane in found:
            if plane["channel"] in numbers:
                place = (one.number or 0, plane["timepoint"], plane["plane"])
                yield place, numbers[plane["channel"]], (plane["path"], plane["index"])

    def _numbers(self, one: Series, path: str, stains: list[str]) -> dict[int, str]:
        """The stain of each channel: by its name where files name them, else by its number."""
        if set(stains) <= set(one.channels):
            self.file_names = self.file_names or tuple(stains)
            return {one.channels.index(stain): stain for stain in stains}
        if one.count("C") != len(stains):
            called = f" ({', '.join(one.channels)})" if one.channels else ""
            raise InputError(
                f"{path} holds {one.count('C')} stain(s){called} ({one.text()}), and [data.images] "
                f"channels names {len(stains)} ({', '.join(stains)})."
            )
        if not one.channels or not self.stacked:
            return dict(enumerate(stains))
        self.file_names = self.file_names or one.channels
        if set(self.file_names) != set(one.channels):
            raise InputError(
                f"{path} calls its stains {', '.join(one.channels)}, and other files "
                f"{', '.join(self.file_names)}; list them apart, or name [data.images] channels "
                "as the files do."
            )
        order = [self.file_names.index(name) for name in one.channels]
        return {number: stains[at] for number, at in enumerate(order)}

    def spread(
        self, located: Located, found: Found, missing: Found
    ) -> tuple[Located, Found, Found]:
        """The table, with a row for each."""
        origin = np.array(self.origin)
        columns = pd.DataFrame(self.place, columns=["_series", "timepoint", "plane"])
        frame = located.frame.iloc[origin].reset_index(drop=True)
        before = frame["_fault"] if "_fault" in frame else pd.Series("", index=frame.index)
        faults = before.where(before != "", self.faulty)
        frame = frame.assign(_origin=origin, _series=columns["_series"], _fault=faults)
        for name in ("timepoint", "plane"):
            if columns[name].nunique() > 1:
                frame[name] = columns[name] + 1
        paths, index, gone = {}, {}, {}
        for name in self.names:
            held = [place.get(name, ("", "")) for place in self.planes]
            there = np.array([path for path, _ in held], dtype=object)
            lost = missing[name][origin]
            paths[name] = np.where(lost, np.asarray(found[name])[origin], there)
            index[name] = np.array([text for _, text in held], dtype=object)
            gone[name] = lost | np.array([not Path(p).exists() if p else True for p in there])
        notes = (*located.notes, *self._said())
        return (
            replace(
                located,
                frame=frame,
                paths={
                    name: np.where(paths[name] == found[name][origin], told[origin], paths[name])
                    for name, told in located.paths.items()
                },
                index=index,
                illumination={n: v[origin] for n, v in located.illumination.items()},
                labels={n: v[origin] for n, v in located.labels.items()},
                notes=notes,
            ),
            paths,
            gone,
        )

    def _said(self) -> list[str]:
        counts = [len(series) for series in self.read.values()]
        if all(count == 1 for count in counts):
            return []
        different = [unlike(found, Path(path)) for path, found in self.read.items()]
        different = [text for text in different if text]
        more = f" (and {len(different) - 1} files more)" if len(different) > 1 else ""
        return [
            f"{len(counts)} files hold {sum(counts)} images; each is a site",
            *(f"{text}{more}" for text in different[:1]),
        ]
