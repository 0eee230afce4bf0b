"""Fill the prepared store: read the originals once, resume where a killed run stopped."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens import illumination, ngff
from phenolens.depths import PlaneLook, depths, fault_of, look
from phenolens.errors import InputError
from phenolens.files import (
    atomic_path,
    digest,
    file_digest,
    identity,
    plain,
    settled,
    write_json,
    write_sealed,
)
from phenolens.findings import Finding
from phenolens.images import PLANES, ImageSet, absent_chunks, read_file, read_stains
from phenolens.places import is_url
from phenolens.prepared import (
    MARK,
    THUMBNAIL_FILE,
    Content,
    Prepared,
    Progress,
    group_path,
    listed,
    place,
    read_thumbnail,
    require_listed,
    safe_name,
    site_name,
)
from phenolens.profiles import PLATE, SITE, WELL
from phenolens.remote import ahead, fetch_ahead, placed
from phenolens.workers import Elsewhere, Reading, Watch, in_processes

_CROPS_PER_CHUNK = 16
_AHEAD = 4
"""Fields a process for which files that lie elsewhere are fetched while it works."""
_FAULT_COLUMNS = ["plate", "well", "site", "channel", "file", "reason", "why"]


def prepare(
    images: ImageSet,
    folder: str | Path,
    *,
    correct: str = "auto",
    keep: bool = False,
    verify: bool = False,
    jobs: int = 1,
    cluster: Elsewhere | None = None,
    progress: Progress | None = None,
    foresee: Callable[[int], Watch] | None = None,
) -> Prepared:
    """Read the originals once into the store.

    Parameters
    ----------
    images : ImageSet
    folder : path
        The store; what an earlier run finished is kept.
    correct : {"auto", "estimate", "given", "none"}
        ``auto`` takes the functions given beside the images where there are any, else estimates
        them for fields of plates with at least 16 fields; crops are never corrected.
    keep : bool
        Whether images that differ from most of the screen in size, dtype or scale are kept; else
        they are set aside.
    verify : bool
        Read every original again; otherwise those whose size, times or inode have changed.
    jobs : int
        Processes.
    cluster : Elsewhere, optional
        Workers in their place.
    progress : callable, optional
        Called with (done, total) groups.
    foresee : callable, optional
        Called with the number of groups; what it gives, with what each took.

    Raises
    ------
    InputError
        If no image can be used, or ``given`` functions are missing.
    """
    folder = Path(folder)
    images = _ordered(images)
    groups = _groups(images)
    watch = foresee(len(groups)) if foresee else None
    parts: Iterable[ImageSet] = (images.take(rows) for rows in groups)
    if cluster is None:  # a worker elsewhere has a cache of its own
        wanted = partial(_to_read, folder=folder, verify=verify)
        parts = ahead(parts, wanted, count=_AHEAD * jobs)
    tasks: Iterable[Callable[[], dict]] = (
        partial(_write_group, part, folder, verify=verify) for part in parts
    )
    if cluster is not None:
        files = (_readable(images.take(rows)) for rows in groups)
        tasks = map(Reading, tasks, files)
    marks = in_processes(tasks, jobs=jobs, watch=watch, cluster=cluster)
    written = _collect(groups, marks, progress)
    aside = {row: fault for one in written for row, fault in one.faults.items()}
    if not keep:
        aside |= _unlike(images, groups, written, aside)
    usable = np.array([row not in aside for row in range(len(images))], dtype=bool)
    if not usable.any():
        first = aside[0]
        where = images.where(0, first["channel"] or None)
        raise InputError(
            f"None of {len(images)} images can be used; the first: {where}: {first['why'].text}"
        )
    shown = [n for n, one in enumerate(written) if one.looks and usable[groups[n]].any()]
    kept = images.take(usable)
    _describe_plates(kept, folder)
    looks = _looks(images, [(int(groups[n][0]), written[n].looks) for n in shown])
    return Prepared(
        folder,
        kept,
        pd.DataFrame([aside[row] for row in sorted(aside)], columns=_FAULT_COLUMNS),
        _correction(kept, folder, correct, looks=looks),
        depths=depths([written[n].looks for n in shown]),
        looks=looks,
        contents={one.group: one.content for one in written},
    )


def _unlike(
    images: ImageSet,
    groups: Sequence[np.ndarray],
    written: Sequence[_Written],
    aside: Mapping[int, dict],
) -> dict[int, dict]:
    """Images whose stains differ from most of the screen in size, dtype, or the scale of floats."""
    found: dict[int, dict] = {}
    read = [n for n, one in enumerate(written) if one.looks]
    for position, channel in enumerate(images.channels):
        looks = [written[n].looks[position] for n in read]
        aspects = {"dtype": [one.dtype for one in looks]}
        aspects["scale"] = [one.scale for one in looks]
        if images.level == "field":
            aspects["size"] = [one.size for one in looks]
        for aspect, values in aspects.items():
            usual = next((v for v, _ in Counter(values).most_common() if v), "")
            for n, value in zip(read, values, strict=True):
                if value in (usual, ""):
                    continue
                about = {"aspect": aspect, "found": value, "usual": usual}
                why = Finding("image-unlike", "warning", {}, about)
                for row in groups[n]:
                    if row not in aside:
                        found.setdefault(int(row), _fault(images, row, why, channel=channel))
    return found


def _looks(images: ImageSet, seen: Sequence[tuple[int, Sequence[PlaneLook]]]) -> pd.DataFrame:
    """One row an image (or the crops of a well and site) and stain: where it is, what it shows."""
    rows = []
    for row, looks in seen:
        values = images.table.iloc[row]
        place_ = {"plate": values[PLATE], "well": values[WELL], "site": values[SITE]}
        for channel, one in zip(images.channels, looks, strict=True):
            file = {"channel": channel, "file": values[f"Path_{channel}"]}
            rows.append(place_ | file | asdict(one) | {"flat": one.flat})
    return pd.DataFrame(rows)


def _ordered(images: ImageSet) -> ImageSet:
    order = images.table.sort_values(images.key, kind="stable").index.to_numpy()
    ordered = images.take(order)
    if images.level != "cell":
        return ordered
    position = ordered.table.groupby([PLATE, WELL, SITE], sort=False).cumcount()
    return replace(ordered, table=ordered.table.assign(Position=position))


def _groups(images: ImageSet) -> list[np.ndarray]:
    """Rows that are written together: one field, or the crops of one well and site."""
    if images.level != "cell":
        return [np.array([row]) for row in range(len(images))]
    codes = images.table.groupby([PLATE, WELL, SITE], sort=False).ngroup().to_numpy()
    return np.split(np.arange(len(codes)), np.flatnonzero(np.diff(codes)) + 1)


@dataclass(frozen=True)
class _Written:
    """What became of one group: images that cannot be used, what each stain shows, digests."""

    group: str
    faults: dict[int, dict]
    looks: list[PlaneLook]
    content: Content


def _collect(
    groups: Sequence[np.ndarray], marks: Iterable[dict], progress: Progress | None
) -> list[_Written]:
    written = []
    for done, (rows, mark) in enumerate(zip(groups, marks, strict=True), start=1):
        at = {int(rows[position]): _with_finding(fault) for position, fault in mark["faults"]}
        looks = [PlaneLook(**one) for one in mark["looks"]]
        content = Content(digest(mark["faults"], mark["looks"]), mark["labels"])
        written.append(_Written(mark["group"], at, looks, content))
        if progress:
            progress(done, len(groups))
    return written


def _with_finding(fault: dict) -> dict:
    place_ = {name: fault[name] for name in _FAULT_COLUMNS if name not in ("reason", "why")}
    why = Finding(fault["code"], "warning", {}, {"fault": fault["reason"]})
    return place_ | {"reason": fault["reason"], "why": why}


def _write_group(images: ImageSet, folder: Path, *, verify: bool = False) -> dict:
    """Write one group, unless an earlier run did; what its mark says."""
    values = images.table.iloc[0]
    group = group_path(values[PLATE], values[WELL], values[SITE])
    target = folder / group
    found, reads, known = originals(images), images.reads(), _known(target)
    as_before = known.get("reads") == reads
    if as_before and _still_holds(known["sources"], found, verify=verify):
        return known
    fetch_ahead(path for path, *_ in found)
    pixels, faults, looks = _read_group(images)
    sources = [[path, *settled(at)] for path, *at in found]
    mark = {"group": group.as_posix(), "sources": sources, "reads": reads}
    mark |= {"faults": plain(faults), "looks": plain(looks), "labels": _labels_digest(images)}
    if all(known.get(part) == mark[part] for part in ("faults", "looks")):  # the same pixels
        write_sealed(target / MARK, mark | {"files": known["files"]})
        return mark
    partial = target.with_name(f".partial-{target.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if pixels is not None:
        _write_zarr(pixels, images, partial)
    write_sealed(partial / MARK, mark | {"files": listed(partial, MARK)})
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    return mark


def _to_read(images: ImageSet, *, folder: Path, verify: bool) -> list[str]:
    """Files elsewhere that a group will be read from; none where an earlier run read them."""
    if not any(is_url(path) for path in images.table[f"Path_{images.channels[0]}"]):
        return []
    values = images.table.iloc[0]
    known = _known(folder / group_path(values[PLATE], values[WELL], values[SITE]))
    found = originals(images)
    done = known.get("reads") == images.reads()
    if done and _still_holds(known["sources"], found, verify=verify):
        return []
    return [path for path, *_ in found]


def _known(target: Path) -> dict:
    """What the mark of a group says; nothing where it was never finished."""
    try:
        return require_listed(target, MARK, thoroughly=False)
    except FileNotFoundError:
        return {}


def _labels_digest(images: ImageSet) -> str:
    """Digest of the files of label images; empty where none are given."""
    found = {
        name: [file_digest(p) if placed(p).is_file() else "" for p in images.table[name]]
        for name in images.label_columns
    }
    return digest(found) if found else ""


def originals(images: ImageSet, *, functions: bool = False) -> list[list]:
    """Path and identity of the files behind these images; see :func:`phenolens.files.identity`.

    Label images count among them: a cell's measurements depend on both. With `functions`, given
    illumination functions too.
    """
    columns = [f"Path_{channel}" for channel in images.channels] + images.label_columns
    columns += [name for name in images.table if functions and str(name).startswith("Illum_")]
    paths = {str(path) for column in columns for path in images.table[column] if path}
    for column in (name for name in images.table if str(name).startswith(PLANES)):
        listed = [json.loads(text) for text in images.table[column] if text]
        paths |= {path for made in listed for planes in made.values() for path, _ in planes}
    return [[path, *identity(path)] for path in sorted(paths)]


def _readable(images: ImageSet) -> tuple[str, ...]:
    """Those of the originals of these images that can be read here."""
    return tuple(path for path, *_ in originals(images) if os.access(path, os.R_OK))


def _still_holds(then: list[list], now: list[list], *, verify: bool) -> bool:
    """Whether the originals are as they were; one that is gone since was read in time."""
    if [path for path, *_ in then] != [path for path, *_ in now]:
        return False
    gone = [not any(found) for _, *found in now]
    if verify or not any(gone):
        return (not verify and then == now) or all(gone)
    unsure = [min(found) < 0 for _, *found in then]  # the whole cannot be read again
    known = zip(gone, unsure, then, now, strict=True)
    return all(away or young or old == new for away, young, old, new in known)


def _read_group(images: ImageSet) -> tuple[np.ndarray | None, list, list[dict]]:
    """Pixels of a group, its images that cannot be used, and what each stain of the rest shows."""
    planes: list[list[np.ndarray] | None] = []
    faults = []
    for row in range(len(images)):
        try:
            planes.append([_stored(plane) for plane in read_stains(images, row)])
        except InputError as error:
            planes.append(None)
            about, values = error.finding.about, error.finding.values
            why = Finding("image-not-read", "warning", {}, {"fault": values.get("fault", error)})
            place_ = {name: str(about.get(name, "")) for name in ("channel", "file")}
            faults.append((row, _marked(_fault(images, row, why, **place_))))
            continue
        for channel, plane in zip(images.channels, planes[row] or [], strict=True):
            if fault := fault_of(plane):
                why = Finding("image-not-usable", "warning", {}, {"fault": fault})
                faults.append((row, _marked(_fault(images, row, why, channel=channel))))
                planes[row] = None
                break
    if images.level == "cell":
        _set_sizes_apart(images, planes, faults)
    read = [stains for stains in planes if stains is not None]
    if not read:
        return None, faults, []
    used = [row for row, stains in enumerate(planes) if stains is not None]
    looks = [
        _with_chunks(look(np.stack(stain)), images.take(np.array(used)), channel)
        for channel, stain in zip(images.channels, zip(*read, strict=True), strict=True)
    ]
    pixels = [None if stains is None else np.stack(stains) for stains in planes]
    seen = [asdict(one) for one in looks]
    if images.level != "cell":
        return pixels[0], faults, seen
    blank = np.zeros_like(next(image for image in pixels if image is not None))
    return np.stack([blank if image is None else image for image in pixels]), faults, seen


def _stored(plane: np.ndarray) -> np.ndarray:
    """The plane in a type that Zarr has: one bit a pixel becomes 0 and 1, and C's types ours."""
    return plane.astype(np.uint8) if plane.dtype == bool else plane.view(plane.dtype.str)


