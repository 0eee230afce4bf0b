"""Step `interpret`: the features that moved, and pictures of what they mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from phenolens import profiles, words
from phenolens.files import atomic_path
from phenolens.prepared import Prepared
from phenolens.profiles import CELL_COUNT, CONTROL, PLATE, TREATMENT, WELL, write_frame
from phenolens.study.design import screen
from phenolens.study.evaluation import Evaluation, evaluate
from phenolens.study.profiling import normalize, prepare
from phenolens.study.published import published
from phenolens.study.session import Session, once
from phenolens.tools.compared import never_scaled, scale_of

FEW_CELLS, FEW_WELLS = 0.6, 3
_OF_ALL = {"controls-reused", "pixels-seen"}


@once
def interpret(session: Session) -> pd.DataFrame:
    """Write what features moved, pictures, where the network looked, hits and the answers."""
    found = evaluate(session)
    features = _features(session)
    _keep(features, session.out / "features.parquet")
    write_frame(_wells(session), session.out / "wells.parquet")
    _pictures(session, found)
    _explained(session)
    published(session, found)
    hits = _hits(session, found, features)
    _keep(hits, session.out / "hits.csv")
    return hits


def _keep(frame: pd.DataFrame, path: Path) -> None:
    """Write a table; an empty one also takes away what a run with other settings left."""
    if len(frame):
        write_frame(frame, path)
    else:
        path.unlink(missing_ok=True)


def _explained(session: Session) -> None:
    """Where the network looked and what the autoencoder rebuilt; then the four questions."""
    from phenolens.study import attention, reconstructions
    from phenolens.study.questions import questions

    asked = session.study.represent.representations
    images = prepare(session) is not None
    if images and attention.NETWORK in asked:
        attention.attention(session)
    else:
        attention.clear(session)
    if images and reconstructions.NETWORK in asked:
        reconstructions.reconstructions(session)
    else:
        reconstructions.clear(session)
    questions(session)


def _features(session: Session) -> pd.DataFrame:
    """Which features moved, in robust z; nothing where no control gives features a scale."""
    from phenolens.interpret.features import changed_features
    from phenolens.io.names import parse_feature

    tables = []
    for name, block in normalize(session).items():
        named = [c for c in block.wells if parse_feature(c).compartment]
        scaled = not never_scaled(block, block.wells)
        if named and scaled and TREATMENT in block.wells.index.names:
            moved = changed_features(block.wells[named])
            tables.append(moved.assign(representation=name, space=scale_of(block)))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _wells(session: Session) -> pd.DataFrame:
    """One row a well: design, counts and brightness, for the plate maps."""
    key = [PLATE, WELL]
    wells = screen(session).wells
    parts = [profiles.read_frame(session.out / "splits.parquet")]
    if prepare(session) is not None:
        parts.append(_brightness(prepare(session)))
    if CELL_COUNT not in wells:
        parts += _counts(session)
    for part in parts:
        wells = wells.merge(part, on=key, how="left")
    return wells.sort_values(key, ignore_index=True)


def _brightness(prepared: Prepared) -> pd.DataFrame:
    """Images and mean intensity of each stain (corrected, original units) by well."""
    means = [prepared.small(row).mean(axis=(1, 2)) for row in range(len(prepared))]
    names = [f"intensity_{channel}" for channel in prepared.channels]
    frame = prepared.images.table[[PLATE, WELL]].assign(n_images=1)
    frame[names] = np.stack(means).astype(np.float64)
    return frame.groupby([PLATE, WELL], as_index=False).agg(
        {"n_images": "sum"} | dict.fromkeys(names, "mean")
    )


def _counts(session: Session) -> list[pd.DataFrame]:
    for block in normalize(session).values():
        known = profiles.metadata(block.wells)
        if CELL_COUNT in known:
            return [known[[PLATE, WELL, CELL_COUNT]]]
    return []


def _pictures(session: Session, found: Evaluation) -> None:
    from phenolens.interpret.exemplars import choose_exemplars

    prepared, wells = prepare(session), next(iter(normalize(session).values())).wells
    if prepared is None or not {TREATMENT, CONTROL} <= set(wells.index.names):
        return
    if pd.isna(profiles.column(wells, TREATMENT)).all():
        wells = _named_by_place(wells)
        shown = profiles.column(wells, TREATMENT)[: session.study.report.montages].tolist()
    else:
        shown = _shown(session, found)
    chosen = choose_exemplars(prepared, wells, shown)
    if not len(chosen.table):
        return
    write_frame(chosen.table, session.out / "exemplars.parquet")
    arrays = {
        "pixels": chosen.pixels,
        "channels": np.array(chosen.channels),
        "pixel_size_um": np.array(chosen.pixel_size_um),
    }
    with atomic_path(session.out / "exemplars.npz") as partial, partial.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def _named_by_place(wells: pd.DataFrame) -> pd.DataFrame:
    """Where nobody says what was done to the wells, a well is shown under its own name."""
    plates, names = profiles.column(wells, PLATE), profiles.column(wells, WELL)
    places = [f"{plate} {well}" for plate, well in zip(plates, names, strict=True)]
    return profiles.with_metadata(wells, {TREATMENT: places})


def _shown(session: Session, found: Evaluation) -> list[str]:
    """The treatments with the strongest activity in the lead representation."""
    if not len(found.activity):
        return []
    lead = found.activity["representation"].iloc[0]
    part = found.activity[found.activity["representation"] == lead]
    return _best_first(part)[TREATMENT].head(session.study.report.montages).tolist()


def _best_first(part: pd.DataFrame) -> pd.DataFrame:
    """By q, then mAP; ties of a coarse position-safe test by what permuting wells says."""
    keys = [name for name in ("q", "map_normalized", "map_plain") if name in part]
    return part.sort_values(keys, ascending=[name == "q" for name in keys], kind="stable")


def _hits(session: Session, found: Evaluation, features: pd.DataFrame) -> pd.DataFrame:
    """The activity table of the lead representation as a biologist's spreadsheet."""
    if not len(found.activity):
        return pd.DataFrame()
    lead = found.activity["representation"].iloc[0]
    part = found.activity[found.activity["representation"] == lead].copy()
    part = _best_first(part)
    part["most_similar"] = part[TREATMENT].map(_neighbours(found.similarity, lead))
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


def _neighbours(similarity: pd.DataFrame, lead: str) -> dict[str, str]:
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
