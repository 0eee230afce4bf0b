"""Why a study makes no use of files that lie beside its own, and what images lack."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from phenolens.words import Said, wording
from phenolens.words.numbers import plural
from phenolens.words.sentences import ended

REASONS = {
    "unused-empty": "empty (0 bytes)",
    "unused-hidden": "hidden",
    "unused-left-alone": "a folder of this name is not looked into",
    "unused-not-chosen": "a folder beside those that were chosen",
    "unused-results": "results of a study",
    "unused-link": "a link to nothing",
    "unused-name": "a name that is no valid UTF-8; rename it",
    "unused-no-rows": "a header, but no rows",
    "unused-no-table": "text, no table of two or more columns",
    "unused-no-features": "objects that CellProfiler measured, without the tables that place them",
    "unused-thumbnail": "thumbnails",
    "unused-illumination": "illumination functions that no image table names "
    "(FileName_Illum<Stain>)",
    "unused-drawn": "drawn outlines or labels, by their names; [data.images] labels takes a "
    "table's column of them",
    "unused-no-place": "its name says no plate and well, and no table lists it",
    "unused-archive": "an archive; unpack it",
    "unused-flex": "images of an Opera, all of a well in one file; export the plate from Columbus "
    "as TIFF, or convert each to OME-TIFF (Bio-Formats: bfconvert A.flex A.ome.tif)",
    "unused-study": "a study file",
    "unused-pipeline": "a CellProfiler pipeline",
    "unused-analyst": "settings of CellProfiler Analyst, whose database is read itself",
    "unused-same-images": "a database of the images whose tables lie beside it, which are used",
    "unused-beside": "about images that are not used",
    "unused-kind": "no table or image that we read",
}


def _line(file: str, files: int, reason: str) -> str:
    return ended(f"{_of(file, files)}: {reason}")


def _of(file: str, files: int) -> str:
    return file if files == 1 else f"{files:,} files {file}"


def _few(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(str(name) for name in names[:most])
    return shown + (", ..." if len(names) > most else "")


for _code, _reason in REASONS.items():
    wording(_code)(partial(_line, reason=_reason))


@wording("unused-closed")
def _(*, file: str, files: int, fault: str) -> str:
    return _line(file, files, f"cannot be opened ({fault})")


@wording("unused-seen")
def _(*, file: str, files: int, other: str) -> str:
    return _line(file, files, f"a link to {other}, which is looked at under that name")


@wording("unused-damaged")
def _(*, file: str, files: int, fault: str) -> str:
    return _line(file, files, fault.rstrip("."))


@wording("unused-stage")
def _(*, file: str, files: int, kept: str) -> str:
    return _line(file, files, f"another stage of the profiles in {kept}, which are used")


@wording("unused-result")
def _(*, file: str, files: int, table: str) -> str:
    return _line(file, files, f"an answer of phenolens ({table})")


@wording("unused-image-table")
def _(*, file: str, files: int, kept: str) -> str:
    return _line(file, files, f"lists images too; those of {kept} are used")


@wording("unused-other-stains")
def _(*, file: str, files: int, kept: str, plates: Sequence[str], columns: Sequence[str]) -> str:
    other = f" (it has {_few(columns)})" if columns else ""
    reason = (
        f"lists images of plates that {kept} does not have ({_few(plates)}), in other columns"
        f"{other}; a study has one name a stain: rename the columns, and run init again"
    )
    return _line(file, files, reason)


@wording("unused-images-elsewhere")
def _(
    *, file: str, files: int, kind: str, fields: int, stains: str, example: str,
    looked: Sequence[str], fault: str = "",
) -> Said:  # fmt: skip
    each = f" x {stains} stains" if stains else ""
    what = (
        f"{_of(file, files)}: {kind}, {plural(fields, 'field')}{each}; none of the images is here "
        f"(such as {example}); looked below {', '.join(looked)}."
    ) + (f" {fault}" if fault else "")
    remedy = "Download them, or say where they are: root in [data.images] (--set data.images.root)."
    return Said(what, remedy=remedy, phrase=what.rstrip("."))


@wording("unused-other-plates")
def _(*, file: str, files: int, plates: Sequence[str], screen: Sequence[str]) -> str:
    whose = "its" if files == 1 else "their"
    have = f"none of {whose} plates ({_few(plates)}) is in the screen"
    return _line(file, files, f"{have}; the screen has {_few(screen)}")


@wording("unused-other-wells")
def _(*, file: str, files: int, wells: Sequence[str], screen: Sequence[str]) -> str:
    whose = "its" if files == 1 else "their"
    have = f"none of {whose} wells ({_few(wells)}) is in the screen"
    return _line(file, files, f"{have}; the screen has {_few(screen)}")


@wording("unused-other-keys")
def _(*, file: str, files: int, column: str, held: Sequence[str], screen: Sequence[str]) -> str:
    have = f"none of the values of its {column} ({_few(held)}) is in the screen"
    return _line(file, files, f"{have}; the screen has {_few(screen)}")


@wording("unused-no-key")
def _(*, file: str, files: int, columns: Sequence[str]) -> str:
    have = f"no column names wells, plates or compounds of the screen (there are {_few(columns)})"
    return _line(file, files, have)


@wording("unused-no-wells")
def _(*, file: str, files: int, why: str) -> str:
    return _line(file, files, why.rstrip("."))


@wording("unused-no-plate")
def _(*, file: str, files: int, well: str) -> str:
    return _line(file, files, f"several rows a well ({well}) and nothing that says of which plate")


@wording("unused-one-of-several")
def _(*, file: str, files: int, others: Sequence[str]) -> str:
    return _line(file, files, f"lists the same wells as {_few(others)}, and names no plate")


@wording("unused-contradicts")
def _(*, file: str, files: int, other: str, example: str) -> str:
    reason = (
        f"says something else of the same wells ({example}) than {other}; leave one of them in the "
        "folder, or name the right one as [[data.tables]]"
    )
    return _line(file, files, reason)


@wording("unused-repeats")
def _(*, file: str, files: int, other: str) -> str:
    return _line(file, files, f"says the same as {other}, which is used")


@wording("unused-nothing-new")
def _(*, file: str, files: int, columns: Sequence[str]) -> str:
    have = f"says nothing that the study asks for and does not have ({_few(columns)})"
    return _line(file, files, have)


@wording("unused-not-listed")
def _(*, file: str, files: int, table: str) -> str:
    return _line(file, files, f"no row of {table} names {'it' if files == 1 else 'them'}")


@wording("unused-other-naming")
def _(*, file: str, files: int, naming: str, layout: str) -> str:
    return _line(file, files, f"named as {naming}; the study reads {layout}")


@wording("images-not-here")
def _(*, table: str, absent: int, images: int, example: str, looked: Sequence[str]) -> str:
    return ended(
        f"{table}: {absent:,} of {images:,} image files are not here, such as {example} (looked "
        f"below {', '.join(looked)}); their fields are left out"
    )


@wording("illumination-not-here")
def _(*, fields: int, of: int, stains: Sequence[str]) -> str:
    return ended(
        f"the illumination functions that {fields:,} of {of:,} fields name ({_few(stains)}) are "
        "not here; they are estimated instead"
    )


@wording("fields-incomplete")
def _(*, fields: int, of: int, stains: dict[str, int], example: str) -> str:
    lacking = ", ".join(f"{name}: {number:,}" for name, number in stains.items())
    return ended(
        f"{fields:,} of {of:,} fields lack a stain ({lacking}), such as {example}; they are left "
        "out"
    )
