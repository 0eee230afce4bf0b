"""Findings 1 to 5: what scores say on a plate where there is nothing to find."""

from __future__ import annotations

import numpy as np
import pandas as pd
from seed_plate import Fields
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from phenolens import profiles
from phenolens.evaluate.classification.classification import class_table
from phenolens.evaluate.classification.position_baseline import PositionVotes
from phenolens.evaluate.classification.scores import class_scores, ranks
from phenolens.evaluate.structure.silhouette import silhouette, silhouette_values
from phenolens.learn.components import Components
from phenolens.learn.fuse import BlockFusion, join_blocks, noise_block
from phenolens.learn.logistic import LogisticPath
from phenolens.learn.nearest import unit_rows
from phenolens.normalize.scale import robust_scale
from phenolens.profiles import CELL_COUNT, CONTROL, KEY, PLATE, TREATMENT, WELL, WELL_KEY
from phenolens.published.audit.checks.blocks import block_shares
from phenolens.published.audit.checks.chance_map import expected_map, mean_average_precision
from phenolens.splits import make_folds
from phenolens.stats.average_precision import average_precision
from phenolens.stats.wells import Wells

FOLDS = 5
CLUSTERS = 10
LARGE = 1000
TEXTURES = tuple(f"Cells_Texture_{name}_DNA_3_00_256" for name in ("SumVariance", "Variance"))


def readout(*, balanced: bool = False) -> BaseEstimator:
    """The study's baseline: components that keep 95 % of the variance, logistic regression."""
    reduce = Components(n_components=0.95, standardize=True)
    return make_pipeline(reduce, LogisticPath(balanced=balanced))


def dealt(labels: object, *, seed: int = 0) -> np.ndarray:
    """Fields dealt to folds at random, as in the published study; each label evenly."""
    names = np.asarray(labels, dtype=str)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(names[order], kind="stable")]
    fold = np.empty(len(names), dtype=np.int64)
    fold[order] = np.arange(len(names)) % FOLDS
    return fold


def predicted(model: BaseEstimator, table: pd.DataFrame, parts: list) -> pd.DataFrame:
    """Predictions for the test rows of each (train, test), with the rank of the true class."""
    truth, told = profiles.column(table, TREATMENT).astype(str), []
    for train, test in parts:
        with threadpool_limits(limits=1):
            fitted = clone(model).fit(table.iloc[train], truth[train])
            scores = class_table(fitted, table.iloc[test])
        own = np.searchsorted(fitted.classes_, truth[test])
        best = fitted.classes_[scores.argmax(axis=1)]
        told.append(_told(test, truth[test], best, place=ranks(scores, own)))
    return pd.concat(told, ignore_index=True)


def _told(rows: np.ndarray, truth: np.ndarray, best: np.ndarray, *, place: object) -> pd.DataFrame:
    return pd.DataFrame({"row": rows, "truth": truth, "told": best, "rank": place})


def by_field(table: pd.DataFrame) -> list[tuple[np.ndarray, np.ndarray]]:
    """Training and test rows where fields are dealt out at random, classes on both sides."""
    truth = profiles.column(table, TREATMENT)
    fold = dealt(truth)
    parts = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(FOLDS)]
    return [(train, test[np.isin(truth[test], truth[train])]) for train, test in parts]


def scored(told: pd.DataFrame) -> dict[str, float]:
    """Accuracy, balanced, without controls, and top 5."""
    treated = told[told["truth"] != "DMSO"]
    return {
        "accuracy": _score(told, "accuracy"),
        "balanced": _score(told, "balanced_accuracy"),
        "without_controls": _score(treated, "accuracy"),
        "top5": _score(told, "top5_accuracy"),
    }


def _score(told: pd.DataFrame, name: str) -> float:
    truth, best = told["truth"].to_numpy(str), told["told"].to_numpy(str)
    weights = np.ones((1, len(told)))
    return float(class_scores(truth, best, told["rank"].to_numpy(), weights=weights)[name][0])


def always(told: pd.DataFrame) -> pd.DataFrame:
    """The answer that looks at no image: the most frequent classes, in that order."""
    order = told["truth"].value_counts().index
    rank = told["truth"].map({name: k for k, name in enumerate(order)})
    return told.assign(told=order[0], rank=rank)


def numbers(table: pd.DataFrame, names: dict[str, np.ndarray]) -> pd.DataFrame:
    """The table's keys with a few columns of numbers instead of its features."""
    return pd.DataFrame(names, index=table.index)


