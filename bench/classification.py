"""Classifying 2,867 wells x 1,000 features, 250 classes, 5 folds, all baselines: under a minute.

Prints one line of JSON: seconds in all and by part, and the pooled accuracies. The peer is
scikit-learn's own search over the penalty on one fold, to scale.
"""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from phenolens.evaluate.baselines import baselines, chance, shuffled
from phenolens.evaluate.classification import Candidate, classify
from phenolens.profiles import from_frame, metadata
from phenolens.splits import make_folds

WELLS, FEATURES, CLASSES, LATENT = 2867, 1000, 250, 120


def screen(seed: int = 0) -> pd.DataFrame:
    """Wells on eight plates with correlated features (decaying spectrum), and a fifth controls."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(WELLS) < 0.2, 0, rng.permutation(WELLS) % (CLASSES - 1) + 1)
    loadings = rng.normal(size=(LATENT, FEATURES)) * (np.arange(1, LATENT + 1) ** -0.5)[:, None]
    effects = rng.normal(size=(CLASSES, LATENT)) * rng.gamma(1.0, 0.5, size=(CLASSES, 1))
    values = (rng.normal(size=(WELLS, LATENT)) + effects[labels]) @ loadings
    values += 0.5 * rng.normal(size=values.shape)
    names = [f"Cells_Intensity_MeanIntensity_{i}" for i in range(5)]
    names += [f"Cells_Texture_{i}" for i in range(FEATURES - 5)]
    frame = pd.DataFrame(values, columns=names)
    where = np.arange(WELLS)
    frame["Metadata_Plate"] = [f"P{i // 384}" for i in where]
    frame["Metadata_Well"] = [f"{chr(65 + i % 384 // 24)}{i % 24 + 1:02d}" for i in where]
    frame["Metadata_Treatment"] = [f"t{i:03d}" for i in labels]
    frame["Metadata_Control"] = labels == 0
    frame["Metadata_CellCount"] = rng.poisson(200, size=WELLS)
    return from_frame(frame)


def main() -> None:
    table = screen()
    folds = make_folds(metadata(table), label="Metadata_Treatment", seed=0, leave_out="well")
    pca = make_pipeline(StandardScaler(), PCA(0.95, svd_solver="covariance_eigh"))
    ours = Candidate("features", table, pca)
    seconds, scores = {}, {}
    for candidate in [ours, shuffled(ours), *baselines(table, seed=0)]:
        start = time.perf_counter()
        results = classify([candidate], folds, seed=0).results
        seconds[candidate.name] = round(time.perf_counter() - start, 2)
        pooled = results[(results["fold"] == "all") & (results["metric"] == "accuracy")]
        scores |= {f"{candidate.name} / {r.task}": round(r.value, 4) for r in pooled.itertuples()}
    scores["1/C"] = chance(folds)["value"].iloc[0]
    total = round(sum(seconds.values()), 2)
    print(json.dumps({"total_seconds": total, "seconds": seconds, "accuracy": scores}))


if __name__ == "__main__":
    main()
