"""Fill the prepared store: read the originals once, resume where a killed run stopped."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens import illumination, ngff
from phenolens.errors import InputError
from phenolens.files import atomic_path, read_json, write_json
from phenolens.images import PLANES, ImageSet, read_file, read_pixels
from phenolens.prepared import (
    MARK,
    THUMBNAIL_FILE,
    Prepared,
    Progress,
    group_path,
    place,
    safe_name,
    site_name,
)
from phenolens.profiles import PLATE, SITE, WELL

_CROPS_PER_CHUNK = 16
_FAULT_COLUMNS = ["plate", "well", "site", "channel", "file", "reason"]


def prepare(
    images: ImageSet,
    folder: str | Path,
    *,
    correct: str = "auto",
    jobs: int = 1,
    progress: Progress | None = None,
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
    jobs : int
        Processes.
    progress : callable, optional
        Called with (done, total) groups.

    Raises
    ------
    InputError
        If no image can be read, or ``given`` functions are missing.
    """
    folder = Path(folder)
    images = _ordered(images)
    faults = _write_all(images, folder, jobs=jobs, progress=progress)
    kept = np.array([row not in faults for row in range(len(images))], dtype=bool)
    if not kept.any():
        where = images.where(0, faults[0]["channel"] or None)
        raise InputError(
            f"None of {len(images)} images can be read; the first: {where}: {faults[0]['reason']}"
        )
    set_aside = pd.DataFrame([faults[row] for row in sorted(faults)], columns=_FAULT_COLUMNS)
    usable = images.take(kept)
    _describe_plates(usable, folder)
    return Prepared(folder, usable, set_aside, _correction(usable, folder, correct))


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


def _write_all(
    images: ImageSet, folder: Path, *, jobs: int, progress: Progress | None
) -> dict[int, dict]:
    from joblib import Parallel, delayed

    groups = _groups(images)
    tasks = (delayed(_write_group)(images.take(rows), folder) for rows in groups)
    results = Parallel(n_jobs=jobs, return_as="generator")(tasks)
    faults: dict[int, dict] = {}
    for done, (rows, found) in enumerate(zip(groups, results, strict=True), start=1):
        faults.update({int(rows[position]): fault for position, fault in found})
        if progress:
            progress(done, len(groups))
    return faults


