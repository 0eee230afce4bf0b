"""Classifying 2,867 wells x 1,000 features, 250 classes, 5 folds, all baselines: under a minute.

Prints one line of JSON: wall and CPU seconds in all, wall seconds by part, pooled accuracies, and
the tuned readout against scikit-learn's LogisticRegressionCV on one fold (same penalties, same
three inner folds, in turn, median of three; held-out accuracy of both).
"""

from __future__ import annotations

import json
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegressionCV
from threadpoolctl import threadpool_limits

from phenolens.evaluate.classification.baselines import baselines, chance, shuffled
from phenolens.evaluate.classification.classification import Candidate, classify
from phenolens.learn.components import Components
from phenolens.learn.logistic import PENALTIES, LogisticPath
from phenolens.profiles import column, from_frame, metadata
from phenolens.splits import Folds, make_folds

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


def peer(table: pd.DataFrame, folds: Folds) -> dict:
    """Our tuned logistic regression and scikit-learn's on the first fold's components."""
    _, train, test = next(folds.iterate(table))
    labels = column(table, "Metadata_Treatment").astype(str)
    reduced = Components(standardize=True).fit(table.iloc[train]).transform(table)
    values = LogisticPath().fit(reduced.iloc[train], labels[train])._scaled(reduced.to_numpy())
    strengths = [1 / (penalty * len(train) * 2 / 3) for penalty in PENALTIES]
    makers = {
        "ours": LogisticPath,
        "sklearn": lambda: LogisticRegressionCV(
            Cs=strengths, cv=3, scoring="neg_log_loss", max_iter=100, l1_ratios=(0,)
        ),
    }
    seconds, score = {name: [] for name in makers}, {}
    for _ in range(3):
        for name, make in makers.items():
            start = time.perf_counter()
            with threadpool_limits(limits=1), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = make().fit(values[train], labels[train])
            seconds[name].append(time.perf_counter() - start)
            score[name] = float((model.predict(values[test]) == labels[test]).mean())
    middle = {name: round(float(np.median(values)), 2) for name, values in seconds.items()}
    ratio = round(middle["sklearn"] / middle["ours"], 1)
    return {"seconds": middle, "ratio": ratio, "accuracy": score}


def main() -> None:
    table = screen()
    folds = make_folds(metadata(table), label="Metadata_Treatment", seed=0, leave_out="well")
    ours = Candidate("features", table, Components(n_components=0.95, standardize=True))
    seconds, scores, cpu = {}, {}, time.process_time()
    for candidate in [ours, shuffled(ours), *baselines(table, seed=0)]:
        start = time.perf_counter()
        results = classify([candidate], folds, seed=0).results
        seconds[candidate.name] = round(time.perf_counter() - start, 2)
        pooled = results[(results["fold"] == "all") & (results["metric"] == "accuracy")]
        scores |= {f"{candidate.name} / {r.task}": round(r.value, 4) for r in pooled.itertuples()}
    scores["1/C"] = chance(table, folds)["value"].iloc[0]
    total = {"wall": round(sum(seconds.values()), 2), "cpu": round(time.process_time() - cpu, 2)}
    told = {"total_seconds": total, "seconds": seconds, "accuracy": scores}
    print(json.dumps(told | {"readout_on_one_fold": peer(table, folds)}))


if __name__ == "__main__":
    main()
