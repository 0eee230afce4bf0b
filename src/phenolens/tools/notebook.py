"""A result as a notebook shows it: one piece of HTML that asks nothing of the page around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from phenolens.tools.summaries import NONE, in_text
from phenolens.words.numbers import plural

if TYPE_CHECKING:
    import pandas as pd

ROWS, WIDEST_CELL = 10, 60
# Text takes the page's colour and tints are see-through, so light and dark themes both read well.
LINE = "1px solid rgba(128,128,128,.35)"
TINTS = {
    "!": "rgba(224,160,74,.2)",
    "✗": "rgba(217,96,109,.22)",
    "·": "rgba(128,128,128,.1)",
    "✓": "rgba(128,128,128,.1)",
}


def as_html(
    question: str,
    numbers: Sequence[tuple[str, str]],
    *,
    findings: Sequence[str],
    table: pd.DataFrame,
) -> str:
    """The main numbers, the findings, and the first rows of the table; every text escaped."""
    shown = "".join(
        f'<div style="margin:0 1.8em .4em 0">{_small(escape(name))}'
        f'<div style="font-weight:600">{escape(value)}</div></div>'
        for name, value in numbers
    )
    noted = "".join(
        f'<div style="background:{TINTS[line[0]]};padding:.2em .6em;margin:.2em 0">'
        f"{escape(line)}</div>"
        for line in findings
    )
    title = '<div style="font-size:1.15em;font-weight:600;margin:.2em 0">'
    return (
        f'<div style="color:inherit">{title}{escape(question)}</div>'
        f'<div style="display:flex;flex-wrap:wrap">{shown}</div>{noted}'
        f"{_table(table)}</div>"
    )


def _small(text: str) -> str:
    return f'<div style="opacity:.75;font-size:.85em">{text}</div>'


def _table(table: pd.DataFrame) -> str:
    """The first rows, wide ones behind a scroll bar, and how many there are."""
    sides = ["right" if kind.kind in "iuf" else "left" for kind in table.dtypes]

    def row(tag: str, texts: Iterable[str], more: str = "") -> str:
        style = f"padding:.2em .7em;white-space:nowrap;background:transparent;color:inherit;{more}"
        cells = (
            f'<{tag} style="{style}text-align:{side}">{escape(text)}</{tag}>'
            for side, text in zip(sides, texts, strict=True)
        )
        return f'<tr style="background:transparent">{"".join(cells)}</tr>'

    head = row("th", map(str, table), f"border-bottom:{LINE};")
    rows = table.head(ROWS).itertuples(index=False, name=None)
    body = "".join(row("td", map(_cell, values)) for values in rows)
    shown = f"first {ROWS} of " if len(table) > ROWS else ""
    size = f"{plural(len(table), 'row')}, {plural(len(table.columns), 'column')}"
    style = "border-collapse:collapse;margin:.5em 0 .2em;font-size:.9em;border:none"
    return (
        f'<div style="overflow-x:auto"><table style="{style}"><thead>{head}</thead>'
        f"<tbody>{body}</tbody></table></div>" + _small(shown + size)
    )


def _cell(value: object) -> str:
    text = in_text(value)
    text = NONE if text in ("<NA>", "NaT") else text
    return text if len(text) <= WIDEST_CELL else f"{text[: WIDEST_CELL - 1]}…"