def _write_group(images: ImageSet, folder: Path) -> list[tuple[int, dict]]:
    """Write one group, unless an earlier run did; returns its images that could not be read."""
    values = images.table.iloc[0]
    target = folder / group_path(values[PLATE], values[WELL], values[SITE])
    sources, reads = originals(images), images.reads()
    known = read_json(target / MARK) if (target / MARK).is_file() else None
    if (
        known is not None
        and known.get("reads") == reads
        and _still_holds(known["sources"], sources)
    ):
        return [(int(row), fault) for row, fault in known["faults"]]
    pixels, faults = _read_group(images)
    partial = target.with_name(f".partial-{target.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if pixels is not None:
        _write_zarr(pixels, images, partial)
    write_json(partial / MARK, {"sources": sources, "reads": reads, "faults": faults})
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    return faults


def originals(images: ImageSet) -> list[list]:
    """Path, size and time of change of the files behind these images; 0 and 0 where absent.

    Label images count among them: a cell's measurements depend on both.
    """
    columns = [f"Path_{channel}" for channel in images.channels] + images.label_columns
    paths = {str(path) for column in columns for path in images.table[column] if path}
    for column in (name for name in images.table if str(name).startswith(PLANES)):
        listed = [json.loads(text) for text in images.table[column] if text]
        paths |= {path for made in listed for planes in made.values() for path, _ in planes}
    return [[path, *_changed(Path(path))] for path in sorted(paths)]


def _still_holds(then: list[list], now: list[list]) -> bool:
    """Whether the originals are as they were; one that is gone since was read in time."""
    if len(then) != len(now):
        return False
    return all(new in (old, [old[0], 0, 0]) for old, new in zip(then, now, strict=True))


def _changed(path: Path) -> tuple[int, int]:
    """Size and time of change; of a folder, an image in a Zarr store, those of all its files."""
    try:
        status = path.stat()
        if not path.is_dir():
            return status.st_size, status.st_mtime_ns
        parts = [file.stat() for file in path.rglob("*")]
    except OSError:
        return 0, 0
    return sum(part.st_size for part in parts), max(part.st_mtime_ns for part in (*parts, status))


def _read_group(images: ImageSet) -> tuple[np.ndarray | None, list[tuple[int, dict]]]:
    planes: list[np.ndarray | None] = []
    faults = []
    for row in range(len(images)):
        try:
            planes.append(read_pixels(images, row))
        except InputError as error:
            planes.append(None)
            about, values = error.finding.about, error.finding.values
            why = str(values.get("fault", error))
            place = {name: str(about.get(name, "")) for name in ("channel", "file")}
            faults.append((row, _fault(images, row, why, **place)))
    read = [plane for plane in planes if plane is not None]
    if not read or images.level != "cell":
        return (read[0] if read else None), faults
    return _stack_crops(images, planes, faults), faults


def _stack_crops(
    images: ImageSet, planes: list[np.ndarray | None], faults: list[tuple[int, dict]]
) -> np.ndarray:
    """Crops of one well in one array; a crop of another size than the first is set aside."""
    blank = np.zeros_like(next(plane for plane in planes if plane is not None))
    for row, plane in enumerate(planes):
        if plane is not None and plane.shape != blank.shape:
            reason = f"the crop is {plane.shape}, the others of its well are {blank.shape}"
            faults.append((row, _fault(images, row, reason)))
            planes[row] = None
    return np.stack([blank if plane is None else plane for plane in planes])


def _fault(images: ImageSet, row: int, reason: str, *, channel: str = "", file: str = "") -> dict:
    """Plate, well, site, stain and file in columns of their own, and the reason without them."""
    values = images.table.iloc[row]
    file = file or (values[f"Path_{channel}"] if channel else "")
    found = [values[PLATE], values[WELL], values[SITE], channel, file, reason]
    return dict(zip(_FAULT_COLUMNS, map(str, found), strict=True))


def _write_zarr(pixels: np.ndarray, images: ImageSet, folder: Path) -> None:
    import zarr
    from zarr.codecs import BloscCodec

    stack = images.level == "cell"
    attributes = {}
    if not stack:
        windows = [ngff.window(plane) for plane in pixels]
        attributes = ngff.image(images.channels, images.pixel_size_um, windows)
    group = zarr.open_group(str(folder), mode="w", attributes=attributes)
    compressor = BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle")
    chunks = (min(len(pixels), _CROPS_PER_CHUNK) if stack else 1, *pixels.shape[1:])
    axes = ("n", "c", "y", "x")[-pixels.ndim :]
    group.create_array(
        "0", data=pixels, chunks=chunks, compressors=[compressor], dimension_names=axes
    )
    if not stack:
        np.save(folder / THUMBNAIL_FILE, illumination.thumbnail(pixels), allow_pickle=False)


def _describe_plates(images: ImageSet, folder: Path) -> None:
    """Write the plate and well levels of OME-NGFF, so that viewers open the plate as a whole."""
    import zarr

    if images.level == "cell":
        return
    for plate, rows in images.table.groupby(PLATE, sort=True):
        root = folder / f"{safe_name(plate)}.zarr"
        places = [group_path(plate, well, "s") for well in sorted(rows[WELL].unique())]
        wells = [(path.parts[1], path.parts[2]) for path in places]
        most = int(rows.groupby(WELL)[SITE].nunique().max())
        described = ngff.plate(str(plate), wells, fields=most)
        zarr.open_group(str(root), mode="a", attributes=described)
        for (letters, number), (_, fields) in zip(wells, rows.groupby(WELL), strict=True):
            sites = [site_name(site) for site in sorted(fields[SITE].unique())]
            zarr.open_group(str(root / letters), mode="a")
            zarr.open_group(str(root / letters / number), mode="a", attributes=ngff.well(sites))


def _correction(images: ImageSet, folder: Path, correct: str) -> dict[str, np.ndarray]:
    if correct == "none" or images.level == "cell":
        return {}
    given = _has_functions(images)
    if correct == "given" and not given:
        raise InputError(
            "prepare.illumination = 'given', but the image table has no illumination functions "
            "(FileName_Illum<Stain> columns). Use 'estimate' or 'none'."
        )
    if given and correct != "estimate":
        return {plate: _given(images, rows) for plate, rows in _plates(images)}
    return {
        plate: illumination.estimate(_thumbnails(images.take(rows), folder))
        for plate, rows in _plates(images)
        if len(rows) >= illumination.MIN_FIELDS
    }


def _has_functions(images: ImageSet) -> bool:
    return all(f"Illum_{channel}" in images.table for channel in images.channels)


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


def _given(images: ImageSet, rows: np.ndarray) -> np.ndarray:
    values = images.table.iloc[rows[0]]
    paths = [values[f"Illum_{channel}"] for channel in images.channels]
    return np.stack([read_file(path) for path in paths]).astype(np.float32)


def _thumbnails(images: ImageSet, folder: Path) -> np.ndarray:
    places = [folder / place(images, row)[0] / THUMBNAIL_FILE for row in range(len(images))]
    found = [np.load(path, allow_pickle=False) for path in places]
    return np.stack([each for each in found if each.shape == found[0].shape])
