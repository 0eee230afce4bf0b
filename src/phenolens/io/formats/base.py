"""What a format is: something that knows its files when it sees them, and reads them.

Each is one class in one file of this package that registers itself; other packages offer theirs in
the entry-point group ``phenolens.formats``. :func:`phenolens.testing.check_format` tests what is
asked here.

A confidence is a number up to 1: 1 where nothing else can be meant (a signature, an ending that
nobody shares), 0.5 where the ending alone speaks. Of several formats the most confident reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.images.table import Located
from phenolens.registry import Registry

Question = tuple[Any, ...]


@dataclass(frozen=True)
class TableRead:
    """A table as its file holds it.

    Attributes
    ----------
    frame : DataFrame
        Metadata and features in columns, one row a cell, field or well; a range index.
    notes : list of str
        For the ledger: what was left out, taken for something else, or not found.
    """

    frame: pd.DataFrame
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ByColumn:
    """A table that lies on the disk by columns, so that some can be read and not the others.

    Attributes
    ----------
    rows : int
    columns : tuple of str
        In the table's order.
    floating : frozenset of str
        Those that hold floating-point numbers, whatever their values.
    read : callable
        Gives the named columns of all rows as a DataFrame with a range index.
    """

    rows: int
    columns: tuple[str, ...]
    floating: frozenset[str]
    read: Callable[[Sequence[str]], pd.DataFrame] = field(repr=False)


@dataclass(frozen=True)
class ImageProposal:
    """What a study file would say of images that were found.

    Attributes
    ----------
    section : dict
        ``[data.images]``: table or root, channels, ...
    columns : dict
        ``[data.columns]`` that the section needs.
    questions : list of tuple
        Setting, text, options: what a person must decide or look at.
    notes : tuple of str
        What was found and left out.
    labels : dict
        Compartment to column of label images, which a person may choose to take.
    locate : callable or None
        Gives, for names of the stains, what the section will be located as, where the images were
        looked at already.
    """

    section: dict[str, Any]
    columns: dict[str, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    locate: Callable[[Sequence[str]], Located] | None = None


class TableFormat:
    """A kind of file, or of folder, that holds a table of profiles or of metadata.

    Attributes
    ----------
    name : str
    describes : str
        One line for errors and documentation: what such files are.
    endings : tuple of str
        Endings of the files, in lower case; `recognises` decides.
    metadata : bool
        Whether a plate map may come like this too, and not only profiles.
    alone : bool
        Whether a file stands for itself; False where several are read together.
    takes : tuple of str
        Options of `read` beside `path`: ``layer``, ``obsm``, ``sep``, ``sheet``.
    """

    name: str
    describes: ClassVar[str]
    endings: ClassVar[tuple[str, ...]] = ()
    metadata: ClassVar[bool] = False
    alone: ClassVar[bool] = True
    takes: ClassVar[tuple[str, ...]] = ()

    def recognises(self, path: Path) -> float | None:
        """How sure it is that the path is one of its own; None where it is not.

        Called for many files: look at the name first, and at a few bytes only where it must be.
        """
        return 0.5 if path.name.lower().endswith(self.endings) else None

    def read_with(self, path: Path) -> set[Path]:
        """The files that are read where this one is named."""
        return {path}

    def ways(self, path: Path) -> list[dict[str, str]]:
        """Options of `read`, one of which it needs for this file; empty where it needs none."""
        return []

    def read(self, path: Path, **options: Any) -> TableRead:
        """The whole table.

        Raises
        ------
        InputError
            If it cannot be read; one line that names the file and says what to do.
        """
        raise NotImplementedError(f"'{self.name}' has no read.")

    def by_column(self, path: Path) -> ByColumn | None:
        """The table for who needs some columns at a time; None where it can be read whole only."""
        del path
        return None

    def head(self, path: Path, rows: int) -> pd.DataFrame:
        """The first rows, or more where that is as quick."""
        return self.read(path).frame.head(rows)

    def parts(self, path: Path) -> list[str]:
        """Names of the sheets of a file that holds several tables; empty where it is one table."""
        del path
        return []

    def values(self, path: Path, column: str) -> pd.Series:
        """One column of all rows."""
        return self.read(path).frame[column]


class ImageFormat:
    """A way in which images come: listed in a table, or named so that their names say all.

    Attributes
    ----------
    name : str
        ``[data.images] layout``.
    describes : str
        One line for errors and documentation.
    listed : bool
        Whether a table lists the images: then `recognises_table` and `locate_listed` are asked,
        else `recognises_files` and `locate_below`.
    rank : int
        Which comes first where a folder holds several, low first.
    beside : tuple of str
        Names of the files that lie beside such images and are read with them, or say nothing that
        a study needs, as patterns in lower case: ``index*.xml``.
    """

    name: str
    describes: ClassVar[str]
    listed: ClassVar[bool] = True
    rank: ClassVar[int] = 100
    beside: ClassVar[tuple[str, ...]] = ()

    def recognises_table(self, head: pd.DataFrame, path: Path, source: Path) -> float | None:
        """How sure it is that a table lists images in its way.

        Parameters
        ----------
        head : DataFrame
            Its first rows.
        path : Path
        source : Path
            The folder that was handed in: images may lie below it.
        """
        return None

    def recorded(self, head: pd.DataFrame) -> list[str]:
        """The first image paths that a table records in its way, there or not; none by default."""
        return []

    def decided(self, given: Mapping[str, Any]) -> ImageFormat:
        """The format where a person has decided some of ``[data.images]`` before it is proposed."""
        del given
        return self

    def refusal(self, files: Sequence[Path]) -> str | None:
        """What to do with files of the instrument that are not read; None where there are none.

        Asked where a folder holds nothing else.
        """
        return None

    def recognises_files(self, files: Sequence[Path]) -> float | None:
        """How sure it is that these image files are its own; None where they are not."""
        return None

    def propose(self, found: Any, source: Path) -> ImageProposal:
        """What the study file would say.

        Parameters
        ----------
        found : FoundTables or sequence of Path
            The table (see :class:`phenolens.io.discovery.survey.FoundTables`), or the image files.
        source : Path
            Paths of the study file start there.
        """
        raise NotImplementedError(f"'{self.name}' has no propose.")

    def locate_listed(
        self, frame: pd.DataFrame, images: Mapping[str, Any], *, source: str
    ) -> Located:
        """The rows of a table, one a field, with the recorded path of each stain.

        Parameters
        ----------
        frame : DataFrame
        images : mapping
            ``[data.images]``, every key written out.
        source : str
            What the table is called in errors.
        """
        raise NotImplementedError(f"'{self.name}' has no locate_listed.")

    def locate_below(self, folder: Path, images: Mapping[str, Any]) -> Located:
        """The images below a folder: one row a field, with ``Metadata_Plate``, ``Metadata_Well``,
        ``Metadata_Site``, ``plane`` and ``timepoint`` where there are several, and the path of
        each stain.
        """
        raise NotImplementedError(f"'{self.name}' has no locate_below.")


FORMATS: Registry[type[TableFormat] | type[ImageFormat]] = Registry(
    "format", package="phenolens.io.formats", kind="formats"
)
register = FORMATS.register


def table_formats() -> list[TableFormat]:
    """All formats of tables."""
    return [kind() for kind in FORMATS.known().values() if issubclass(kind, TableFormat)]


def image_formats() -> list[ImageFormat]:
    """All ways in which images come, by rank."""
    return [kind() for kind in FORMATS.known().values() if issubclass(kind, ImageFormat)]


def image_format(name: str) -> ImageFormat:
    """The one that ``[data.images] layout`` names.

    Raises
    ------
    ConfigError
        If there is none.
    """
    kind = FORMATS.get(name)
    if not issubclass(kind, ImageFormat):
        raise InputError(f"'{name}' is a format of tables; images come as {_listed()}.")
    return kind()


def _listed() -> str:
    return ", ".join(one.name for one in image_formats())


def table_endings() -> tuple[str, ...]:
    """Endings of all files that may hold a table by themselves."""
    return tuple(dict.fromkeys(e for one in table_formats() if one.alone for e in one.endings))


def recognised(path: Path, *, metadata: bool = False, alone: bool = False) -> TableFormat | None:
    """The format that is surest of a path, or None.

    Parameters
    ----------
    path : Path
    metadata : bool
        Only formats in which plate maps come too.
    alone : bool
        Only formats whose files stand for themselves.
    """
    sure = [
        (confidence, one)
        for one in table_formats()
        if (one.metadata or not metadata) and (one.alone or not alone)
        if (confidence := one.recognises(path)) is not None
    ]
    return max(sure, key=lambda item: item[0])[1] if sure else None


def table_format(path: Path, *, metadata: bool = False, alone: bool = False) -> TableFormat:
    """As :func:`recognised`, where there must be one.

    Raises
    ------
    InputError
        If the file is missing, or no format knows it; says what there is.
    """
    found = recognised(path, metadata=metadata, alone=alone)
    if found is not None:
        return found
    if not path.exists():
        raise InputError(f"There is no file {path}.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; name the tables in it, such as '{path}/*.parquet'.")
    known = [one for one in table_formats() if (one.metadata or not metadata)]
    endings = sorted({ending for one in known for ending in one.endings})
    raise InputError(
        f"{path} is no table we read; expected {', '.join(endings)}.{FORMATS.failures()}"
    )
