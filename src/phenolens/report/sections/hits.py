"""The table of treatments, best first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from phenolens.answers.quality import LOST
from phenolens.answers.tables import Tables
from phenolens.profiles import TREATMENT
from phenolens.report.sections import Section, register
from phenolens.report.spaces import computed_on
from phenolens.words import names, noted
from phenolens.words.numbers import NONE, fixed, listed, missing, number, p_value, percent, sentence


@dataclass(frozen=True)
class Hit:
    """One row, with plain values to sort by beside the text to show."""

    treatment: str
    also: str
    mechanism: str
    wells: str
    active: bool
    tested: bool
    map: float | None
    low: float | None
    high: float | None
    q: str
    q_value: float | None
    cells: str
    cells_value: float | None
    lost: bool
    similar: list[str]
    features: list[tuple[str, str]]
    distrust: str


def view(tables: Tables) -> dict:
    if tables.hits is None:
        return {"hits": None}
    common = common_doubts(tables.hits)
    own = _tested(tables)
    rows = [{**own.get(row["treatment"], {}), **row} for row in tables.hits.to_dict("records")]
    hits = [_hit(row, common) for row in rows]
    return {
        "common": _of_every_row(common, rows),
        "hits": hits,
        "lead": names.inside(tables.lead) if tables.lead else "mAP",
        "shows": {name: any(_given(getattr(hit, name)) for hit in hits) for name in OPTIONAL},
        "alpha": tables.alpha,
        "lost": percent(LOST),
        "space": _spaces(tables),
        "mechanisms": sorted({hit.mechanism for hit in hits} - {NONE}),
    }


def _spaces(tables: Tables) -> str:
    """What mAP and similarities were computed on, and what the effects of features."""
    told = (("mAP and similarity", tables.hits), ("effects of features", tables.features))
    return computed_on(
        (what, rows["space"].iloc[0])
        for what, rows in told
        if rows is not None and "space" in rows and rows["space"].notna().any()
    )


OPTIONAL = ["cells", "similar", "features"]


def _given(value: object) -> bool:
    return bool(value) and value != NONE


def common_doubts(hits: pd.DataFrame) -> list[str]:
    """Codes of doubts that every treatment shares; they are said once, above the table."""
    if "doubts" not in hits or len(hits) < 2:
        return []
    each = [str(codes).split() for codes in hits["doubts"].fillna("")]
    return [code for code in each[0] if all(code in codes for codes in each)]


def _of_every_row(common: list[str], rows: list[dict]) -> str:
    """What holds for all rows, in the words of the first."""
    if not common:
        return ""
    return sentence(f"holds for every row: {listed([noted(code, **rows[0]) for code in common])}")


def _tested(tables: Tables) -> dict[object, dict]:
    """The lead's rows of the table of activity, by treatment: what the words of doubts need."""
    rows = tables.of_lead(tables.activity)
    return {} if rows is None else rows.set_index(TREATMENT, drop=False).to_dict("index")


def _hit(row: dict, common: list[str]) -> Hit:
    ratio = row.get("cell_count_ratio")
    return Hit(
        treatment=str(row["treatment"]),
        also=_also(row),
        mechanism=_text(row.get("mechanism")),
        wells=number(row.get("wells"), 4).removesuffix(".0"),
        active=str(row.get("active")).lower() in ("true", "1", "1.0", "yes"),
        tested=not missing(row.get("q")),
        map=_plain(row.get("map")),
        low=_plain(row.get("map_low")),
        high=_plain(row.get("map_high")),
        q=p_value(row.get("q")),
        q_value=_plain(row.get("q")),
        cells=fixed(ratio),
        cells_value=_plain(ratio),
        lost=not missing(ratio) and ratio < LOST,
        similar=_items(row.get("most_similar")),
        features=[_effect(item) for item in _items(row.get("features_changed"))],
        distrust=_distrust(row, common),
    )


def _distrust(row: dict, common: list[str]) -> str:
    codes = row.get("doubts")
    if not isinstance(codes, str):
        return ""
    return noted(" ".join(code for code in codes.split() if code not in common), **row)


def _also(row: dict) -> str:
    """The compound's name, where the treatment's name does not hold it already."""
    compound = row.get("compound")
    if missing(compound) or str(compound) in str(row["treatment"]):
        return ""
    return str(compound)


def _plain(value: object) -> float | None:
    return None if missing(value) else float(value)


def _text(value: object) -> str:
    return NONE if missing(value) or value == "" else str(value).replace("|", ", ")


def _items(value: object) -> list[str]:
    """The parts of a cell that lists several things, separated by semicolons."""
    if missing(value) or pd.isna(value):
        return []
    return [part.strip() for part in str(value).split(";") if part.strip()]


def _effect(item: str) -> tuple[str, str]:
    """Name and effect of ``Cells_Texture_Contrast_Mito 12.3``; no effect where none is given."""
    name, _, effect = item.rpartition(" ")
    try:
        return name, f"{float(effect):+.1f}".replace("-", "−")
    except ValueError:
        return item, ""


register(
    Section(
        key="hits",
        title="Treatments",
        order=30,
        view=view,
        template=Path(__file__).with_suffix(".html"),
    )
)