def _with_chunks(shown: PlaneLook, images: ImageSet, channel: str) -> PlaneLook:
    """What a stain shows, and how many of its chunks are not stored."""
    counts = [absent_chunks(images, row, channel) for row in range(len(images))]
    absent, chunks = (sum(count) for count in zip(*counts, strict=True))
    return replace(shown, absent=absent, chunks=chunks) if absent else shown


def _set_sizes_apart(
    images: ImageSet, planes: list[list[np.ndarray] | None], faults: list[tuple[int, dict]]
) -> None:
    """Crops of one well lie in one array; one of another size than the first is set aside."""
    first = next((stains[0].shape for stains in planes if stains is not None), ())
    for row, stains in enumerate(planes):
        if stains is not None and stains[0].shape != first:
            reason = f"the crop is {stains[0].shape}, the others of its well are {first}"
            why = Finding("image-not-usable", "warning", {}, {"fault": reason})
            faults.append((row, _marked(_fault(images, row, why))))
            planes[row] = None


def _fault(images: ImageSet, row: int, why: Finding, *, channel: str = "", file: str = "") -> dict:
    """Plate, well, site, stain and file in columns of their own, and the reason without them."""
    values = images.table.iloc[row]
    file = file or (values[f"Path_{channel}"] if channel else "")
    found = [*map(str, (values[PLATE], values[WELL], values[SITE], channel, file)), why.text, why]
    return dict(zip(_FAULT_COLUMNS, found, strict=True))


