"""The picture of docs/seed-study.md: what each mistake shows on a plate with nothing to see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from seed_plate import Fields
from seed_scores import clusters

WRONG, RIGHT, GREY = "#c4532e", "#2a6f97", "#9aa0a6"


def draw(plate: Fields, found: dict, maps: dict[str, np.ndarray], folder: Path) -> None:
    """Write ``seed-study.png``."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(9.6, 7.2), layout="constrained")
    _accuracy(axes[0, 0], found["1"])
    _map(axes[0, 1], maps["umap"], found["5"])
    _precision(axes[1, 0], found["3"]["active"], found["4"]["active"])
    _tests(axes[1, 1], found["8"]["anova"])
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "seed-study.png", dpi=110, metadata={"Software": None})
    plt.close(figure)


def _bars(axis: object, names: list[str], values: list[float], colours: list[str]) -> None:
    axis.barh(range(len(names))[::-1], values, color=colours, height=0.65)
    axis.set_yticks(range(len(names))[::-1], names, fontsize=9)
    axis.set_xlim(0, max(values) * 1.2)
    for place, value in zip(range(len(names))[::-1], values, strict=True):
        axis.text(value, place, f" {value:.3f}", va="center", fontsize=9)


def _title(axis: object, text: str) -> None:
    axis.set_title(text, fontsize=10, loc="left")


def _accuracy(axis: object, found: dict) -> None:
    names = {"always_dmso": "always DMSO", "cell_count": "cell count", "features": "features"}
    shown = [f"{label}, {how}" for label in names.values() for how in ("accuracy", "balanced")]
    values = [found[key][how] for key in names for how in ("accuracy", "balanced")]
    _bars(axis, shown, values, [WRONG, RIGHT] * len(names))
    _title(axis, "1. Fields dealt at random, nothing is active")


def _map(axis: object, points: np.ndarray, found: dict) -> None:
    axis.scatter(*points.T, c=clusters(points), s=3, cmap="tab10", rasterized=True)
    axis.set_xticks([])
    axis.set_yticks([])
    _title(
        axis,
        f"5. k-means on UMAP: silhouette {found['umap_kmeans']:.2f}\n"
        f"of noise {found['noise_umap_kmeans']:.2f}, of treatments {found['umap_treatment']:.2f}",
    )


def _precision(axis: object, order: dict, blocks: dict) -> None:
    told = {
        "labels by key": (order["right_order"], RIGHT),
        "labels shuffled": (order["shuffled"], WRONG),
        "chance": (order["chance"], GREY),
        "with 3 raw columns": (blocks["joined_raw"], WRONG),
        "with 3 scaled columns": (blocks["joined_scaled"], RIGHT),
        "with 3 columns of noise": (blocks["joined_noise"], GREY),
    }
    _bars(axis, list(told), [v for v, _ in told.values()], [c for _, c in told.values()])
    _title(axis, "3, 4. mAP of treatments that do something")


def _tests(axis: object, found: dict) -> None:
    names = {
        "fields_bright": "brightness, by field",
        "wells_bright": "brightness, by well",
        "fields_features": "all features, by field",
        "wells_features": "all features, by well",
    }
    _bars(axis, list(names.values()), [found[k] for k in names], [WRONG, RIGHT] * 2)
    axis.axvline(0.05, color=GREY, linestyle="--", linewidth=1)
    _title(axis, "8. Groups of DMSO wells called different\nat p < 0.05 (dashed: 5 %, as promised)")
