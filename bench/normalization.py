"""Normalization: how fast, beside pycytominer; and what each recipe finds in two real screens.

    python bench/normalization.py [FEATURES SELECTED]
    python bench/normalization.py recipes cpjump1|bbbc021 FOUND.jsonl [SECONDS]
    python bench/normalization.py table FOUND.jsonl

The first scales 16 plates on controls and selects by correlation, ours and the peer in turn, three
times; prints one line of JSON: median seconds, ratios, the largest relative difference of the
scaled values and the overlap of the kept features.

The second adds a line a recipe to a file, and goes on where it stopped: how well replicates of a
treatment are found beside controls (mAP, chance is 0, by treatment), how well treatments of one
label find each other (mAP by label), and the nearest neighbour of another compound and batch. No
recipe is chosen by it. A learned metric is fitted on the wells of one half of the compounds (labels
stay together) and judged on the other; what it is compared with is judged in the same halves.

The third prints both as a table, with differences to the plain robust z-score in pairs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import phenolens as pl
from phenolens import profiles
from phenolens.learn.metric import WithinClass
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


COUNTED = ["Image_Metadata_Plate", "Image_Metadata_Well", "Cells_Number_Object_Number"]
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
PLAIN, HALVES = "robust z-score", ("default, in halves", "default, learned metric, in halves")
RECIPES: dict[str, dict[str, object]] = {
    PLAIN: {"whitening": "none"},
    "default: sphering (ZCA of correlations), 0.1": {},
    "ZCA of covariances, 0.1": {"whitening": "zca"},
    "PCA of correlations, 0.1": {"whitening": "pca-cor"},
    "sphering, 0.01": {"regularization": 0.01},
    "sphering, 1": {"regularization": 1.0},
    "sphering, Ledoit-Wolf": {"shrinkage": "ledoit-wolf"},
    "TVN with CORAL, 0.1": {"whitening": "tvn"},
    "TVN with CORAL, Ledoit-Wolf": {"whitening": "tvn", "shrinkage": "ledoit-wolf"},
    "ranks (inverse normal)": {"whitening": "none", "transform": "rank-gaussian"},
    "ranks, sphering": {"transform": "rank-gaussian"},
    "position removed": {"whitening": "none", "position": "remove"},
    "position removed, sphering": {"position": "remove"},
    "cell count removed, sphering": {"cell_count": "remove"},
    "position removed, ranks, TVN": {
        "position": "remove", "transform": "rank-gaussian", "whitening": "tvn"
    },
}  # fmt: skip

CLASSIFIED = {"classification": "none", "classification, within-class metric": "within-class",
              "classification, discriminant": "discriminant"}  # fmt: skip


def cpjump1() -> pl.Profiles:
    """Four plates of 306 compounds in one layout, 64 DMSO wells each; targets as labels."""
    folder = SHARED / "cpjump1_profiles"
    files = sorted(folder.glob("BR*_normalized_feature_select_negcon_batch.csv.gz"))
    frame = pd.concat([pd.read_csv(file) for file in files], ignore_index=True)
    told = pd.read_csv(folder / "JUMP-Target-1_compound_metadata.tsv", sep="\t")
    label = told.set_index("broad_sample")["target_list"]
    frame["Metadata_Mechanism"] = frame["Metadata_broad_sample"].map(label)
    frame["Metadata_Compound"] = frame["Metadata_broad_sample"].fillna("DMSO")
    return pl.read(
        frame, same_by="Metadata_Compound", controls="Metadata_control_type == 'negcon'",
        normalized=False,
    )  # fmt: skip


def bbbc021() -> pl.Profiles:
    """55 plates of 38 compounds at 103 doses, 6 DMSO wells each; mechanisms as labels.

    Cells are numbered in each image, so that their mean number in a well is half of one more than
    an image has: the cell count, which the tables do not give.
    """
    from mechanism_bbbc021 import DATA, load

    wells = profiles.to_frame(load())
    told = pd.read_csv(DATA / "ljosa_jbiomolscreen_2013_per_well_mean.csv.gz", usecols=COUNTED)
    told = told.set_axis(["Metadata_Plate", "Metadata_Well", "Metadata_CellCount"], axis=1)
    told["Metadata_CellCount"] = 2 * told["Metadata_CellCount"] - 1
    wells = wells.merge(told, on=["Metadata_Plate", "Metadata_Well"], validate="1:1")
    return pl.read(wells, same_by="Metadata_Treatment", normalized=False)


SCREENS = {"cpjump1": cpjump1, "bbbc021": bbbc021}


def asked(item: pl.Profiles) -> dict[str, object]:
    """Replicates and labels found, one by one, and the nearest neighbours."""
    found = pl.retrieve(item, across="Metadata_Plate", within="Metadata_Plate", baselines=False)
    matched = pl.match(item, permutations=100, baselines=False)
    treatments, labels = found.table, matched.table
    near = {name: matched.summary[name]["value"] for name in ("nsc_accuracy", "nscb_accuracy")
            if name in matched.summary}  # fmt: skip
    return {
        "space": item.space,
        "features": item.wells.shape[1],
        "treatments": dict(zip(treatments["Metadata_Treatment"], treatments["map_normalized"],
                               strict=True)),
        "labels": dict(zip(labels["label"], labels["map_normalized"], strict=True)),
        **near,
    }  # fmt: skip


def classified(item: pl.Profiles) -> dict[str, object]:
    """Held-out wells told by the readouts, with 95 % intervals over wells."""
    found = pl.classify(item, baselines=False, bootstrap=200)
    told = {task: found.summary[task] for task in ("classification", "nearest-neighbour")}
    return {"space": item.space, "split": found.summary["split"], "classified": told}


def halves(item: pl.Profiles) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Treated wells to learn from and to judge, twice; compounds that share a label together."""
    told = profiles.metadata(item.wells)
    treated = ~profiles.is_control(item.wells)
    known = told[treated].drop_duplicates("Metadata_Compound").set_index("Metadata_Compound")
    group = {name: name for name in known.index}

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    firsts: dict[str, str] = {}
    for name, labels in known["Metadata_Mechanism"].dropna().items():
        for label in str(labels).split("|"):
            group[root(str(name))] = root(firsts.setdefault(label, str(name)))
    roots = pd.Series({name: root(name) for name in group})
    sizes = roots.value_counts(sort=False).sort_index(kind="stable")
    order = sizes.index[np.random.default_rng(0).permutation(len(sizes))]
    order = sorted(order, key=lambda name: -sizes[name])
    weight, side = [0, 0], {}
    for name in order:
        side[name] = int(weight[1] < weight[0])
        weight[side[name]] += sizes[name]
    first = told["Metadata_Compound"].map(roots).map(side).to_numpy() == 0
    for half in (first, ~first):
        yield treated & half, treated & ~half


