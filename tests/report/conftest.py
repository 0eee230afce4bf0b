"""A small made-up study folder with every file of docs/schemas.md, for the report to read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens import schema
from phenolens.answers.tables import Tables
from phenolens.profiles import row_letters
from phenolens.published.steps.remade import activation_summary, activation_wells

STAINS = ["DNA", "ER", "RNA", "AGP", "Mito"]
REPRESENTATIONS = ["cellprofiler", "pixel-pca", "cnn"]
BASELINES = ["majority", "cell-count", "intensity", "position", "random-projection"]
MECHANISMS = [
    "Aurora kinase inhibitor",
    "Tubulin destabilizer",
    "DNA damage",
    "Actin disruptor",
    "ER stress",
    "Mitochondrial uncoupler",
]
PLACES = {"position": "position", "plate": "Metadata_Plate"}
SPACE = "normalized, selected, whitened"
IN_FOLDS = f"{SPACE}; in each fold selected, standardized, 95 % components"
OWN = {
    "baseline:majority": "nothing",
    "baseline:cell-count": "cell counts",
    "baseline:intensity": "mean intensities, normalized",
    "baseline:position": "row and column",
    "baseline:random-projection": f"64 random projections of: {SPACE}",
}
SHAPES = {6: (2, 3), 96: (8, 12), 384: (16, 24), 1536: (32, 48)}
FAMILIES = ["AreaShape", "Intensity", "Texture", "Granularity", "RadialDistribution"]


@dataclass(frozen=True)
class Screen:
    """What the made-up screen is like."""

    treatments: int = 24
    plates: int = 4
    layout: int = 96
    images: bool = True
    seed: int = 0

    def random(self, salt: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, salt])

    def names(self) -> list[str]:
        return [f"cpd-{i + 1:03d} @ 5 µM" for i in range(self.treatments)]

    def mechanisms(self) -> list[str | None]:
        known = len(MECHANISMS)
        return [MECHANISMS[i % known] if i % 4 < 3 else None for i in range(self.treatments)]

    def strength(self) -> np.ndarray:
        return np.array([0.0 if m is None else 0.6 + 0.1 * (i % 5) for i, m in self.numbered()])

    def numbered(self) -> Iterator[tuple[int, str | None]]:
        return enumerate(self.mechanisms())

    def annotation(self) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "Metadata_Treatment": self.names(),
                "Metadata_Compound": [name.split(" @")[0] for name in self.names()],
                "Metadata_Concentration": 5.0,
                "Metadata_Mechanism": self.mechanisms(),
            }
        )


def write_study(folder: Path, screen: Screen) -> Path:
    """Write the whole folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    wells = _wells(screen)
    tables = {
        "wells": wells,
        "activity": _activity(screen),
        "results": _results(screen),
        "comparisons": _comparisons(screen),
        "similarity": _similarity(screen),
        "clusters": _clusters(screen),
        "umap": _umap(screen, wells),
        "features": _features(screen),
        "feature_groups": _feature_groups(screen),
        "feature_groups_clusters": _feature_groups(screen, clusters=True),
        "assay": _assay(screen),
        "matching": _matching(screen),
        "retrieval": _retrieval(screen),
        "dose": _dose(screen),
        "consensus": _consensus(screen, 0),
        "normalization_steps": _steps(wells),
    }
    for name, table in tables.items():
        write_table(folder, f"{name}.parquet", table)
    for number, name in enumerate(REPRESENTATIONS):
        write_table(folder, f"consensus/{name}.parquet", _consensus(screen, number))
    write_table(folder, "hits.csv", _hits(tables))
    _documents(folder)
    if screen.images:
        _exemplars(folder, screen)
        _fields_without_cells(folder, screen)
        _networks(folder, screen)
        _published(folder, screen, wells)
    return folder


