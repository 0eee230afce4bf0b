"""The contract of a format of tables or of images."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from phenolens.errors import PhenolensError
from phenolens.io.discovery.proposal import DEFAULTS
from phenolens.io.discovery.survey import survey
from phenolens.io.discovery.tree import look_around
from phenolens.io.formats.base import (
    ImageFormat,
    ImageProposal,
    TableFormat,
    TableRead,
    recognised,
)
from phenolens.io.images.image_set import read_images
from phenolens.io.join import Source
from phenolens.io.ledger import Ledger
from phenolens.profiles import PLATE, SITE, WELL


def check_format(kind: type[TableFormat] | type[ImageFormat], sample: str | Path) -> None:
    """Check a format on a sample of it.

    A format of tables recognises the sample and nothing else, reads it whole, twice the same and
    in part, changes nothing, and meets an empty or damaged file with one clear line. A format of
    images finds them in the sample's folder and writes settings by which a study reads them.

    Parameters
    ----------
    kind : type
        The class.
    sample : path
        A file or folder as the instrument or program writes it; for a format of images the folder
        that holds them (and the table that lists them).

    Raises
    ------
    AssertionError
        If it breaks its contract; the message names what is broken.

    Examples
    --------
    >>> import pandas as pd
    >>> from phenolens.io.formats.delimited import Delimited
    >>> from phenolens.testing import check_format
    >>> rows = [("P1", "A01", 0.5), ("P1", "A02", 2.0)]
    >>> wells = pd.DataFrame(rows, columns=["Metadata_Plate", "Metadata_Well", "f1"])
    >>> wells.to_csv("wells.csv", index=False)
    >>> check_format(Delimited, "wells.csv")
    """
    name = f"Format {getattr(kind, 'name', kind)!r}"
    assert isinstance(getattr(kind, "name", None), str) and kind.name, f"{name} has no name."
    says = getattr(kind, "describes", "")
    assert says and "\n" not in says, f"{name}: describes must be one line that says what it is."
    sample = Path(sample).resolve()
    assert sample.exists(), f"There is no sample {sample}."
    before = _digest(sample)
    made = kind()
    if isinstance(made, TableFormat):
        _check_table(made, sample, name)
    else:
        assert isinstance(made, ImageFormat), f"{name} is neither TableFormat nor ImageFormat."
        _check_images(made, sample, name)
    assert _digest(sample) == before, f"{name} changed the sample."


def _digest(path: Path) -> str:
    state = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            state.update(file.name.encode() + file.read_bytes())
    return state.hexdigest()


def _check_table(made: TableFormat, sample: Path, name: str) -> None:
    for ending in made.endings:
        assert ending.startswith(".") and ending == ending.lower(), (
            f"{name}: endings are in lower case and start with a dot, not {ending!r}."
        )
    sure = made.recognises(sample)
    assert sure is not None, f"{name} does not recognise the sample {sample.name}."
    assert 0 < sure <= 1, f"{name}: a confidence lies between 0 and 1, got {sure}."
    surest = recognised(sample)
    assert surest is None or surest.name == made.name or sure > (surest.recognises(sample) or 0), (
        f"{name}: '{surest.name if surest is not None else ''}' is as sure of the sample as it is."
    )
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "notes.md"
        other.write_text("# Notes\n")
        assert made.recognises(other) is None, f"{name} takes a page of notes for its own."
    assert made.recognises(sample.parent / "no-such-file.md") is None, (
        f"{name} recognises a file that is not there."
    )
    whole = _read(made, sample, name)
    again = _read(made, sample, name)
    assert whole.equals(again), f"{name}: the same file gave another table."
    head = made.head(sample, 1)
    assert list(head.columns) == list(whole.columns), f"{name}: its head has other columns."
    assert 1 <= len(head) <= len(whole), f"{name}: its head has {len(head)} of {len(whole)} rows."
    column = whole.columns[0]
    assert list(made.values(sample, column)) == list(whole[column]), (
        f"{name}: values() of {column} are not those of the table."
    )
    if sample.is_file() and made.alone:
        _check_damaged(made, sample, name)


def _read(made: TableFormat, path: Path, name: str) -> pd.DataFrame:
    found = made.read(path)
    assert isinstance(found, TableRead), f"{name}: read must give a TableRead."
    frame = found.frame
    assert len(frame) and len(frame.columns), f"{name}: the sample gave {frame.shape}."
    assert isinstance(frame.index, pd.RangeIndex), f"{name}: rows have an index; give a plain one."
    assert all(isinstance(column, str) for column in frame.columns), (
        f"{name}: names of columns are text."
    )
    assert frame.columns.is_unique, f"{name}: names of columns occur twice."
    assert all(isinstance(note, str) for note in found.notes), f"{name}: notes are text."
    return frame


def _check_damaged(made: TableFormat, sample: Path, name: str) -> None:
    content = sample.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / sample.name
        for what, part in (("empty", b""), ("cut short", content[: len(content) // 2])):
            path.write_bytes(part)
            try:
                if made.recognises(path) is not None:
                    read = made.read(path)
                    assert part or not len(read.frame), f"{name} reads rows in an empty file."
            except PhenolensError as error:
                assert "\n" not in str(error), f"{name}: the error of a file {what} has lines."
                assert sample.name in str(error), f"{name}: the error of a file {what} names none."
            except AssertionError:
                raise
            except Exception as error:  # anything else would reach a user as a traceback
                raise AssertionError(
                    f"{name}: a file that is {what} raises {type(error).__name__}: {error}."
                ) from None


def _check_images(made: ImageFormat, sample: Path, name: str) -> None:
    assert made.recognises_files([Path("a.tif")]) is None or made.listed, (
        f"{name} recognises a name that says nothing."
    )
    nothing = made.recognises_table(pd.DataFrame({"x": [1]}), sample / "x.csv", sample)
    assert nothing is None, f"{name} recognises a table that lists no images."
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / sample.name
        shutil.copytree(sample, copy)
        proposal = _proposed(made, copy, name)
        _check_set(made, proposal, copy, name)


def _proposed(made: ImageFormat, sample: Path, name: str) -> ImageProposal:
    looked = survey(look_around(sample))
    tables, files = looked.tables, looked.images
    if made.listed:
        sure = {
            number: made.recognises_table(item.head, item.paths[0], sample)
            for number, item in enumerate(tables)
        }
        known = {number: found for number, found in sure.items() if found is not None}
        assert known, f"{name} recognises none of {len(tables)} tables of the sample."
        found: Any = tables[max(known, key=lambda number: known[number])]
    else:
        assert made.recognises_files(files), f"{name} does not recognise the sample's images."
        found = files
    proposal = made.propose(found, sample)
    assert isinstance(proposal, ImageProposal), f"{name}: propose must give an ImageProposal."
    assert proposal.section.get("layout") == made.name, (
        f"{name}: its section names the layout {proposal.section.get('layout')!r}."
    )
    unknown = sorted(set(proposal.section) - set(DEFAULTS["images"]))
    assert not unknown, f"{name}: [data.images] has no '{', '.join(unknown)}'."
    return proposal


def _check_set(made: ImageFormat, proposal: ImageProposal, sample: Path, name: str) -> None:
    images = DEFAULTS["images"] | proposal.section
    columns = DEFAULTS["columns"] | proposal.columns
    ledger = Ledger()
    found = read_images(images, columns, sample, source=Source("sample", ledger), layout=made)
    again = read_images(images, columns, sample, source=Source("sample", ledger), layout=made)
    assert found.table.equals(again.table), f"{name}: the same folder gave other images."
    assert list(found.channels) == list(images["channels"]), (
        f"{name}: its section names the stains {images['channels']}, and it gives {found.channels}."
    )
    for part in (PLATE, WELL, SITE):
        assert (found.table[part].astype(str) != "").all(), f"{name}: an image has no {part}."
    for channel in found.channels:
        absent = [path for path in found.table[f"Path_{channel}"] if not Path(path).exists()]
        assert not absent, f"{name}: there is no file {absent[0]}."