def in_halves(item: pl.Profiles, *, learned: bool) -> dict[str, object]:
    """Each half of the compounds in the space of a metric that the other half taught, or not."""
    whole = item.wells
    parts = []
    for taught, judged in halves(item):
        table = whole
        if learned:
            seen = profiles.take(whole, taught)
            labels = profiles.column(seen, "Metadata_Treatment").astype(str)
            table = WithinClass().fit(seen, labels).transform(whole)
        kept = profiles.take(table, judged | profiles.is_control(whole))
        block = replace(item.compared, tables={"all": kept}, notes={"space": item.space})
        parts.append(asked(replace(item, block=block, stage="compared")))
    n = [len(part["treatments"]) for part in parts]
    near = {
        name: float(np.average([part[name] for part in parts], weights=n))
        for name in ("nsc_accuracy", "nscb_accuracy")
        if all(name in part for part in parts)
    }
    return {
        "space": item.space,
        "features": whole.shape[1],
        "treatments": parts[0]["treatments"] | parts[1]["treatments"],
        "labels": parts[0]["labels"] | parts[1]["labels"],
        **near,
    }


def recipes(screen: str, path: Path, seconds: float) -> None:
    """Add what each recipe finds, until the time is up."""
    began = time.perf_counter()
    known = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(line["screen"], line["recipe"]) for line in known}
    item = SCREENS[screen]()
    for name in (*RECIPES, *HALVES, *CLASSIFIED):
        if (screen, name) in done:
            continue
        if time.perf_counter() - began > seconds:
            print("stopped; run again to go on")
            return
        start = time.perf_counter()
        if name in RECIPES:
            found = asked(item.with_settings(**RECIPES[name]))
        elif name in CLASSIFIED:
            found = classified(item.with_settings(learned_metric=CLASSIFIED[name]))
        else:
            found = in_halves(item, learned=name == HALVES[1])
        line = {"screen": screen, "recipe": name, "seconds": time.perf_counter() - start} | found
        with path.open("a") as stream:
            stream.write(json.dumps(line) + "\n")
        print(screen, name, round(line["seconds"], 1), "s", flush=True)


def table(path: Path) -> None:
    """Print a Markdown table a screen; differences in pairs, with 95 % intervals of a bootstrap."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for screen in SCREENS:
        own = {line["recipe"]: line for line in lines if line["screen"] == screen}
        if not own:
            continue
        print(f"\n{screen}\n\n| recipe | replicates | less plain | labels | less plain | nearest |")
        print("|---|---|---|---|---|---|")
        for name, line in own.items():
            if name in CLASSIFIED:
                shown = [f"{told['balanced_accuracy']:.3f} ({told['low']:.3f}-{told['high']:.3f})"
                         for told in line["classified"].values()]  # fmt: skip
                print(
                    f"| {name}, {line['split']} | logistic {shown[0]} | nearest {shown[1]} | | | |"
                )
                continue
            beside = own[HALVES[0] if name in HALVES else PLAIN]
            cells = [name]
            for kind in ("treatments", "labels"):
                mine, plain = (pd.Series(x[kind], dtype=float) for x in (line, beside))
                both = pd.concat([mine, plain], axis=1).dropna()
                cells += [f"{mine.mean():.3f}", difference((both[0] - both[1]).to_numpy())]
            near = [line.get(key) for key in ("nsc_accuracy", "nscb_accuracy")]
            cells.append(" / ".join(f"{value:.3f}" for value in near if value is not None))
            print("| " + " | ".join(cells) + " |")


def difference(values: np.ndarray) -> str:
    if not values.any():
        return "0"
    draws = np.random.default_rng(0).integers(len(values), size=(2000, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])
    return f"{values.mean():+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["recipes", screen, path, *seconds]:
            recipes(screen, Path(path), float(seconds[0]) if seconds else 1e9)
        case ["table", path]:
            table(Path(path))
        case given:
            main(*map(int, given or (4000, 1000)))
