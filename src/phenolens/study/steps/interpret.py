"""What made it so: the features that moved, pictures of typical wells, and the list of hits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens import profiles, words
from phenolens.io.integrate import Integrated
from phenolens.prepared import Prepared
from phenolens.profiles import CELL_COUNT, CONTROL, PLATE, TREATMENT, WELL
from phenolens.study.session import Session
from phenolens.study.step import Made, step
from phenolens.study.steps.evaluate import Evaluation
from phenolens.tools.compared import never_scaled, scale_of
from phenolens.tools.design import Design
from phenolens.tools.representation import Profiles

FEW_CELLS, FEW_WELLS = 0.6, 3
_OF_ALL = {"controls-reused", "pixels-seen"}


@step("hits.csv")
def interpret(session: Session, *, evaluate: Evaluation, features: pd.DataFrame) -> Made:
    """The activity of the lead representation as a biologist's spreadsheet."""
    hits = _hits(evaluate, features)
    return Made(hits, {"hits.csv": hits})


@step("features.parquet", verb="interpret")
def features(session: Session, *, normalize: dict[str, Profiles]) -> Made:
    """Which features moved, in robust z; nothing where no control gives features a scale."""
    from phenolens.interpret.features import changed_features
    from phenolens.io.names import parse_feature

    tables = []
    for name, item in normalize.items():
        block = item.normalized
        named = [c for c in block.wells if parse_feature(c).compartment]
        scaled = not never_scaled(block, block.wells)
        if named and scaled and TREATMENT in block.wells.index.names:
            moved = changed_features(block.wells[named])
            tables.append(moved.assign(representation=name, space=scale_of(block)))
    found = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return Made(found, {"features.parquet": found})


@step("wells.parquet", verb="interpret")
def wells(
    session: Session,
    *,
    screen: Integrated,
    splits: Design,
    prepare: Prepared | None,
    normalize: dict[str, Profiles],
) -> Made:
    """One row a well: design, counts and brightness, for the plate maps."""
    key = [PLATE, WELL]
    table = screen.wells
    parts = [splits.table(screen.wells)]
    if prepare is not None:
        parts.append(_brightness(prepare))
    if CELL_COUNT not in table:
        parts += _counts(normalize)
    for part in parts:
        table = table.merge(part, on=key, how="left")
    table = table.sort_values(key, ignore_index=True)
    return Made(table, {"wells.parquet": table})


def _brightness(prepared: Prepared) -> pd.DataFrame:
    """Images and mean intensity of each stain (corrected, original units) by well."""
    means = [prepared.small(row).mean(axis=(1, 2)) for row in range(len(prepared))]
    names = [f"intensity_{channel}" for channel in prepared.channels]
    frame = prepared.images.table[[PLATE, WELL]].assign(n_images=1)
    frame[names] = np.stack(means).astype(np.float64)
    return frame.groupby([PLATE, WELL], as_index=False).agg(
        {"n_images": "sum"} | dict.fromkeys(names, "mean")
    )


def _counts(items: dict[str, Profiles]) -> list[pd.DataFrame]:
    for item in items.values():
        known = profiles.metadata(item.normalized.wells)
        if CELL_COUNT in known:
            return [known[[PLATE, WELL, CELL_COUNT]]]
    return []


@step("exemplars.parquet", "exemplars.npz", verb="interpret")
def exemplars(
    session: Session,
    *,
    prepare: Prepared | None,
    normalize: dict[str, Profiles],
    evaluate: Evaluation,
) -> Made:
    """Pictures of typical wells of the most active treatments, beside controls of their plates."""
    from phenolens.interpret.exemplars import choose_exemplars

    table = next(iter(normalize.values())).normalized.wells
    if prepare is None or not {TREATMENT, CONTROL} <= set(table.index.names):
        return Made()
    most = session.study.report.montages
    if pd.isna(profiles.column(table, TREATMENT)).all():
        table = _named_by_place(table)
        shown = profiles.column(table, TREATMENT)[:most].tolist()
    else:
        shown = _best_first(_of_lead(evaluate))[TREATMENT].head(most).tolist()
    chosen = choose_exemplars(prepare, table, shown)
    arrays = {
        "pixels": chosen.pixels,
        "channels": np.array(chosen.channels),
        "pixel_size_um": np.array(chosen.pixel_size_um),
    }
    drawn = arrays if len(chosen.table) else None
    return Made(chosen, {"exemplars.parquet": chosen.table, "exemplars.npz": drawn})