def _marked(fault: dict) -> dict:
    """The same as plain text, for the mark of a finished group."""
    return {name: fault[name] for name in _FAULT_COLUMNS if name != "why"} | {
        "code": fault["why"].code
    }


def _write_zarr(pixels: np.ndarray, images: ImageSet, folder: Path) -> None:
    import zarr
    from zarr.codecs import BloscCodec, Crc32cCodec

    stack = images.level == "cell"
    attributes = {}
    if not stack:
        windows = [ngff.window(plane) for plane in pixels]
        attributes = ngff.image(images.channels, images.pixel_size_um, windows)
    group = zarr.open_group(str(folder), mode="w", attributes=attributes)
    codecs = [BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"), Crc32cCodec()]
    chunks = (min(len(pixels), _CROPS_PER_CHUNK) if stack else 1, *pixels.shape[1:])
    axes = ("n", "c", "y", "x")[-pixels.ndim :]
    group.create_array(
        "0",
        data=pixels,
        chunks=chunks,
        compressors=codecs,
        dimension_names=axes,
        config={"write_empty_chunks": True},  # so that a missing chunk is a lost one
    )
    if not stack:
        np.savez(folder / THUMBNAIL_FILE, thumbnail=illumination.thumbnail(pixels))


def _describe_plates(images: ImageSet, folder: Path) -> None:
    """Write the plate and well levels of OME-NGFF, so that viewers open the plate as a whole."""
    if images.level == "cell":
        return
    for plate, rows in images.table.groupby(PLATE, sort=True):
        root = folder / f"{safe_name(plate)}.zarr"
        places = [group_path(plate, well, "s") for well in sorted(rows[WELL].unique())]
        wells = [(path.parts[1], path.parts[2]) for path in places]
        most = int(rows.groupby(WELL)[SITE].nunique().max())
        _write_level(root, ngff.plate(str(plate), wells, fields=most))
        for (letters, number), (_, fields) in zip(wells, rows.groupby(WELL), strict=True):
            sites = [site_name(site) for site in sorted(fields[SITE].unique())]
            _write_level(root / letters, {})
            _write_level(root / letters / number, ngff.well(sites))


def _write_level(folder: Path, attributes: dict) -> None:
    """A Zarr group above the fields: its metadata alone, as version 3 of Zarr has it."""
    about = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    write_json(folder / "zarr.json", about)


def _correction(
    images: ImageSet, folder: Path, correct: str, *, looks: pd.DataFrame
) -> dict[str, np.ndarray]:
    if correct == "none" or images.level == "cell":
        return {}
    given = _has_functions(images)
    if correct == "given" and not given:
        raise InputError(
            "prepare.illumination = 'given', but the image table names no illumination functions "
            "(FileName_Illum<Stain> columns), or they are not there. Use 'estimate' or 'none'."
        )
    if given and correct != "estimate":
        return {plate: _given(images.take(rows), plate, looks) for plate, rows in _plates(images)}
    return {
        plate: illumination.estimate(_thumbnails(images.take(rows), folder))
        for plate, rows in _plates(images)
        if len(rows) >= illumination.MIN_FIELDS
    }


def _has_functions(images: ImageSet) -> bool:
    """Whether every image has one for each stain; where a file is not there, all are estimated."""
    columns = [f"Illum_{channel}" for channel in images.channels]
    return all(name in images.table and (images.table[name] != "").all() for name in columns)


def save_estimates(prepared: Prepared, folder: str | Path, *, correct: str = "auto") -> list[Path]:
    """Write estimated illumination functions as CellProfiler reads them; given ones are not.

    Parameters
    ----------
    prepared : Prepared
    folder : path
    correct : str
        As it was prepared with; see :func:`prepare`.

    Returns
    -------
    list of Path
        ``<plate>_Illum<Stain>.npy``, float32 (H, W) of the size of the plate's first field, mean
        one: an image is corrected by dividing through it.
    """
    if correct != "estimate" and _has_functions(prepared.images):
        return []
    rows = dict(_plates(prepared.images))
    written = []
    for plate, function in sorted(prepared.correction.items()):
        shape = prepared.raw(int(rows[plate][0])).shape[-2:]
        planes = illumination.enlarge(function, shape)
        for channel, plane in zip(prepared.channels, planes, strict=True):
            name = f"{safe_name(plate)}_Illum{safe_name(channel)}.npy"
            written.append(_write_array(Path(folder) / name, plane.astype(np.float32)))
    return written


def _write_array(path: Path, values: np.ndarray) -> Path:
    with atomic_path(path) as partial, partial.open("wb") as stream:
        np.save(stream, values, allow_pickle=False)
    return path


def _plates(images: ImageSet) -> list[tuple[str, np.ndarray]]:
    plates = images.table[PLATE].astype(str).to_numpy()
    return [(plate, np.flatnonzero(plates == plate)) for plate in sorted(set(plates))]


def _given(images: ImageSet, plate: str, looks: pd.DataFrame) -> np.ndarray:
    """The functions of a plate, each of the size of all its images."""
    paths = [_one_function(images, plate, channel) for channel in images.channels]
    found = [_read_function(path, plate) for path in paths]
    for path, function in zip(paths, found, strict=True):
        size = "x".join(map(str, function.shape[::-1]))
        other = looks[(looks["plate"].astype(str) == plate) & (looks["size"] != size)]
        if len(other):
            image = other.iloc[0]
            raise InputError(
                f"{path} is an illumination function of {size} pixels, and the image "
                f"{image['file']} of plate {plate} has {image['size']}. Take those of this plate, "
                "or set prepare.illumination = 'estimate'."
            )
        if not (np.isfinite(function).all() and (function > 0).all()):
            raise InputError(
                f"{path} is no illumination function: images are divided by it, and it holds "
                "values that are zero, negative or no number. "
                "Set prepare.illumination = 'estimate'."
            )
    return np.stack(found).astype(np.float32)


def _read_function(path: str, plate: str) -> np.ndarray:
    try:
        return read_file(path)
    except InputError as fault:
        raise InputError(
            f"{path}, an illumination function of plate {plate}, cannot be used: {fault}. "
            "Put it back, or set prepare.illumination = 'estimate'."
        ) from None


def _one_function(images: ImageSet, plate: str, channel: str) -> str:
    """The file that all rows of a plate name for a stain; copies of it are the same.

    Raises
    ------
    InputError
        If they name different functions: a plate has one a stain.
    """
    paths = images.table[f"Illum_{channel}"].drop_duplicates()
    other = next((p for p in paths[1:] if file_digest(p) != file_digest(paths.iloc[0])), "")
    if other:
        raise InputError(
            f"Plate {plate} has two illumination functions of {channel}: {paths.iloc[0]} and "
            f"{other}. A plate has one a stain: call what was imaged apart different plates, or "
            "set prepare.illumination = 'estimate'."
        )
    return str(paths.iloc[0])


def _thumbnails(images: ImageSet, folder: Path) -> np.ndarray:
    found = [read_thumbnail(folder / place(images, row)[0]) for row in range(len(images))]
    return np.stack([each for each in found if each.shape == found[0].shape])
