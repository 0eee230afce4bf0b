"""What a definition of a file says: the file, its columns or keys, and the words about them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Dtype = Literal["string", "int64", "float64", "float32", "bool", "any"]
TEXT: Dtype = "string"
WHOLE: Dtype = "int64"
REAL: Dtype = "float64"
REAL32: Dtype = "float32"
FLAG: Dtype = "bool"
ANY: Dtype = "any"
_PLACE = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        As in the file. ``intensity_<stain>`` stands for as many columns as there are stains.
    dtype : {"string", "int64", "float64", "float32", "bool", "any"}
        As in the file; ``any`` where a column comes from the screen's own tables as it is.
    meaning : str
        Markdown, without a full stop.
    nullable : bool
        Whether null, or NaN, may stand in it.
    unit : str
        Of its numbers, where they have one.
    label : str
        Heading for a reader: ``Normalized mAP``; by default the name without its prefix.
    when : str
        The condition under which the column is there, in words; empty: always.
    in_order : bool or sequence of str
        Rows sorted by this column come in the order of these values; where it is True, in the
        order in which the values were made (representations: the study's own). Otherwise they
        come by value.
    """

    name: str
    dtype: Dtype
    meaning: str
    nullable: bool = False
    unit: str = ""
    label: str = ""
    when: str = ""
    in_order: bool | tuple[str, ...] = False

    @property
    def heading(self) -> str:
        """Heading for a reader: ``Normalized mAP``."""
        words = self.name.removeprefix("Metadata_").replace("_", " ")
        return self.label or (words if len(words) == 1 else words[0].upper() + words[1:])

    @property
    def explained(self) -> str:
        """What it holds: when it is there, its meaning and its unit, in Markdown."""
        meaning = f"{self.meaning} ({self.unit})" if self.unit else self.meaning
        return f"{self.when}: {meaning}" if self.when else meaning

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.dtype in (WHOLE, REAL, REAL32)

    @property
    def required(self) -> bool:
        """Whether a table without it is refused."""
        return not self.when and not self.repeated

    @property
    def repeated(self) -> bool:
        """Whether it stands for several columns: ``intensity_<stain>``."""
        return bool(_PLACE.search(self.name))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Names that it stands for."""
        return re.compile(".+".join(map(re.escape, _PLACE.split(self.name))))


@dataclass(frozen=True)
class Key:
    """One key of a JSON file, or one array of an ``.npz`` file, or one place of an ``.h5ad`` file.

    Parameters
    ----------
    name : str
        ``enrichment.<part>`` stands for as many keys as there are parts.
    kind : str
        Type in words: ``string``, ``list of objects``, ``uint8 (n, C, H, W)``.
    meaning : str
        Markdown, without a full stop.
    when : str
        The condition under which it is there, in words; empty: always.
    """

    name: str
    kind: str
    meaning: str
    when: str = ""


@dataclass(frozen=True)
class File:
    """A file of a study folder, or a family of files.

    Parameters
    ----------
    path : str
        Below the study folder. ``profiles/<representation>.parquet`` stands for a family.
    title : str
        What it is, after the path, in a heading.
    text : str
        Markdown above the columns.
    after : str
        Markdown below the columns.
    when : str
        The condition under which it is there, as a sentence; empty: always.
    """

    path: str
    title: str = ""
    text: str = ""
    after: str = ""
    when: str = ""

    @property
    def stem(self) -> str:
        """Path without its ending."""
        return self.path.rpartition(".")[0] or self.path

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Paths that it stands for."""
        return re.compile("[^/]+".join(map(re.escape, _PLACE.split(self.path))))


@dataclass(frozen=True)
class Table(File):
    """A Parquet or CSV file.

    Parameters
    ----------
    columns : sequence of Column
        In the order of the file.
    sort : sequence of str
        Rows are sorted by these columns; no two rows are alike in all of them. Empty where rows
        come in the order in which they were made.
    """

    columns: tuple[Column, ...] = ()
    sort: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns that stand for themselves."""
        return {column.name: column for column in self.columns if not column.repeated}

    @property
    def required(self) -> list[str]:
        """Columns without which a table is refused."""
        return [column.name for column in self.columns if column.required]

    def column(self, name: str) -> Column | None:
        """The definition of a column of the file, or None where there is none."""
        if name in self.by_name:
            return self.by_name[name]
        fit = [c for c in self.columns if c.repeated and c.pattern.fullmatch(name)]
        return max(fit, key=lambda column: len(_PLACE.sub("", column.name)), default=None)

    def ordered(self, names: Iterable[str]) -> list[str]:
        """These columns in the order of the file; several of one kind as they came."""
        place = {column.name: number for number, column in enumerate(self.columns)}
        last = len(self.columns)

        def of(name: str) -> int:
            column = self.column(name)
            return last if column is None else place[column.name]

        return sorted(names, key=of)


@dataclass(frozen=True)
class Document(File):
    """A JSON file, the arrays of an ``.npz`` file, or the places of an ``.h5ad`` file.

    Parameters
    ----------
    keys : sequence of Key
        Of the object; of each object where the file holds a list of them.
    by : str
        Where the file holds an object for each thing of a kind, under its name: that kind, such
        as ``representation``.
    """

    keys: tuple[Key, ...] = ()
    by: str = ""

    @property
    def required(self) -> set[str]:
        """Keys without which an object is not whole."""
        return {key.name for key in self.keys if not key.when and "<" not in key.name}

    @property
    def known(self) -> re.Pattern[str]:
        """Keys that are declared."""
        names = (".+".join(map(re.escape, _PLACE.split(key.name))) for key in self.keys)
        return re.compile("|".join(names))