def _of_lead(found: Evaluation) -> pd.DataFrame:
    """The lead representation's rows of activity; none where nothing was studied."""
    table = found.tables["activity"]
    if not len(table):
        return pd.DataFrame(columns=[TREATMENT])
    return table[table["representation"] == found.lead].copy()


def _named_by_place(wells: pd.DataFrame) -> pd.DataFrame:
    """Where nobody says what was done to the wells, a well is shown under its own name."""
    plates, names = profiles.column(wells, PLATE), profiles.column(wells, WELL)
    places = [f"{plate} {well}" for plate, well in zip(plates, names, strict=True)]
    return profiles.with_metadata(wells, {TREATMENT: places})


def _best_first(part: pd.DataFrame) -> pd.DataFrame:
    """By q, then mAP; ties of a coarse position-safe test by what permuting wells says."""
    keys = [name for name in ("q", "map_normalized", "map_plain") if name in part]
    return part.sort_values(keys, ascending=[name == "q" for name in keys], kind="stable")


def _hits(found: Evaluation, features: pd.DataFrame) -> pd.DataFrame:
    part = _best_first(_of_lead(found))
    if not len(part):
        return pd.DataFrame()
    part["most_similar"] = part[TREATMENT].map(_neighbours(found))
    part["features_changed"] = part[TREATMENT].map(_top_features(features))
    rows = part.to_dict("records")
    part["doubts"] = [_doubts(row) for row in rows]
    part["distrust"] = [
        words.noted(codes, **row) for codes, row in zip(part["doubts"], rows, strict=True)
    ]
    columns = {
        TREATMENT: "treatment",
        "Metadata_Compound": "compound",
        "Metadata_Concentration": "concentration",
        "Metadata_Mechanism": "mechanism",
        "low": "map_low",
        "high": "map_high",
    }
    order = ["treatment", "compound", "concentration", "mechanism", "wells", "active", "map",
             "map_low", "map_high", "q", "cell_count_ratio", "most_similar", "features_changed",
             "doubts", "distrust", "space"]  # fmt: skip
    return part.rename(columns=columns).reindex(columns=order).round(4)


def _neighbours(found: Evaluation) -> dict[str, str]:
    similarity, lead = found.tables["similarity"], found.lead
    if not len(similarity):
        return {}
    near = similarity[(similarity["representation"] == lead) & (similarity["rank"] <= 3)]
    text = near["neighbour"].astype(str) + " (" + near["cosine"].round(2).astype(str) + ")"
    return text.groupby(near[TREATMENT]).agg("; ".join).to_dict()


def _top_features(features: pd.DataFrame) -> dict[str, str]:
    if not len(features):
        return {}
    first = features["representation"].iloc[0]
    top = features[(features["rank"] <= 5) & (features["representation"] == first)]
    text = top["feature"] + " " + top["effect"].round(1).astype(str)
    return text.groupby(top[TREATMENT]).agg("; ".join).to_dict()


def _doubts(row: dict) -> str:
    """Codes of why a treatment may not be what it seems; what holds for all rows is no reason."""
    codes = [code for code in row["note"].split() if code not in _OF_ALL]
    if row["active"] and row["cell_count_ratio"] < FEW_CELLS:
        codes.append("few-cells-left")
    if 0 < row["n"] < FEW_WELLS:
        codes.append("few-wells-compared")
    return " ".join(codes)
