"""The plate without effects, exported as a notebook would, and what the audit says of it."""

from __future__ import annotations

import tomllib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import tomli_w
from seed_plate import Fields, Size, layout
from seed_scores import CLUSTERS, dealt, raw_columns

from phenolens.audit.basis import AuditFinding
from phenolens.profiles import KEY, TREATMENT
from phenolens.published.audits import audit_tables
from phenolens.study.auditing import audit_lines

RECIPE = Path(__file__).resolve().parents[1] / "docs" / "recipes" / "seed-study"
# The eight findings about the published study, by the codes that must name each.
EIGHT = {
    1: ("majority-class",),
    2: ("class-is-one-well", "split-shares-wells"),
    3: ("label-order",),
    4: ("unscaled-blocks",),
    5: ("clusters-as-labels",),
    6: ("augmentation-off", "test-rows-in-training"),
    7: ("grey-input",),
    8: ("quantile-threshold", "coarse-attribution", "well-not-unit"),
}


def rows_table(keys: pd.DataFrame) -> pd.DataFrame:
    """Fields with their label and side, as the published study dealt them."""
    side = np.where(dealt(keys[TREATMENT]) == 0, "test", "train")
    return keys[[*KEY[:3], TREATMENT]].rename(columns={TREATMENT: "label"}).assign(fold=side)


def write_rows(path: Path) -> None:
    """The rows of the ready example: the study's counts in a drawn layout."""
    rows = rows_table(layout(Size())[1])
    rows.assign(Metadata_Plate="plate-1").to_csv(path, index=False, lineterminator="\n")


def export(plate: Fields, found: dict, maps: dict[str, np.ndarray], folder: Path) -> None:
    """Rows, embeddings and areas with every mistake made, and a design that declares the rest."""
    keys, embedding = plate.keys[list(KEY[:3])], plate.embedding.reset_index(drop=True)
    raw = raw_columns(plate.stains).reset_index(drop=True)
    flat = pd.DataFrame(maps["umap"], columns=["x", "y"])
    tables = {
        "rows": rows_table(plate.keys),
        "embeddings_features": pd.concat([keys, embedding], axis=1),
        "embeddings_fused": pd.concat([keys, embedding, raw], axis=1),
        "embeddings_umap": pd.concat([keys, flat], axis=1),
        "attribution": keys.assign(area_fraction=found["8"]["maps"]["quantile_mean"]),
    }
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet")
    order = np.random.default_rng(1).permutation(len(keys))
    np.save(folder / "embeddings_shuffled.npy", embedding.to_numpy()[order])
    design = declaration(found, width=embedding.shape[1])
    (folder / "design.toml").write_text(tomli_w.dumps(design), encoding="utf-8")


def declaration(found: dict, *, width: int) -> dict:
    """The published study's declaration with this plate's representations and scores."""
    design = tomllib.loads((RECIPE / "design.toml").read_text(encoding="utf-8"))
    design["representations"] = [
        {"name": "features", "trained_on": "train", "supervised": False},
        {"name": "fused", "trained_on": "train", "blocks": {"features": width, "raw": 3}},
        {"name": "shuffled", "trained_on": "all", "supervised": False},
    ]
    null = found["3"]["null"]
    values = {
        ("features", "accuracy"): found["1"]["features"]["accuracy"],
        ("features", "map"): null["right_order"],
        ("shuffled", "map"): null["shuffled"],
        ("umap", "silhouette"): found["5"]["umap_kmeans"],
    }
    design["scores"] = [
        {"representation": name, "metric": metric, "value": float(value),
         **({"k": CLUSTERS} if metric == "silhouette" else {})}
        for (name, metric), value in values.items()
    ]  # fmt: skip
    return design


def lines(findings: list[AuditFinding]) -> dict[str, list[str]]:
    """The lines that `phenolens audit` prints for each of the eight, the gravest of each code."""
    said: dict[str, list[str]] = {}
    for number, codes in EIGHT.items():
        grave = [f for f in findings if f.severity in ("error", "warning")]
        worst = [next((f for f in grave if f.code == code), None) for code in codes]
        said[str(number)] = [next(iter(audit_lines([f]))) for f in worst if f is not None]
    return said


def missing(findings: list[AuditFinding]) -> set[str]:
    """Codes of the eight that are neither error nor warning."""
    grave = {asdict(f)["code"] for f in findings if f.severity in ("error", "warning")}
    return {code for codes in EIGHT.values() for code in codes} - grave


def audited(folder: Path) -> dict[str, list[str]]:
    """Audit a folder of exported tables."""
    return lines(audit_tables(folder))