def write_table(folder: Path, path: str, frame: pd.DataFrame) -> None:
    """Write a table as it is defined; columns that no test looks at are blank."""
    table = schema.definition(path)
    blank = {"string": "", "int64": 0, "float64": 0.0, "bool": False}
    absent = {
        name: None if table.by_name[name].nullable else blank[table.by_name[name].dtype]
        for name in table.required
        if name not in frame
    }
    schema.write(frame.assign(**absent), table, folder / path)


def _wells(screen: Screen) -> pd.DataFrame:
    rows, columns = SHAPES[screen.layout]
    names = [f"{row_letters(r)}{c + 1:02d}" for r in range(rows) for c in range(columns)]
    draw = screen.random(1)
    what = np.arange(len(names)) % (screen.treatments + max(screen.treatments // 5, 1))
    treated = [screen.names()[i] if i < screen.treatments else "DMSO" for i in what]
    plates = [_plate(f"BR{p + 1:03d}", names, draw.permutation(treated)) for p in _plates(screen)]
    wells = pd.concat(plates, ignore_index=True).merge(
        screen.annotation(), on="Metadata_Treatment", how="left"
    )
    return _with_measures(wells, screen, draw).sort_values(["Metadata_Plate", "Metadata_Well"])


def _plates(screen: Screen) -> range:
    return range(screen.plates)


def _plate(name: str, wells: list[str], treatments: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Metadata_Plate": name,
            "Metadata_Well": wells,
            "Metadata_Batch": "B1",
            "Metadata_Treatment": treatments,
            "Metadata_Control": treatments == "DMSO",
        }
    )


def _with_measures(wells: pd.DataFrame, screen: Screen, draw: np.random.Generator) -> pd.DataFrame:
    toxic = wells["Metadata_Treatment"].isin(screen.names()[1:3]).to_numpy()
    count = draw.poisson(180, len(wells)) * np.where(toxic, 0.4, 1.0)
    row = wells["Metadata_Well"].str[0].map(ord).to_numpy() - 65
    stains = {
        f"intensity_{s}": 0.1 + 0.004 * row + draw.normal(0, 0.006, len(wells)) for s in STAINS
    }
    role = np.where(
        wells["Metadata_Control"], np.where(row % 3, "calibrate", "evaluate"), "treated"
    )
    fold = wells["Metadata_Plate"].astype("category").cat.codes.astype("int64")
    extra = {"role": role, "fold": fold, "n_images": 4}
    return wells.assign(Metadata_CellCount=count, **extra, **stains)


def _activity(screen: Screen) -> pd.DataFrame:
    return pd.concat(
        [_activity_of(screen, number, name) for number, name in enumerate(REPRESENTATIONS)]
    ).sort_values(["representation", "Metadata_Treatment"])


def _activity_of(screen: Screen, number: int, name: str) -> pd.DataFrame:
    draw = screen.random(10 + number)
    score = np.clip(
        0.12 + screen.strength() * (0.9 - 0.2 * number) + draw.normal(0, 0.05, screen.treatments),
        0.03,
        1,
    )
    p = np.clip(10 ** (-4.6 * (score - 0.1)), 1e-4, 1)
    q = np.minimum(p * len(p) / pd.Series(p).rank(method="max").to_numpy(), 1)
    ratio = np.where(np.isin(np.arange(screen.treatments), [1, 2]), 0.41, 0.98)
    return screen.annotation().assign(
        representation=name, n=4, n_references=16, map=score, map_chance=0.2,
        map_normalized=(score - 0.2) / 0.8, low=score - 0.08, high=np.minimum(score + 0.08, 1),
        p=p, q=q, p_attainable=1e-4, active=q < 0.05, cell_count_ratio=ratio,
        cell_count_p=np.where(ratio < 0.5, 1e-4, 0.6), note="", space=SPACE,
    )  # fmt: skip


def _results(screen: Screen) -> pd.DataFrame:
    draw = screen.random(20)
    names = REPRESENTATIONS + [f"baseline:{name}" for name in BASELINES]
    rows = []
    for number, name in enumerate(names):
        level = 0.72 - 0.1 * number if number < 3 else 0.05 + 0.03 * (number - 3)
        rows += _scores_of(name, level, draw)
    return pd.DataFrame(rows).sort_values(
        ["representation", "task", "metric", "split", "unit", "fold"]
    )


def _scores_of(name: str, level: float, draw: np.random.Generator) -> Iterator[dict]:
    asked = [
        ("classification", "accuracy", "leave-plate-out", "well"),
        ("classification", "balanced_accuracy", "leave-plate-out", "well"),
        ("classification", "top5_accuracy", "leave-plate-out", "well"),
        ("classification", "macro_f1", "leave-plate-out", "well"),
        ("classification", "train_accuracy", "leave-plate-out", "well"),
        ("nearest-neighbour", "accuracy", "leave-plate-out", "well"),
        ("activity", "fraction_active", "none", "treatment"),
        ("activity", "mean_map", "none", "treatment"),
        ("silhouette", "silhouette", "none", "well"),
        ("clustering", "adjusted_rand", "none", "treatment"),
        ("matching", "fraction_matched", "none", "label"),
        ("matching", "nsc_accuracy", "none", "treatment"),
    ]
    asked += [
        ("retrieval", f"{metric}_{place}", "none", "treatment")
        for metric in ("map_normalized", "map_across_normalized", "nearest_across", "drop")
        for place in PLACES
    ]
    for task, metric, split, unit in asked:
        if name == "baseline:majority" and task not in ("classification", "activity"):
            continue
        if name.startswith("baseline:") and task in ("matching", "retrieval"):
            continue
        space = IN_FOLDS if task in ("classification", "nearest-neighbour") else SPACE
        value = np.clip(level + draw.normal(0, 0.02), -1, 1)
        folds = ["all", "0", "1"] if task == "classification" else ["all"]
        for fold in folds:
            yield {
                "representation": name, "task": task, "metric": metric, "split": split,
                "unit": unit, "fold": fold, "value": value, "low": value - 0.06,
                "high": value + 0.06, "n": 384,
                "space": OWN.get(name, space),
            }  # fmt: skip


def _comparisons(screen: Screen) -> pd.DataFrame:
    pairs = [("cellprofiler", "pixel-pca"), ("cellprofiler", "cnn"), ("cnn", "pixel-pca")]
    rows = [
        {
            "task": "activity", "metric": "map", "a": a, "b": b, "unit": "treatment",
            "n": screen.treatments, "value_a": 0.6, "value_b": 0.6 - gap, "difference": gap,
            "low": gap - 0.05, "high": gap + 0.05, "p": p, "p_holm": min(3 * p, 1),
            "smallest_detectable": 0.07, "won": 14, "lost": 8, "space_a": SPACE, "space_b": SPACE,
        }
        for (a, b), gap, p in zip(pairs, [0.1, 0.15, 0.02], [0.001, 0.0005, 0.4], strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _steps(wells: pd.DataFrame) -> pd.DataFrame:
    """Each representation scaled, selected and whitened."""
    taken = [
        ("scaled", "method = mad", 600, 600, 812.0, 0.67, 0.41, 0.02),
        ("selected", "", 600, 240, 0.67, 0.66, 0.02, 0.03),
        ("whitened", "whitening = sphering", 240, 240, 0.66, 0.71, 0.03, np.nan),
    ]
    names = [
        "step", "settings", "columns_before", "columns_after", "magnitude_before",
        "magnitude_after", "plate_share_before", "plate_share_after",
    ]  # fmt: skip
    steps = pd.DataFrame(taken, columns=names).assign(
        number=[1, 2, 3], rows_before=len(wells), rows_after=len(wells), controls=16, held_out=True
    )
    steps.loc[0, "rows_before"] = len(wells) + 2
    return pd.concat([steps.assign(representation=name) for name in REPRESENTATIONS])


def _latent(screen: Screen, number: int) -> np.ndarray:
    draw = screen.random(30 + number)
    centre = {name: draw.normal(0, 1, 40) for name in MECHANISMS}
    noise = draw.normal(0, 0.45, (screen.treatments, 40))
    signal = [np.zeros(40) if m is None else centre[m] for m in screen.mechanisms()]
    return np.array(signal) * screen.strength()[:, None] + noise


def _consensus(screen: Screen, number: int) -> pd.DataFrame:
    values = _latent(screen, number).astype(np.float32)
    frame = pd.DataFrame(values, columns=[f"feature__all__{i:04d}" for i in range(40)])
    return pd.concat([screen.annotation(), frame], axis=1)


def _similarity(screen: Screen) -> pd.DataFrame:
    tables = [_similarity_of(screen, i, name) for i, name in enumerate(REPRESENTATIONS)]
    return pd.concat(tables, ignore_index=True)


def _similarity_of(screen: Screen, number: int, name: str) -> pd.DataFrame:
    values = _latent(screen, number)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -2)
    nearest = np.argsort(-cosine, axis=1)[:, :10]
    names, mechanisms = np.array(screen.names()), np.array(screen.mechanisms(), dtype=object)
    query = np.repeat(np.arange(len(names)), nearest.shape[1])
    other = nearest.ravel()
    known = np.array([m is not None for m in mechanisms])
    same = pd.array(mechanisms[query] == mechanisms[other], dtype="boolean")
    same[~(known[query] & known[other])] = pd.NA
    return pd.DataFrame(
        {
            "representation": name,
            "Metadata_Treatment": names[query],
            "neighbour": names[other],
            "rank": np.tile(np.arange(1, nearest.shape[1] + 1), len(names)),
            "cosine": cosine[query, other],
            "same_mechanism": same,
            "space": SPACE,
        }
    )


def _clusters(screen: Screen) -> pd.DataFrame:
    tables = []
    for name in REPRESENTATIONS:
        for method, count in {"kmeans-10": 10, "leiden": 7}.items():
            code = [
                count - 1 if m is None else MECHANISMS.index(m) % count for m in screen.mechanisms()
            ]
            tables.append(
                screen.annotation()[["Metadata_Treatment", "Metadata_Mechanism"]].assign(
                    representation=name,
                    method=method,
                    active=screen.strength() > 0,
                    cluster=code,
                    space=SPACE,
                )
            )
    return pd.concat(tables, ignore_index=True)


def _umap(screen: Screen, wells: pd.DataFrame) -> pd.DataFrame:
    draw = screen.random(40)
    codes = pd.factorize(wells["Metadata_Mechanism"])[0]
    angle = codes / (codes.max() + 1) * 2 * np.pi
    radius = np.where(codes < 0, 0.0, 5.0)
    columns = [
        "Metadata_Plate", "Metadata_Well", "Metadata_Treatment", "Metadata_Mechanism",
        "Metadata_Control",
    ]  # fmt: skip
    points = wells[columns].assign(
        x=radius * np.cos(angle) + draw.normal(0, 1, len(wells)),
        y=radius * np.sin(angle) + draw.normal(0, 1, len(wells)),
    )
    points = points.assign(space=SPACE)
    return pd.concat([points.assign(representation=name) for name in REPRESENTATIONS])


def _features(screen: Screen) -> pd.DataFrame:
    draw = screen.random(50)
    kinds = [
        (f"{place}_{family}_{measure}" + (f"_{stain}" if stain else ""), place, family, stain)
        for place in ("Nuclei", "Cells", "Cytoplasm")
        for family in FAMILIES
        for stain in ([None] if family == "AreaShape" else STAINS)
        for measure in ("Mean", "Spread")
    ]
    base = pd.DataFrame(kinds, columns=["feature", "compartment", "family", "channel"])
    tables = []
    for name, strength in zip(screen.names(), screen.strength(), strict=True):
        effect = draw.normal(0, 1, len(base)) * (0.5 + 4 * strength)
        order = np.argsort(np.argsort(-np.abs(effect))) + 1
        tables.append(base.assign(Metadata_Treatment=name, effect=effect, rank=order))
    return pd.concat(tables, ignore_index=True).assign(
        representation="cellprofiler", space="normalized"
    )


def _assay(screen: Screen) -> pd.DataFrame:
    rows = []
    for plate in _plates(screen):
        for metric, value in {"replicate_correlation": 0.55, "cell_count_cv": 0.12}.items():
            low = plate == 2 and metric == "replicate_correlation"
            value = 0.12 if low else value + 0.01 * plate
            rows.append(
                {
                    "representation": "cellprofiler", "Metadata_Plate": f"BR{plate + 1:03d}",
                    "metric": metric, "value": value, "low": value - 0.05, "high": value + 0.05,
                    "n": 24, "flag": "cell-count-varies" if low else "",
                    "space": SPACE,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _matching(screen: Screen) -> pd.DataFrame:
    """Mechanisms by each representation; the first half is found."""
    rows = pd.DataFrame({"label": sorted(MECHANISMS), "n": 3, "map": 0.6, "p_attainable": 1e-4})
    score = np.linspace(0.9, -0.1, len(rows))
    p = np.where(score > 0.4, 1e-4, 0.6)
    rows = rows.assign(map_normalized=score, p=p, q=np.minimum(2 * p, 1), space=SPACE)
    return pd.concat([rows.assign(representation=name) for name in REPRESENTATIONS])


def _retrieval(screen: Screen) -> pd.DataFrame:
    """Retrieval of every treatment, with matches of another place falling by a tenth."""
    score = 0.1 + 0.8 * screen.strength()
    rows = screen.annotation()[["Metadata_Treatment"]].assign(
        n=8, map=score, map_normalized=score, map_across=score - 0.1,
        map_across_normalized=score - 0.1, nearest=score, nearest_across=score - 0.1, drop=0.1,
        space=SPACE,
    )  # fmt: skip
    parts = [
        rows.assign(across=place, representation=name)
        for name in REPRESENTATIONS
        for place in PLACES.values()
    ]
    return pd.concat(parts, ignore_index=True)


def _dose(screen: Screen) -> pd.DataFrame:
    """Four compounds: active before cells are lost, without loss, after it, and never."""
    rows = pd.DataFrame(
        {
            "Metadata_Compound": ["cpd-001", "cpd-002", "cpd-003", "cpd-004"],
            "n": 12, "doses": 4, "distance_top": [9.0, 5.0, 6.0, 1.2],
            "benchmark_dose": [0.3, 2.0, 3.0, np.inf], "low": [0.2, 1.0, 2.0, 5.0],
            "high": [0.5, np.inf, 4.0, np.inf], "rho": [0.9, 0.7, 0.8, 0.1],
            "p": [0.0005, 0.004, 0.001, 0.4], "q": [0.002, 0.005, 0.002, 0.4],
            "cell_loss_dose": [1.0, np.nan, 0.5, np.nan],
            "order": ["activity first", "no cell loss", "cells first", "inactive"], "space": SPACE,
        }
    )  # fmt: skip
    return pd.concat([rows.assign(representation=name) for name in REPRESENTATIONS])


def _hits(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    lead = tables["activity"].query("representation == 'cellprofiler'").sort_values("map")[::-1]
    near = tables["similarity"].query("representation == 'cellprofiler' and rank <= 3")
    texts = near["neighbour"] + " (" + near["cosine"].round(2).astype(str) + ")"
    similar = texts.groupby(near["Metadata_Treatment"]).agg("; ".join)
    moved = (
        tables["features"]
        .query("rank <= 5")
        .groupby("Metadata_Treatment")["feature"]
        .agg("; ".join)
    )
    name = lead["Metadata_Treatment"]
    return pd.DataFrame(
        {
            "treatment": name, "compound": lead["Metadata_Compound"], "concentration": 5.0,
            "mechanism": lead["Metadata_Mechanism"], "wells": lead["n"], "active": lead["active"],
            "map": lead["map"], "map_low": lead["low"], "map_high": lead["high"], "q": lead["q"],
            "cell_count_ratio": lead["cell_count_ratio"], "most_similar": name.map(similar),
            "features_changed": name.map(moved),
            "doubts": np.where(lead["cell_count_ratio"] < 0.7, "few-cells-left", ""),
            "space": SPACE,
        }
    )  # fmt: skip


def _documents(folder: Path) -> None:
    for path in sorted((Path(__file__).parent / "documents").iterdir()):
        shutil.copy(path, folder / path.name)


def _exemplars(folder: Path, screen: Screen) -> None:
    draw = screen.random(60)
    names = screen.names()[:4]
    keys = [
        (n, role, p) for n in names for p in ("BR001", "BR002") for role in ("treated", "control")
    ]
    table = pd.DataFrame(keys, columns=["Metadata_Treatment", "role", "Metadata_Plate"])
    table = table.assign(Metadata_Well="B07", Metadata_Site="1", Metadata_ObjectNumber=None)
    write_table(folder, "exemplars.parquet", table.assign(position=np.arange(len(table))))
    pixels = np.stack([_picture(draw, 1 + (role == "control")) for _, role, _ in keys])
    np.savez(folder / "exemplars.npz", pixels=pixels, channels=np.array(STAINS), pixel_size_um=0.65)


def _fields_without_cells(folder: Path, screen: Screen) -> None:
    """Three fields in which next to no nucleus was found."""
    pixels = screen.random(65).integers(0, 256, (3, 48, 64)).astype(np.uint8)
    names = np.array([f"BR001/A0{number}/1" for number in (1, 2, 3)])
    np.savez(
        folder / "segmentation.npz", pixels=pixels, names=names, cells=np.array([0, 0, 2]),
        shrunk=np.full(3, 0.25), expected=40.0, stain="DNA",
    )  # fmt: skip


def _feature_groups(screen: Screen, *, clusters: bool = False) -> pd.DataFrame:
    """Two groups a treatment (or cluster): nuclei larger, the pattern of Mito changed."""
    groups = pd.DataFrame(
        {
            "compartment": ["Nuclei", "Cells"], "family": ["AreaShape", "RadialDistribution"],
            "stain": ["none", "Mito"], "property": ["size", "pattern"], "change": [3.1, 2.0],
            "effect": [3.1, np.nan], "low": [2.0, np.nan], "high": [4.2, np.nan],
            "rank": [1, 2], "direction": ["more", "changed"], "n": 4,
        }
    )  # fmt: skip
    groups = groups.assign(representation="cellprofiler", space="normalized")
    if clusters:
        return pd.concat([groups.assign(pool=number, called=1.0) for number in (1, 2)])
    more = {"features": 5, "directed": [5, 0] * len(screen.names()), "p": 0.001,
            "p_adjusted": 0.01, "p_attainable": 0.001, "plates": 2, "n_references": 16,
            "note": ""}  # fmt: skip
    parts = [groups.assign(Metadata_Treatment=name) for name in screen.names()]
    return pd.concat(parts, ignore_index=True).assign(**more)


def _places(folder: Path, screen: Screen) -> None:
    """Where a network looked by compartment and stain, and that features agree in part."""
    names = screen.names()[:2]
    looked = pd.DataFrame(
        {
            "Metadata_Treatment": np.repeat(names, 2), "compartment": ["nucleus", "edge"] * 2,
            "stain": ["DNA", "Mito"] * 2, "mass": 0.2, "area": 0.1,
            "enrichment": [2.0, 1.5] * 2, "low": 1.2, "high": [2.8, 1.8] * 2,
            "difference": 0.5, "p": 0.01, "p_adjusted": 0.03, "rank": [1, 2] * 2, "n_wells": 4,
        }
    )  # fmt: skip
    write_table(folder, "activation_compartments.parquet", looked)
    right = looked.iloc[:2][["compartment", "stain", "difference", "p", "n_wells"]]
    right = right.assign(correct=2.0, wrong=1.5, p_holm=0.02)
    write_table(folder, "activation_compartments_correct.parquet", right)
    agreed = pd.DataFrame(
        {
            "Metadata_Treatment": names, "network_compartment": "nucleus",
            "network_stain": "DNA", "features_compartment": "Nuclei", "features_stain": "none",
            "features_property": "size", "features_direction": "more",
            "same_compartment": pd.array([True, True], dtype="boolean"),
            "same_stain": pd.array([None, None], dtype="boolean"),
        }
    )  # fmt: skip
    write_table(folder, "agreement.parquet", agreed)
    told = {"n": 2, "agree": 2.0, "expected": 2.0, "p": 1.0}
    nothing = {"n": 0, "agree": 0.0, "expected": None, "p": None}
    summary = {"network": "cnn", "features": "cellprofiler", "compartment": told}
    (folder / "agreement.json").write_text(json.dumps(summary | {"stain": nothing}))


def _networks(folder: Path, screen: Screen) -> None:
    """Training curves, the maps of one network and its measures by treatment."""
    keys = [(fold, epoch) for fold in ("0", "1", "all") for epoch in (1, 2, 3)]
    curve = pd.DataFrame(keys, columns=["fold", "epoch"]).assign(representation="cnn")
    curve = curve.assign(train_loss=1 / curve["epoch"], validation_loss=1.2 / curve["epoch"])
    write_table(folder, "curves/cnn.parquet", curve)
    name = screen.names()[0]
    shown = pd.DataFrame({"role": ["treated", "control"], "position": [0, 1], "correct": True})
    where = {"Metadata_Plate": "BR001", "Metadata_Well": "B07", "target": name, "fold": "0"}
    shown = shown.assign(shown_for=name, Metadata_Treatment=name, **where)
    write_table(folder, "attention.parquet", shown)
    draw = screen.random(70)
    pixels = np.stack([_picture(draw, number)[:, ::2, ::2] for number in (1, 2)])
    maps = draw.integers(0, 256, (2, 48, 48)).astype(np.uint8)
    np.savez(folder / "attention.npz", pixels=pixels, maps=maps, channels=np.array(STAINS))
    measures = ["area_0.5_image", "area_0.8_image", "intensity_image", "enrichment_nucleus"]
    treated = pd.DataFrame({"measure": measures, "mean": [0.31, 0.12, 0.44, 2.5], "sd": 0.05})
    treated = treated.assign(Metadata_Treatment=name, n_wells=4, n_images=16, n_zero=0)
    write_table(folder, "activation_treatments.parquet", treated)
    _places(folder, screen)


def _published(folder: Path, screen: Screen, wells: pd.DataFrame) -> None:
    """Tables that published studies print, and reconstructions of three images."""
    draw, known = screen.random(80), wells[["Metadata_Plate", "Metadata_Well"]]
    scores = pd.DataFrame({"representation": REPRESENTATIONS, "silhouette_clusters": 0.5})
    scores = scores.assign(
        silhouette=-0.02, silhouette_low=-0.04, silhouette_high=0.01, silhouette_null=-0.08,
        map=0.6, map_low=0.5, map_high=0.7, map_chance=0.2, map_normalized=0.5, map_all=0.3,
        map_all_chance=0.25, space=SPACE,
    )  # fmt: skip
    clusters = [
        known.assign(representation=name, part=0, cluster=np.arange(len(known)) % 10 + 1)
        for name in REPRESENTATIONS
    ]
    looked = _looked(wells, draw)
    tables = {
        "embedding_scores": scores,
        "well_clusters": pd.concat(clusters, ignore_index=True),
        "activation": looked,
        "activation_wells": activation_wells(looked),
        "activation_summary": activation_summary(activation_wells(looked)),
        "fusion_classes": pd.DataFrame(
            {
                "task": "classification", "fusion": "cnn+cellprofiler", "block": "cellprofiler",
                "Metadata_Treatment": screen.names()[:3], "n": 4, "right_fusion": [3, 1, 2],
                "right_block": [1, 3, 2], "gained": [2, 0, 1], "lost": [0, 2, 1],
            }
        ),
    }  # fmt: skip
    for name, table in tables.items():
        write_table(folder, f"{name}.parquet", table)
    _rebuilt(folder, draw)


def _looked(wells: pd.DataFrame, draw: np.random.Generator) -> pd.DataFrame:
    """Measures of two images a well, one named right and one named wrong."""
    columns = ["Metadata_Plate", "Metadata_Well", "Metadata_Treatment", "Metadata_Control"]
    images = pd.concat(
        wells[columns].assign(correct=right, Metadata_Site=site)
        for right, site in ((True, "1"), (False, "2"))
    )
    images = images.assign(zero_map=False)
    measures = ["area_0.5_image", "area_0.8_image", "intensity_image"]
    return images.assign(**{name: draw.uniform(0, 0.5, len(images)) for name in measures})


def _rebuilt(folder: Path, draw: np.random.Generator) -> None:
    rows = pd.DataFrame({"Metadata_Well": ["B07", "B08", "B09", "B10"], "fold": "0"})
    position = pd.array([2, 0, 1, pd.NA], dtype="Int64")
    rows = rows.assign(Metadata_Plate="BR001", Metadata_Treatment="DMSO", position=position)
    write_table(folder, "reconstructions.parquet", rows)
    pixels = np.stack([_picture(draw, number)[:, ::2, ::2] for number in (1, 2, 3)])
    arrays = {"pixels": pixels, "reconstructions": pixels // 2, "channels": np.array(STAINS)}
    np.savez(folder / "reconstructions.npz", **arrays)
    shown = np.random.default_rng(68).integers(0, 256, (3, 4, len(STAINS), 16, 16)).astype(np.uint8)
    np.savez(folder / "augmented.npz", images_cnn=shown, channels=np.array(STAINS))
    np.savez(
        folder / "traversals.npz",
        images=np.stack([pixels, pixels // 2]),
        change=np.zeros((2, *pixels.shape[1:]), np.float32) + 0.1,
        shares=np.array([0.0, 1.0, 1.5]),
        separation=np.array([2.5, 0.4]),
        treatments=np.array(["compound-1", "compound-2"]),
        channels=np.array(STAINS),
    )


def _picture(draw: np.random.Generator, cells: int) -> np.ndarray:
    y, x = np.mgrid[:96, :96]
    image = np.zeros((5, 96, 96))
    for _ in range(6 * cells):
        cy, cx = draw.uniform(10, 86, 2)
        distance = np.hypot(y - cy, x - cx)
        for channel, size in enumerate([5, 9, 7, 11, 9]):
            image[channel] += 200 * np.exp(-((distance / size) ** 2))
    return np.clip(image + draw.normal(12, 4, image.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def make_study(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a made-up study folder of the given kind."""

    def make(**kind: object) -> Path:
        return write_study(tmp_path_factory.mktemp("study"), Screen(**kind))

    return make


@pytest.fixture(scope="session")
def study(make_study: Callable[..., Path]) -> Path:
    """The usual made-up study; tests must not change it."""
    return make_study()


@pytest.fixture(scope="session")
def tables(study: Path) -> Tables:
    return Tables(study)
