"""What a person marked: hits, artefacts, what to look at again; beside the results, never in them.

One JSON file beside the folder of results. Whoever writes holds a lock and reads the file anew, so
that two explorers add to one another's marks.
"""

from __future__ import annotations

import getpass
import io
import json
from collections.abc import Mapping
from csv import writer
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from phenolens.errors import InputError, either
from phenolens.files import read_json, write_json
from phenolens.spreadsheets import as_text

WORDS = ("hit", "artefact", "look again")
LONGEST_NOTE, LONGEST_NAME = 2_000, 1_000
_WAIT_SECONDS = 10.0


@dataclass(frozen=True)
class Mark:
    """A mark of a well or a treatment.

    Attributes
    ----------
    kind : {"well", "treatment"}
    plate, well, treatment : str
        What is marked; empty where it does not apply.
    mark : {"hit", "artefact", "look again"}
    note : str
    when : str
        UTC, ISO 8601.
    by : str
        Who was logged in.
    """

    kind: str
    plate: str = ""
    well: str = ""
    treatment: str = ""
    mark: str = ""
    note: str = ""
    when: str = ""
    by: str = ""

    @property
    def thing(self) -> tuple[str, str, str, str]:
        """What is marked; it has one mark at a time."""
        return self.kind, self.plate, self.well, self.treatment


_COLUMNS = tuple(one.name for one in fields(Mark))


def marks_file(results: Path) -> Path:
    """Where the marks of a folder of results are kept: ``OUT.marks.json`` beside ``OUT``."""
    return results.parent / f"{results.name}.marks.json"


def read_marks(path: Path) -> list[Mark]:
    """The marks of a file, in order; none where there is no file.

    Raises
    ------
    InputError
        If the file does not hold marks.
    """
    try:
        told = read_json(path)
        return [Mark(**{name: str(one.get(name, "")) for name in _COLUMNS}) for one in told]
    except FileNotFoundError:
        return []
    except (ValueError, AttributeError, TypeError):
        raise InputError(
            f"{path} does not hold marks. Move it away, or put back what 'phenolens explore' wrote."
        ) from None


def mark_of(told: Mapping[str, Any], *, removing: bool = False) -> Mark:
    """A mark as somebody asks for it.

    Parameters
    ----------
    told : mapping
        ``kind``, ``plate`` and ``well`` or ``treatment``, ``mark``, ``note``.
    removing : bool
        Whether only the thing counts.

    Raises
    ------
    InputError
        If a part is missing, of the wrong kind, or too long.
    """
    kind = told.get("kind")
    if kind not in ("well", "treatment"):
        raise InputError("A mark has the kind 'well' or 'treatment'.")
    needed = ("plate", "well") if kind == "well" else ("treatment",)
    names: dict[str, str] = {}
    for name in needed:
        value = told.get(name)
        if not isinstance(value, str) or not value or len(value) > LONGEST_NAME:
            raise InputError(f"A mark of a {kind} names its {name}.")
        names[name] = value
    word, note = told.get("mark", ""), told.get("note", "")
    if removing:
        return Mark(kind, **names)
    if word not in WORDS:
        raise InputError(f"A mark is {either(map(repr, WORDS))}; got {str(word)[:40]!r}.")
    if not isinstance(note, str) or len(note) > LONGEST_NOTE:
        raise InputError(f"A note is text of at most {LONGEST_NOTE:,} letters.")
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Mark(kind, **names, mark=word, note=note, when=when, by=_who())


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def put(path: Path, mark: Mark) -> list[Mark]:
    """Add a mark; it takes the place of an earlier one of the same thing."""
    return _changed(path, mark, keep=True)


def remove(path: Path, mark: Mark) -> list[Mark]:
    """Take the mark of a thing away."""
    return _changed(path, mark, keep=False)


def _changed(path: Path, mark: Mark, *, keep: bool) -> list[Mark]:
    with FileLock(path.with_name(f".{path.name}.lock"), timeout=_WAIT_SECONDS):
        found = [one for one in read_marks(path) if one.thing != mark.thing]
        found = sorted([*found, mark] if keep else found, key=lambda one: one.thing)
        write_json(path, [asdict(one) for one in found])
    return found


def as_json(marks: list[Mark]) -> bytes:
    """Marks as the page reads them."""
    return json.dumps({"marks": [asdict(one) for one in marks]}, ensure_ascii=False).encode()


def as_csv(marks: list[Mark]) -> bytes:
    """Marks for a spreadsheet, which runs none of their notes as a formula."""
    lines = io.StringIO()
    rows = writer(lines, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for one in marks:
        rows.writerow([as_text(value) for value in asdict(one).values()])
    return lines.getvalue().encode("utf-8-sig")
