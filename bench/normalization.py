"""RobustMAD on controls and correlation-based selection, beside pycytominer, on 16 plates.

Runs ours and the peer in turn, three times; prints one line of JSON: median seconds, ratios, the
largest relative difference of the scaled values and the overlap of the kept features.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd

from phenolens.learn.select import uncorrelated
from phenolens.normalize.scale import robust_scale
from phenolens.profiles import column, from_frame

PLATES, WELLS, CONTROLS, LATENT = 16, 384, 64, 60


def screen(n_features: int) -> pd.DataFrame:
    """Plates of features that come in fours which say almost the same."""
    rng = np.random.default_rng(0)
    n = PLATES * WELLS
    values = rng.normal(size=(n, LATENT)) @ rng.normal(size=(LATENT, n_features // 4))
    values = np.repeat(values + 4 * rng.normal(size=values.shape), 4, axis=1)
    values = (values + 2 * rng.normal(size=values.shape)).astype(np.float32)
    frame = pd.DataFrame(values, columns=[f"Cells_Texture_{i}" for i in range(n_features)])
    names = {"Metadata_Plate": np.repeat([f"P{i:02d}" for i in range(PLATES)], WELLS)}
    names["Metadata_Well"] = [f"{chr(65 + i // 24)}{i % 24 + 1:02d}" for i in range(WELLS)] * PLATES
    names["Metadata_Control"] = np.tile(np.arange(WELLS) % (WELLS // CONTROLS) == 0, PLATES)
    return pd.concat([pd.DataFrame(names), frame], axis=1)


def peer_scale(frame: pd.DataFrame, features: list[str]) -> pd.DataFrame:
    """pycytominer, plate by plate."""
    from pycytominer import normalize

    parts = [
        normalize(
            part,
            features=features,
            meta_features=["Metadata_Plate", "Metadata_Well", "Metadata_Control"],
            samples="Metadata_Control == True",
            method="mad_robustize",
        )
        for _, part in frame.groupby("Metadata_Plate")
    ]
    return pd.concat(parts, ignore_index=True)


def peer_select(frame: pd.DataFrame, features: list[str]) -> set[str]:
    """Names pycytominer keeps at correlation 0.9."""
    from pycytominer.operations import correlation_threshold

    return set(features) - set(correlation_threshold(frame, features=features, threshold=0.9))


def timed(call: object, *arguments: object) -> tuple[float, object]:
    start = time.perf_counter()
    value = call(*arguments)
    return time.perf_counter() - start, value


def main(n_features: int, n_selected: int) -> None:
    frame = screen(n_features)
    features = [c for c in frame if c.startswith("Cells")]
    table = from_frame(frame)
    controls = column(table, "Metadata_Control").astype(bool)
    few = features[:n_selected]
    values = table[few].to_numpy()
    robust_scale(table.iloc[:, :10], controls)
    uncorrelated(values[:, :10], threshold=0.9)
    seconds: dict[str, list[float]] = {k: [] for k in ("ours", "peer", "ours_sel", "peer_sel")}
    for _ in range(3):
        taken, (ours, _report) = timed(robust_scale, table, controls)
        seconds["ours"].append(taken)
        taken, theirs = timed(peer_scale, frame, features)
        seconds["peer"].append(taken)
        taken, kept = timed(lambda: uncorrelated(values, threshold=0.9))
        seconds["ours_sel"].append(taken)
        taken, names = timed(peer_select, frame, few)
        seconds["peer_sel"].append(taken)
    middle = {name: float(np.median(values)) for name, values in seconds.items()}
    apart = np.abs(ours.to_numpy() - theirs[features].to_numpy(np.float32))
    chosen = {name for name, keep in zip(few, kept, strict=True) if keep}
    print(
        json.dumps(
            {
                "shape": list(table.shape),
                "scale_seconds": [round(middle["ours"], 3), round(middle["peer"], 3)],
                "scale_ratio": round(middle["peer"] / middle["ours"], 1),
                "scale_difference": float((apart / (1 + np.abs(ours.to_numpy()))).max()),
                "select_features": n_selected,
                "select_seconds": [round(middle["ours_sel"], 3), round(middle["peer_sel"], 3)],
                "select_ratio": round(middle["peer_sel"] / middle["ours_sel"], 1),
                "select_kept": [len(chosen), len(names), len(chosen & names)],
            }
        )
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3] or (4000, 1000)))
