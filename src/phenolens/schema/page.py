"""``docs/schemas.md``, made of the definitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from phenolens.schema.kinds import Column, Document, File, Key, Table

_INTRO = """\
# Every file a study writes

A study's folder (`phenolens run study.toml --out DIR`, default `<stem>-out`) holds the files below.
Tables are Parquet (snappy) with plain columns; text columns are strings, "nullable" says where null
or NaN may stand. Columns come in the order in which they are listed (in `profiles/` and `cells/`
metadata come in the screen's own order, then features). No two rows are the same in all the columns
that a table is sorted by; *in order* means that representations come in the study's own order, and
other values in the order in which they are listed. Two runs of the same study on the same machine
type, thread count and lock file give the same bytes.

**`space`** (string, the last column of most tables) says what the values were that a number was
computed on:

| words | meaning |
| --- | --- |
| `normalized` | scaled on the plate's calibrating controls |
| `as given`, `as measured` | scaled by another tool, and taken as they came; not scaled |
| `selected` | features that are missing, constant, or repeat one another left out; without \
labels, on calibrating controls where there are enough |
| `position removed`, `cell count removed` | less the surface over the plate, and what follows \
the cell count, as calibrating controls show them |
| `ranked` | normal quantiles of ranks among calibrating controls |
| `whitened` | decorrelated on calibrating controls; `(ZCA)`, `(PCA)`, `(PCA of correlations)`, \
`(TVN)` where not by ZCA of correlations |
| `standardized over all wells` | where no control gives a scale |
| `blocks of equal energy` | a fusion, whose blocks weigh the same |
| `blocks weighed on other compounds`, `blocks weighed by replicates` | a fusion, with the shares \
of `fusion.parquet` |
| `in each fold selected, standardized, 95 % components` | learned on the training wells of each \
fold besides; `within-class metric`, `discriminant metric` where one was learned there too |
| `for the map only, laid over one another by Harmony` | of `umap.parquet`, whose picture no score \
has to do with |
| `nothing`, `row and column, by nearest position` (or what was taken), `cell counts`, \
`mean intensities, ...`, `64 random projections of: ...` | what a baseline knows |

**All scores are remade from these files.** `phenolens classify DIR/profiles/R.parquet` (or
`pl.classify(...)`, and likewise for every other question) gives the rows of `R` in
`results.parquet`, whatever `R` is; the baselines (in activity, retrieval and matching, those of
position) are those of the first representation that learned no labels.

*This page is made of the definitions in `phenolens.schema` by `python -m phenolens.schema`.*
"""


def page(files: Sequence[File]) -> str:
    """The whole page, in Markdown.

    Parameters
    ----------
    files : sequence of File

    Returns
    -------
    str
    """
    return "\n".join([_INTRO, *("\n".join(_section(file)) for file in files)])


def _section(file: File) -> Iterator[str]:
    yield f"## `{file.path}`" + (f": {file.title}" if file.title else "")
    sentences = [file.text, file.when, _order(file)]
    said = " ".join(part for part in sentences if part)
    yield f"{said}\n" if said else ""
    if isinstance(file, Table):
        yield from _columns(file.columns)
    if isinstance(file, Document) and file.keys:
        yield from _keys(file.keys)
    if file.after:
        yield f"{file.after}\n"


def _order(file: File) -> str:
    if isinstance(file, Document) and file.by:
        return f"By {file.by}."
    if not isinstance(file, Table) or not file.sort:
        return ""
    ordered = [name for name in file.sort if file.by_name[name].in_order]
    names = [f"`{name}`" + (" (in order)" if name in ordered else "") for name in file.sort]
    return f"Sorted by {', '.join(names)}."


def _columns(columns: Sequence[Column]) -> Iterator[str]:
    yield "| column | type | meaning |"
    yield "| --- | --- | --- |"
    for _, same in groupby(columns, key=lambda column: (_type(column), column.explained)):
        alike = list(same)
        names = ", ".join(f"`{column.name}`" for column in alike)
        yield f"| {names} | {_type(alike[0])} | {_cell(alike[0].explained)} |"
    yield ""


def _type(column: Column) -> str:
    dtype = "as it came" if column.dtype == "any" else column.dtype
    return f"{dtype}, nullable" if column.nullable else dtype


def _cell(text: str) -> str:
    """Text inside a table, where a bar would begin the next cell."""
    return text.replace("|", "\\|")


def _keys(keys: Sequence[Key]) -> Iterator[str]:
    typed = any(key.kind for key in keys)
    yield "| key | type | meaning |" if typed else "| place | meaning |"
    yield "| --- | --- | --- |" if typed else "| --- | --- |"
    for key in keys:
        meaning = _cell(f"{key.when}: {key.meaning}" if key.when else key.meaning)
        kind = f" {_cell(key.kind)} |" if typed else ""
        yield f"| `{key.name}` |{kind} {meaning} |"
    yield ""
