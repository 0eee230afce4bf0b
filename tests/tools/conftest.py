"""A small made-up result of each question."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from phenolens import words
from phenolens.evaluate.results import result as row
from phenolens.evaluate.results import result_table
from phenolens.findings import Finding, Severity
from phenolens.tools.result import Result


@words.wording("as-told")
def _(*, text: str, **_: object) -> str:
    return text


def told(severity: Severity, text: str, **values: object) -> Finding:
    """A finding that says what it is told to."""
    return Finding("as-told", severity, {}, {"text": text} | values)


def activity() -> Result:
    score = np.array([0.9, 0.8, 0.5, 0.3, 0.2, 0.1])
    p = np.array([2e-4, 4e-4, 0.01, 0.2, 0.5, 0.9])
    table = pd.DataFrame({"Metadata_Treatment": list("abcdef"), "n": 4, "map": score})
    table = table.assign(
        map_normalized=(score - 0.2) / 0.8, map_chance=0.2, low=score - 0.1, high=score + 0.1,
        p=p, q=p * 1.5, p_attainable=2e-4, active=p * 1.5 < 0.05, note="",
        test="label-permutation", n_references=16, cell_count_ratio=[1, 0.4, 1, 1, 0.3, np.nan],
        cell_count_p=0.5,
    )  # fmt: skip
    summary = {
        "perturbations": 6, "alpha": 0.05, "fraction_retrieved": 0.5,
        "fraction_retrieved_low": 0.1876, "fraction_retrieved_high": 0.8124,
        "mean_map": np.float64(7 / 15), "can_reject": np.bool_(True),
        "excluded": {"no replicate": 2, "controls": {}},
        "nearest_neighbour": {"value": 0.25, "low": 0.1, "high": np.nan},
    }  # fmt: skip
    findings = (
        told("info", "Labels were permuted within plates."),
        told("warning", "Plate P3 has 4 control wells.", n=np.int64(4)),
        told("error", "No plate holds <b>replicates</b>."),
    )
    settings = {"alpha": 0.05, "seed": 0, "same_by": ["Metadata_Treatment"], "within": None}
    return Result("activity", table, summary, findings, settings)


def match() -> Result:
    table = pd.DataFrame(
        {
            "label": ["HDAC", "mTOR", "EGFR"], "n": [5, 3, 6], "map": [0.7, 0.3, 0.1],
            "map_normalized": [0.67, 0.25, -0.03], "p": [5e-4, 0.04, 0.8], "p_attainable": 1e-4,
            "q": [0.0015, 0.06, 0.8],
        }
    )  # fmt: skip
    return Result("match", table, {"labels": 3})


def dose() -> Result:
    table = pd.DataFrame(
        {
            "Metadata_Compound": ["taxol", "stauro", "inert"], "n": 18, "doses": 6,
            "distance_top": [12.0, 8.0, 1.0], "benchmark_dose": [0.012, 1.2, np.inf],
            "low": [0.003, 0.5, np.inf], "high": [0.02, np.inf, np.inf], "rho": [0.9, 0.8, 0.1],
            "p": [0.001, 0.001, 0.6], "q": [0.0015, 0.0015, 0.6],
            "cell_loss_dose": [0.2, np.nan, np.nan],
            "order": ["activity first", "no cell loss", "inactive"],
        }
    )  # fmt: skip
    return Result("dose", table, {"excluded": {"compounds with fewer than three doses": 1}})


def retrieve() -> Result:
    every, across = np.array([0.9, 0.6, 0.3]), np.array([0.4, 0.55, 0.35])
    table = pd.DataFrame({"Metadata_Treatment": list("abc"), "n": 4, "map": every})
    table = table.assign(
        map_across=across, map_normalized=every, map_across_normalized=across, nearest=0.5,
        nearest_across=0.4, drop=every - across, across="Metadata_Plate",
    )  # fmt: skip
    return Result("retrieve", table, {"across": "Metadata_Plate"})


def compare() -> Result:
    table = pd.DataFrame(
        {
            "task": "activity", "metric": "map_normalized", "a": ["cellprofiler", "cnn"],
            "b": ["cnn", "pixel-pca"], "n": 40, "difference": [0.1, 0.01], "low": [0.05, -0.04],
            "high": [0.15, 0.06], "p": [0.001, 0.6], "p_holm": [0.002, 0.6],
            "smallest_detectable": [0.06, 0.07],
        }
    )  # fmt: skip
    return Result("compare", table, {})


def classify() -> Result:
    rows = []
    for name, level in {
        "profiles": 0.6,
        "baseline:majority": 0.05,
        "baseline:position": 0.2,
    }.items():
        for metric in ("accuracy", "balanced_accuracy", "train_accuracy"):
            known = {"split": "leave-plate-out", "n": 384, "value": level}
            limits = (level - 0.05, level + 0.05)
            rows.append(row(name, "classification", metric, interval=limits, **known))
            rows.append(row(name, "classification", metric, fold=0, **known))
    wells = {"Metadata_Plate": ["P1", "P1"], "Metadata_Well": ["A01", "A02"]}
    predictions = pd.DataFrame(wells | {"predicted": ["a", "b"], "correct": [True, False]})
    table = result_table(rows)
    return Result("classify", table, {}, scores=table, more={"predictions": predictions})


def cluster() -> Result:
    rows = []
    for method, level in {"kmeans-10": 0.4, "leiden": 0.3}.items():
        task = f"clustering: {method}"
        found = {"ari": level, "ari_null": 0.01, "ari_p": 0.001, "ami": level, "ami_null": 0.02}
        found |= {"ami_p": 0.002, "n_clusters": 7, "cluster_silhouette": 0.2}
        rows += [row("profiles", task, metric, value=v, n=40) for metric, v in found.items()]
    table = result_table(rows)
    return Result("cluster", table, {}, scores=table)


def batch() -> Result:
    found = {"nn_batch_accuracy": 0.6, "nn_batch_accuracy_chance": 0.24, "lisi": 2.3}
    found |= {"lisi_expected": 3.4, "kbet_rejection": 0.5, "variance_share_batch": 0.1}
    rows = [
        row("profiles", "batch effect", metric, value=value, n=64, split="plate")
        for metric, value in found.items()
    ]
    table = result_table(rows)
    return Result("batch", table, {}, scores=table)


def assay() -> Result:
    table = pd.DataFrame(
        {
            "Metadata_Plate": ["P1", "P2"], "n_wells": 384, "n_controls": [16, 3],
            "n_treatments": 90, "replicate_correlation": [0.5, 0.2], "null_95": 0.1,
            "percent_replicating": [0.8, 0.1], "grit": [1.5, 0.4], "cell_count_cv": [0.1, 0.4],
            "ssmd": np.nan, "positive_retrieval": np.nan, "passed": [True, False],
            "reasons": ["", "few-control-wells"],
        }
    )  # fmt: skip
    return Result("assay", table, {"plates": 2})


def design() -> Result:
    kinds = {"A01": "negcon", "A02": "poscon", "B01": "trt", "B02": "trt"}
    names = {"A01": "DMSO", "A02": "taxol", "B01": "a", "B02": "b"}
    rows = [(p, w, names[w], kinds[w]) for p in ("P01", "P02") for w in names]
    columns = ["Metadata_Plate", "Metadata_Well", "Metadata_Treatment", "Metadata_pert_type"]
    return Result("design", pd.DataFrame(rows, columns=columns), {"plates": 2})


QUESTIONS = [activity, assay, batch, classify, cluster, compare, design, dose, match, retrieve]


@pytest.fixture(scope="session")
def answer() -> Callable[[str], Result]:
    """The result of a question, by its name."""
    made = {question.__name__: question for question in QUESTIONS}
    return lambda name: made[name]()