def majority_class(plate: Fields) -> dict[str, dict]:
    """1. Fields at random: the majority answer, the cell count alone, and features."""
    table = plate.stains
    told = predicted(readout(), table, by_field(table))
    count = numbers(table, {"count": profiles.column(table, CELL_COUNT).astype(float)})
    counted = predicted(make_pipeline(StandardScaler(), LogisticPath()), count, by_field(table))
    return {
        "always_dmso": scored(always(told)),
        "cell_count": scored(counted),
        "features": scored(told),
    }


def class_is_one_well(plate: Fields) -> dict[str, object]:
    """2. Classes weighed alike: fields at random, and the same wells held out whole."""
    table, model = plate.stains, readout(balanced=True)
    place = profiles.well_position(profiles.column(table, WELL)).astype(float)
    where = numbers(table, {"row": place[:, 0], "column": place[:, 1]})
    told = predicted(model, table, by_field(table))
    folds = make_folds(profiles.metadata(table), label=TREATMENT, seed=0, leave_out="well")
    held = predicted(model, table, [(a, b) for _, a, b in folds.iterate(table)])
    treated = held[held["truth"] != "DMSO"]
    return {
        "field_split": scored(told),
        "position": scored(predicted(PositionVotes(), where, by_field(table))),
        "asked_by_well": scored(treated),
        "chance": 1 / int(told["truth"].nunique()),
        "asked": {"wells": _wells(table, treated["row"]), "classes": treated["truth"].nunique()},
        "lost": int(folds.excluded()["n"].sum()),
    }


def _wells(table: pd.DataFrame, rows: pd.Series) -> int:
    return len(profiles.metadata(table)[list(WELL_KEY)].iloc[rows].drop_duplicates())


def well_profiles(table: pd.DataFrame) -> pd.DataFrame:
    """Mean of each well's fields."""
    return profiles.aggregate(table, list(WELL_KEY), how="mean")


def label_order(plate: Fields, screen: Fields) -> dict[str, dict[str, float]]:
    """3. mAP in the right order, in a shuffled one, at chance; and asking other wells only.

    On the plate without effects, and on the wells of the screen that has some.
    """
    active = scaled_wells(screen.stains)
    treated = profiles.take(active, ~profiles.is_control(active))
    null = _orders(plate.embedding) | other_wells(plate.embedding)
    return {"null": null, "active": _orders(treated)}


def _orders(table: pd.DataFrame) -> dict[str, float]:
    labels = pd.Series(profiles.column(table, TREATMENT))
    rng, values = np.random.default_rng(1), table.to_numpy(np.float64)
    draws = 1 if len(table) > LARGE else 50
    orders = [rng.permutation(len(table)) for _ in range(draws)]
    return {
        "right_order": mean_average_precision(values, labels),
        "shuffled": float(np.mean([mean_average_precision(values[o], labels) for o in orders])),
        "chance": expected_map(labels),
    }


def scaled_wells(table: pd.DataFrame) -> pd.DataFrame:
    """Well profiles scaled on their plate's controls."""
    wells = well_profiles(table)
    return robust_scale(wells, profiles.is_control(wells), clip=20.0)[0]


def other_wells(table: pd.DataFrame) -> dict[str, float]:
    """Normalised mAP (0 is chance) of compounds in two wells: all matches, and other wells'."""
    keys = profiles.metadata(table)
    group = pd.factorize(keys[TREATMENT])[0]
    well = keys.groupby(list(WELL_KEY)).ngroup().to_numpy()
    twice = keys.groupby(TREATMENT)[WELL].transform("nunique").to_numpy() > 1
    wells = Wells.of_unit(unit_rows(table.to_numpy(np.float64)))
    asked = {"query": twice & ~keys[CONTROL].to_numpy(bool)}
    asked["reference"] = np.ones(len(keys), dtype=bool)
    every = average_precision(wells, group, **asked)
    away = average_precision(wells, group, differ=well[:, None], **asked)
    return {
        "all_matches": float(every.normalized.mean()),
        "other_wells": float(away.normalized.mean()),
    }


def raw_columns(table: pd.DataFrame) -> pd.DataFrame:
    """A count and two textures, as they come."""
    raw = {"Count": profiles.column(table, CELL_COUNT).astype(np.float32)}
    raw |= {name: table[name].to_numpy() for name in TEXTURES}
    return numbers(table, raw)


