"""What made it so: the features that moved, pictures of typical wells, and the list of hits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from phenolens import profiles, words
from phenolens.answers.treatments import best_first, treatments
from phenolens.io.integrate import Integrated
from phenolens.prepared import Prepared
from phenolens.profiles import CELL_COUNT, CONTROL, PLATE, TREATMENT, WELL
from phenolens.schema.scores import HITS
from phenolens.study.session import Session
from phenolens.study.step import Made, step
from phenolens.study.steps.attention import Attention
from phenolens.study.steps.evaluate import Evaluation
from phenolens.tools.compared import never_scaled, scale_of
from phenolens.tools.design import Design
from phenolens.tools.representation import Profiles

if TYPE_CHECKING:
    from phenolens.interpret.exemplars import Exemplars


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


@step("feature_groups.parquet", "feature_groups_clusters.parquet", verb="interpret")
def feature_groups(
    session: Session, *, normalize: dict[str, Profiles], evaluate: Evaluation
) -> Made:
    """What each treatment and cluster changed, by compartment, family, stain and property."""
    from phenolens.interpret.changes import pooled_changes
    from phenolens.tools.describe import describe_wells

    tables, pooled, clusters = [], [], evaluate.tables["clusters"]
    for name, item in normalize.items():
        found = describe_wells(item).table
        if not len(found):
            continue
        of = {"representation": name, "space": scale_of(item.normalized)}
        tables.append(found.assign(**of))
        if len(clusters):
            own = clusters[clusters["representation"] == name]
            own = own[own["method"] == "kmeans-chosen"].set_index(TREATMENT)["cluster"]
            pooled.append(pooled_changes(found, own).assign(**of))
    whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    files = {"feature_groups.parquet": whole}
    files["feature_groups_clusters.parquet"] = (
        pd.concat(pooled, ignore_index=True) if pooled else pd.DataFrame()
    )
    return Made(whole, files)


@step("agreement.parquet", "agreement.json", verb="interpret")
def agree(session: Session, *, attention: Attention, feature_groups: pd.DataFrame) -> Made:
    """Whether the network looked where measured features say that cells changed."""
    from phenolens.interpret.where import agreement, agreement_summary

    if not len(attention.parts) or not len(feature_groups):
        return Made()
    name = feature_groups["representation"].iloc[0]
    first = feature_groups[feature_groups["representation"] == name]
    found = agreement(attention.parts, first)
    summary = {"network": attention.summary["network"], "features": name}
    summary |= agreement_summary(found, seed=session.seed)
    return Made(found, {"agreement.parquet": found, "agreement.json": summary})


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


STILL = 144  # pixels a side of the small pictures
MOST_STILLS = 400  # treatments with small pictures: about 80 MB of them before they are packed


@step("exemplars.parquet", "exemplars.npz", "stills.parquet", "stills.npz", verb="interpret")
def exemplars(
    session: Session,
    *,
    prepare: Prepared | None,
    normalize: dict[str, Profiles],
    evaluate: Evaluation,
    features: pd.DataFrame,
) -> Made:
    """Pictures of typical wells of the most active treatments, beside controls of their plates.

    The first have large ones; of all others that are active there are small ones.
    """
    from phenolens.interpret.exemplars import choose_exemplars

    if not normalize:
        return Made()
    table = next(iter(normalize.values())).normalized.wells
    if prepare is None or not {TREATMENT, CONTROL} <= set(table.index.names):
        return Made()
    most, further = session.study.report.montages, []
    if pd.isna(profiles.column(table, TREATMENT)).all():
        table = _named_by_place(table)
        shown = profiles.column(table, TREATMENT)[:most].tolist()
    else:
        ranked = best_first(_of_lead(evaluate), features=features)
        shown = ranked[TREATMENT].head(most).tolist()
        rest = ranked.iloc[most:] if most else ranked.head(0)
        further = rest.loc[rest["active"].fillna(value=False).astype(bool), TREATMENT].tolist()
    contrasts: dict[str, np.ndarray] = {}
    chosen = choose_exemplars(prepare, table, shown, contrasts=contrasts)
    small = choose_exemplars(
        prepare, table, further[:MOST_STILLS], per_well=3, side=STILL, contrasts=contrasts
    )
    return Made(chosen, _written("exemplars", chosen) | _written("stills", small))


def _written(
    name: str, chosen: Exemplars
) -> dict[str, pd.DataFrame | dict[str, np.ndarray] | None]:
    """Pictures as files, without any where none were chosen."""
    arrays = {
        "pixels": chosen.pixels,
        "channels": np.array(chosen.channels),
        "pixel_size_um": np.array(chosen.pixel_size_um),
    }
    drawn = arrays if len(chosen.table) else None
    return {f"{name}.parquet": chosen.table, f"{name}.npz": drawn}


def _of_lead(found: Evaluation) -> pd.DataFrame:
    """The lead representation's rows of activity; none where nothing was studied."""
    table = found.tables["activity"]
    if not len(table):
        return pd.DataFrame(columns=[TREATMENT, "active"])
    return table[table["representation"] == found.lead].copy()


def _named_by_place(wells: pd.DataFrame) -> pd.DataFrame:
    """Where nobody says what was done to the wells, a well is shown under its own name."""
    plates, names = profiles.column(wells, PLATE), profiles.column(wells, WELL)
    places = [f"{plate} {well}" for plate, well in zip(plates, names, strict=True)]
    return profiles.with_metadata(wells, {TREATMENT: places})


def _hits(found: Evaluation, features: pd.DataFrame) -> pd.DataFrame:
    similarity = found.tables["similarity"]
    if len(similarity):
        similarity = similarity[similarity["representation"] == found.lead]
    ranked = treatments(_of_lead(found), similarity=similarity, features=features)
    if not ranked:
        return pd.DataFrame()
    part = best_first(_of_lead(found), features=features).assign(
        most_similar=[
            "; ".join(f"{name} ({round(cosine, 2)})" for name, cosine in one.neighbours)
            for one in ranked
        ],
        features_changed=[
            "; ".join(f"{name} {round(effect, 1)}" for name, effect in one.features)
            for one in ranked
        ],
        doubts=[" ".join(one.doubts) for one in ranked],
        distrust=[words.noted(" ".join(one.doubts), **one.row) for one in ranked],
    )
    columns = {
        TREATMENT: "treatment",
        "Metadata_Compound": "compound",
        "Metadata_Concentration": "concentration",
        "Metadata_Mechanism": "mechanism",
        "low": "map_low",
        "high": "map_high",
    }
    return part.rename(columns=columns).reindex(columns=list(HITS.by_name)).round(4)
