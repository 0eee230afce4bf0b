"""What the headers of a screen's files say together: what differs, and which fields are unlike.

Sizes, dtypes and pixel sizes are one in a screen, or its features cannot be compared. The usual one
is that of most fields; of dtypes, that of most fields in this stain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens.files import real_path
from phenolens.findings import Finding
from phenolens.images import ImageSet
from phenolens.io.images.headers import Header, read_header
from phenolens.io.ledger import SetAside
from phenolens.places import is_url
from phenolens.profiles import PLATE, SITE, WELL

SIZE, DTYPE, PIXEL = "size", "dtype", "pixel_size_um"
CODES = {SIZE: "image-sizes", DTYPE: "image-depths", PIXEL: "pixel-sizes"}
SAME = 0.01  # pixel sizes that differ by less than this share are one
PER_PLATE = 16  # fields of a plate whose headers are read where files are remote
_REMOTE = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone",
           "fuse.goofys", "fuse.gcsfuse", "fuse.mount-s3", "fuse.mountpoint-s3",
           "fuse.blobfuse2"}  # fmt: skip


@dataclass(frozen=True)
class ImageHeaders:
    """Headers of a screen's image files.

    Attributes
    ----------
    table : DataFrame
        One row an image and stain that was looked at: ``row`` (position in the image set),
        ``plate``, ``well``, ``site``, ``channel``, ``file``, and the fields of
        :class:`~phenolens.io.images.headers.Header`, with ``size`` (``"1080x1080"``).
        Pixel sizes that are one are written as one.
    level : str
        Of the image set. Only fields are unlike by their size: tiles end where a field does, and
        crops where a cell does.
    said_um : float or None
        The pixel size that the study file says.
    keep : bool
        Whether images unlike the most are kept.
    images, planes : int
        Images in the screen, and images times stains.
    remote : str
        The file system on which the files lie, where headers were sampled because of it.
    """

    table: pd.DataFrame
    level: str = "field"
    said_um: float | None = None
    keep: bool = False
    images: int = 0
    planes: int = 0
    remote: str = ""

    def usual(self, aspect: str) -> pd.Series:
        """The usual value of an aspect, by channel."""
        known = self._known(aspect)
        channels = self.table["channel"].unique()
        if aspect == DTYPE:
            found = {c: _most(part) for c, part in known.groupby("channel")[aspect]}
            return pd.Series(found, index=channels, dtype=object)
        return pd.Series(_most(known[aspect]), index=channels, dtype=object)

    def unlike(self, aspect: str) -> pd.DataFrame:
        """Rows of ``table`` that differ from the usual in an aspect, with it as ``usual``."""
        known = self._known(aspect)
        known = known.assign(usual=known["channel"].map(self.usual(aspect)))
        return known[known[aspect] != known["usual"]]

    def groups(self, aspect: str) -> list[dict[str, object]]:
        """Each value with its wells and images, in all and by plate; the usual one first."""
        known = self._known(aspect)
        if aspect == DTYPE and not len(self.unlike(DTYPE)):
            return []
        found = []
        for value, part in known.groupby(aspect):
            wells = part.drop_duplicates(["plate", "well"]).groupby("plate").size()
            found.append(
                {
                    "what": value,
                    "images": int(part["row"].nunique()),
                    "wells": int(wells.sum()),
                    "plates": {str(plate): int(count) for plate, count in wells.items()},
                }
            )
        return sorted(found, key=lambda one: (-one["images"], str(one["what"])))

    @property
    def torn(self) -> pd.DataFrame:
        """Rows of images whose stains differ in size."""
        known = self._known(SIZE)
        return known[known.groupby("row")[SIZE].transform("nunique") > 1]

    @property
    def agreed_um(self) -> float | None:
        """The pixel size of all files that say one, where that is most of them."""
        known = self.table[PIXEL].dropna()
        if not len(known) or known.nunique() > 1 or len(known) < 0.5 * len(self.table):
            return None
        return float(known.iloc[0])

    def _known(self, aspect: str) -> pd.DataFrame:
        table = self.table
        return table[table[aspect].notna() & (table[aspect] != "")]

    def set_aside(self) -> tuple[np.ndarray, list[SetAside]]:
        """Positions of the images that are unlike the most, and their entries of the ledger.

        None where images are kept, or where no image would be left.
        """
        if self.keep:
            return np.zeros(0, dtype=int), []
        aspects = [DTYPE, PIXEL] if self.level != "field" else [SIZE, DTYPE, PIXEL]
        found: dict[int, SetAside] = {}
        for aspect in aspects:
            for item in self.unlike(aspect).itertuples():
                values = {"aspect": aspect, "found": getattr(item, aspect), "usual": item.usual}
                why = Finding("image-unlike", "warning", {}, values)
                place = {n: getattr(item, n) for n in ("plate", "well", "site", "channel", "file")}
                found.setdefault(item.row, SetAside(why, **place))
        if len(found) == self.images:
            return np.zeros(0, dtype=int), []
        rows = np.array(sorted(found), dtype=int)
        return rows, [found[row] for row in rows]


def read_headers(
    images: ImageSet,
    *,
    keep: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ImageHeaders:
    """Read the headers of a screen's image files.

    Parameters
    ----------
    images : ImageSet
    keep : bool
        Whether images unlike the most are kept.
    progress : callable, optional
        Called with (done, total) files.

    Returns
    -------
    ImageHeaders
        Of all files; where they lie on a file system of another machine, of those of 16 fields a
        plate, spread over the plate.
    """
    remote = _remote_system(images)
    rows = _spread_rows(images) if remote else np.arange(len(images))
    listed = pd.concat([_listed(images, rows, channel) for channel in images.channels])
    keys = pd.MultiIndex.from_frame(listed[["file", "series"]])
    codes, once = keys.factorize()
    headers = _read_all(list(once), threads=16 if remote else 1, progress=progress)
    looked = np.array([header is not None for header in headers], dtype=bool)
    names = [field.name for field in fields(Header)]
    known = pd.DataFrame([asdict(header or Header()) for header in headers], columns=names)
    known[SIZE] = [f"{h.width}x{h.height}" if h and h.height else "" for h in headers]
    table = pd.concat(
        [
            listed.drop(columns="series").reset_index(drop=True),
            known.iloc[codes].reset_index(drop=True),
        ],
        axis=1,
    )[looked[codes]]
    table[PIXEL] = _as_one(table[PIXEL])
    return ImageHeaders(
        table=table.sort_values(["row"], kind="stable", ignore_index=True),
        level=images.level,
        said_um=images.pixel_size_um,
        keep=keep,
        images=len(images),
        planes=len(images) * len(images.channels),
        remote=remote,
    )


def _listed(images: ImageSet, rows: np.ndarray, channel: str) -> pd.DataFrame:
    table = images.table.iloc[rows]
    index = table[f"Index_{channel}"].astype(str)
    listed = {
        "row": rows,
        "plate": table[PLATE].to_numpy(),
        "well": table[WELL].to_numpy(),
        "site": table[SITE].to_numpy(),
        "channel": channel,
        "file": table[f"Path_{channel}"].to_numpy(),
        "series": index.str.extract(r"^(s\d+:)")[0].fillna("").to_numpy(),
    }
    return pd.DataFrame(listed)


def _read_all(
    files: Sequence[tuple[str, str]],
    *,
    threads: int,
    progress: Callable[[int, int], None] | None,
) -> list[Header | None]:
    def found() -> Iterator[Header | None]:
        if threads == 1:
            yield from (read_header(path, series) for path, series in files)
            return
        with ThreadPoolExecutor(threads) as pool:
            yield from pool.map(lambda file: read_header(*file), files)

    headers = []
    for done, header in enumerate(found(), start=1):
        headers.append(header)
        if progress and (done % 1000 == 0 or done == len(files)):
            progress(done, len(files))
    return headers


def _most(values: pd.Series) -> object:
    """The most common value; of equally common ones the first by name, so that runs agree."""
    if not len(values):
        return None
    counts = values.value_counts()
    return sorted(counts[counts == counts.max()].index, key=str)[0]


def _as_one(sizes: pd.Series) -> pd.Series:
    """Sizes that differ by less than a hundredth as the commonest of them, to four digits."""
    values = pd.to_numeric(sizes, errors="coerce")
    counts = values.dropna().value_counts().sort_index()
    groups = np.cumsum(np.diff(counts.index, prepend=0) > SAME * counts.index.to_numpy(float))
    one: dict[float, float] = {}
    for group in np.unique(groups):
        part = counts[groups == group]
        one |= dict.fromkeys(part.index, float(f"{part.idxmax():.4g}"))
    return values.map(one)


def _spread_rows(images: ImageSet) -> np.ndarray:
    """Some fields of every plate, evenly over it."""
    order = images.table.sort_values(images.key, kind="stable")
    chosen = []
    for _, rows in order.groupby(PLATE, sort=True).groups.items():
        places = np.linspace(0, len(rows) - 1, min(PER_PLATE, len(rows))).round().astype(int)
        chosen += [rows[place] for place in np.unique(places)]
    return np.sort(images.table.index.get_indexer(chosen))


def _remote_system(images: ImageSet) -> str:
    """The kind of file system of the first file, where that is another machine's."""
    mounts = Path("/proc/mounts")  # of Linux; elsewhere all headers are read
    first = images.table[f"Path_{images.channels[0]}"].iloc[0] if len(images) else ""
    if is_url(first):
        return str(first).partition(":")[0]
    if not first or not mounts.is_file():
        return ""
    path = real_path(first)
    lines = [line.split() for line in mounts.read_text(errors="replace").splitlines()]
    known = {Path(line[1].replace("\\040", " ")): line[2] for line in lines if len(line) > 2}
    over = next((folder for folder in path.parents if folder in known), None)
    kind = known[over] if over is not None else ""
    return kind if kind in _REMOTE else ""
