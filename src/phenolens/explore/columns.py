"""The columns of wells and treatments: their values as the page reads them, and what they mean."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from phenolens import schema
from phenolens.explore.screen import Screen
from phenolens.profiles import CONTROL, PLATE, PREFIX, TREATMENT, WELL
from phenolens.words import names

_MOST_CATEGORIES = 64
_OWN = {PLATE, WELL, TREATMENT, CONTROL, "role"}
_PLACES = ("plate", "row", "column", "treatment", "control")
_ACTIVITY = {
    "effect": "map_normalized", "map": "map", "low": "low", "high": "high", "p": "p", "q": "q",
}  # fmt: skip
_BETTER = {"effect": "higher", "map": "higher", "p": "lower", "q": "lower"}


@dataclass(frozen=True)
class Described:
    """A column in words.

    Attributes
    ----------
    name, label : str
        As in the table, and as a reader calls it.
    kind : {"number", "category", "text"}
        Of a category there are few values.
    unit, meaning : str
    better : {"higher", "lower", ""}
    representation : str
        Whose it is; empty where it belongs to none.
    """

    name: str
    label: str
    kind: str
    unit: str = ""
    meaning: str = ""
    better: str = ""
    representation: str = ""

    def as_data(self) -> dict[str, str]:
        """The same as the page reads it."""
        return asdict(self)


def well_columns(screen: Screen) -> list[Described]:
    """Columns of wells that a person may look at, in the order of the table."""
    table, found = schema.tables()["wells"], []
    for name in screen.wells.columns:
        values = screen.wells[name]
        if name in _OWN or name in _PLACES or values.isna().all():
            continue
        told = table.column(str(name))
        known = told is not None and not told.name.startswith(f"{PREFIX}<")
        stain = str(name).removeprefix("intensity_")
        label = f"{stain} intensity" if stain != name else str(name).removeprefix(PREFIX)
        found.append(
            Described(
                str(name),
                told.heading if told is not None and known and stain == name else label,
                _kind(values),
                unit=told.unit if told is not None else "",
                meaning=told.meaning if told is not None and known else "",
            )
        )
    return found


def _kind(values: pd.Series) -> str:
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        return "number"
    return "category" if values.nunique() <= _MOST_CATEGORIES else "text"


def well_values(screen: Screen) -> dict[str, object]:
    """The table of wells, column by column."""
    wells = screen.wells
    found: dict[str, object] = {
        "plate": wells["plate"],
        "well": wells[WELL].astype(str),
        "row": wells["row"],
        "column": wells["column"],
        "treatment": wells["treatment"],
        "control": wells["control"],
        "role": wells["role"] if "role" in wells else pd.Series("", wells.index),
    }
    return found | {one.name: as_shown(wells[one.name], one.kind) for one in well_columns(screen)}


def as_shown(values: pd.Series, kind: str) -> pd.Series:
    """Numbers as float64, what else there is as text."""
    if kind == "number":
        return pd.Series(values.to_numpy(dtype=np.float64, na_value=np.nan))
    return values.astype(object).where(values.notna(), "").astype(str)


def treatment_columns(screen: Screen) -> list[Described]:
    """Columns of treatments, those of every representation among them."""
    table = schema.tables()["activity"].by_name
    found = [
        Described("compound", "Compound", "text"),
        Described("mechanism", "Mechanism", "category"),
        Described("target", "Target", "category"),
        Described("dose", "Dose", "number", unit="µM"),
        Described("n_wells", "Wells", "number"),
        Described("rank", "Rank", "number", meaning="1 is best in the lead", better="lower"),
        Described(
            "cell_count_ratio", "Cells left", "number",
            meaning=table["cell_count_ratio"].meaning,
        ),
        Described("flags", "Flags", "text", meaning="what to distrust"),
    ]  # fmt: skip
    for name in screen.representations:
        if screen.activity(name) is not None:
            of = names.label(name)
            for short, column in _ACTIVITY.items():
                told = table[column]
                label = {"effect": "Effect", "q": "q", "p": "p", "map": "mAP"}.get(short, short)
                found.append(
                    Described(
                        f"{name}/{short}", f"{label}, {of}", "number", meaning=told.meaning,
                        better=_BETTER.get(short, ""), representation=name,
                    )
                )  # fmt: skip
            found.append(
                Described(f"{name}/active", f"Active, {of}", "category",
                          meaning=table["active"].meaning, representation=name)
            )  # fmt: skip
        if clusters(screen, name) is not None:
            found.append(
                Described(f"{name}/cluster", f"Cluster, {names.label(name)}", "category",
                          meaning="k-means, k chosen by silhouette; 0: none", representation=name)
            )  # fmt: skip
    return found


def treatment_values(screen: Screen) -> dict[str, object]:
    """The table of treatments, column by column."""
    table = screen.treatments
    found: dict[str, object] = {name: table[name] for name in table.columns}
    for text_ in ("name", "compound", "mechanism", "target", "flags"):
        found[text_] = as_shown(table[text_], "text")
    for name in screen.representations:
        rows = screen.activity(name)
        if rows is not None:
            for short, column in _ACTIVITY.items():
                values = rows[column] if column in rows else pd.Series(np.nan, rows.index)
                found[f"{name}/{short}"] = values.to_numpy(dtype=np.float64, na_value=np.nan)
            active = rows["active"].eq(other=True).fillna(value=False).to_numpy(dtype=bool)
            found[f"{name}/active"] = active
            found[f"{name}/tested"] = rows["q"].notna().to_numpy(dtype=bool)
        if (own := clusters(screen, name)) is not None:
            found[f"{name}/cluster"] = own
    return found


def clusters(screen: Screen, representation: str) -> np.ndarray | None:
    """Cluster of each treatment in a representation, int32, 0: none; None where it has none."""
    rows = screen.tables.clusters
    if rows is None:
        return None
    own = rows[rows["representation"] == representation]
    own = own[own["method"] == "kmeans-chosen"].drop_duplicates(TREATMENT)
    if not len(own):
        return None
    numbers = own.set_index(TREATMENT)["cluster"].reindex(screen.treatment_names)
    return numbers.fillna(0).to_numpy(dtype=np.int32)