def unscaled_blocks(plate: Fields, screen: Fields) -> dict[str, dict[str, float]]:
    """4. mAP of an embedding alone, with three raw columns, and with the same columns scaled."""
    wells = well_profiles(screen.stains)
    counts = screen.keys.groupby(list(WELL_KEY))[CELL_COUNT].mean().to_numpy()
    raw = raw_columns(profiles.with_metadata(wells, {CELL_COUNT: counts}))
    return {
        "null": _fusions(plate.embedding, raw_columns(plate.stains)),
        "active": _fusions(scaled_wells(screen.stains), raw),
    }


def _fusions(embedding: pd.DataFrame, raw: pd.DataFrame) -> dict[str, float]:
    """Scored on all rows of one plate, and on treated wells where there are several."""
    controls = profiles.is_control(embedding)
    several = len(set(profiles.column(embedding, PLATE))) > 1
    rows = np.flatnonzero(~controls) if several else np.arange(len(embedding))
    proper = robust_scale(raw, controls, clip=20.0)[0]
    blocks = {"raw": raw, "scaled": proper, "noise": noise_block(raw, like="raw", seed=0)}
    parts = {name: profiles.take(block, rows) for name, block in blocks.items()}
    embedding = profiles.take(embedding, rows)
    joined, names = _joined(embedding, parts["raw"])
    places = {name: [joined.columns.get_loc(c) for c in own] for name, own in names.items()}
    return {
        "embedding": _map(embedding),
        "raw_alone": _map(parts["raw"]),
        "joined_raw": _map(joined),
        "joined_scaled": _map(_fused(embedding, parts["scaled"])),
        "joined_noise": _map(_fused(embedding, parts["noise"])),
        "embedding_share": block_shares(joined.to_numpy(np.float64), places)["embedding"],
    }


def _joined(embedding: pd.DataFrame, block: pd.DataFrame) -> tuple[pd.DataFrame, dict]:
    key = [name for name in KEY if name in embedding.index.names]
    return join_blocks({"embedding": embedding, "raw": block}, key=key)[:2]


def _fused(embedding: pd.DataFrame, block: pd.DataFrame) -> pd.DataFrame:
    """Both blocks at equal energy."""
    joined, blocks = _joined(embedding, block)
    return BlockFusion(blocks).fit(joined).transform(joined)


def _map(table: pd.DataFrame) -> float:
    labels = pd.Series(profiles.column(table, TREATMENT))
    return mean_average_precision(table.to_numpy(np.float64), labels)


def clusters_as_labels(plate: Fields, maps: dict[str, np.ndarray]) -> dict[str, float]:
    """5. Silhouettes of k-means labels on maps of two dimensions, and against treatment."""
    codes = pd.factorize(plate.keys[TREATMENT])[0]
    out = {f"{name}_kmeans": _mean(xy, clusters(xy)) for name, xy in maps.items()}
    out["umap_treatment"] = _mean(maps["umap"], codes)
    right = silhouette(well_profiles(plate.embedding), "embedding", seed=0).results
    found = right.set_index("metric")["value"]
    return out | {"wells_treatment": found["silhouette"], "wells_p": found["silhouette_p"]}


def flat_maps(plate: Fields) -> dict[str, np.ndarray]:
    """UMAP of the embedding, UMAP of noise of the same shape, and noise in the plane."""
    from phenolens.stats.projection import umap

    rng = np.random.default_rng(0)
    noise = rng.normal(size=plate.embedding.shape).astype(np.float32)
    wild = pd.DataFrame(noise, index=plate.embedding.index)
    laid = {"umap": umap(plate.embedding), "noise_umap": umap(wild)}
    maps = {name: xy[["x", "y"]].to_numpy(np.float64) for name, xy in laid.items()}
    return maps | {"noise_plane": rng.normal(size=(len(noise), 2))}


def clusters(points: np.ndarray) -> np.ndarray:
    """k-means labels."""
    from sklearn.cluster import KMeans

    with threadpool_limits(limits=1):
        return KMeans(CLUSTERS, n_init=3, random_state=0).fit_predict(points).astype(np.int64)


def _mean(points: np.ndarray, codes: np.ndarray) -> float:
    from scipy.spatial.distance import cdist

    return float(silhouette_values(cdist(points, points), codes).mean())
