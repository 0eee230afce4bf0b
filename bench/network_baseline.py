"""Is our CNN, with its defaults, as good as a plain network of sixty lines?

The baseline is a small ResNet with a 3 x 3 stem and the loop one would write oneself: it reads the
same crops, trains on the same rows for as many epochs and is scored on the same plates with the
same readout (class of the largest probability, balanced accuracy over cells). Two data sets:

* ``real``: crops of BBBC021, treated or not and four doses, each treated plate left out in turn;
* ``mixed``: simulated cells, five programmes and controls in every well, one plate left out.

Ours and the baseline run in turn, seed after seed, on a GPU where there is one; a run that is in
the file KEPT is not repeated. Prints one JSON line: the mean of each, and the interval (95 %, t
over seeds) of ours minus it; for doses the rank correlation of the expected with the true one too.

    python bench/network_baseline.py ../shared/data/bbbc021_cells KEPT.jsonl --seeds 0 1 2 3 4 \
        [--epochs 8] [--tasks real mixed] [--set width=32 stem=fine ...] [--seconds 340]
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from network_bbbc021 import DOSE, TREATED, crops
from scipy.stats import spearmanr
from scipy.stats import t as student
from sklearn.metrics import balanced_accuracy_score
from torch import nn
from torch.nn import functional

from phenolens.images import ImageSet
from phenolens.prepare import prepare
from phenolens.prepared import Prepared
from phenolens.represent.cnn import CNN, CNNOptions
from phenolens.represent.networks.devices import pick_device
from phenolens.represent.networks.pixels import PixelSettings, PixelStore
from phenolens.simulate.field import Effect, simulate_field
from phenolens.simulate.optics import Conditions
from phenolens.simulate.programmes import PROGRAMMES

STAINS = ("DNA", "ER", "RNA", "AGP", "Mito")
PLANTED = ("nucleolar RNA loss", "chromatin condensation", "golgi fragmentation",
           "mitochondrial fragmentation", "ER stress")  # fmt: skip
PLATES, WELLS, CELL, SIZE = 4, 6, 56.0, 64


# The baseline: a network and its loop.
class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after),
        )  # fmt: skip
        self.skip = nn.Sequential()
        if stride > 1 or before != after:
            self.skip = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.body(x) + self.skip(x))


def plain_network(n_stains: int, n_classes: int, width: int) -> nn.Module:
    """3 x 3 stem, four blocks that halve the image, mean, linear."""
    widths = [width, width, 2 * width, 4 * width, 8 * width]
    blocks = [Block(widths[i], widths[i + 1], stride=2) for i in range(4)]
    stem = [nn.Conv2d(n_stains, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * width, n_classes)]
    return nn.Sequential(*stem, *blocks, *head)


def plain_run(pixels: np.ndarray, targets: np.ndarray, held: np.ndarray, seed: int, *,
              epochs: int, width: int) -> np.ndarray:  # fmt: skip
    """Train on what is not held out; probabilities of what is."""
    torch.manual_seed(seed)
    device = pick_device()
    images = torch.from_numpy(pixels).to(device).float().div_(255)
    train, y = (
        torch.from_numpy(np.flatnonzero(~held)).to(device),
        torch.from_numpy(targets).to(device),
    )
    mean = images[train].mean((0, 2, 3), keepdim=True)
    images = (images - mean) / images[train].std((0, 2, 3), keepdim=True)
    counts = torch.bincount(y[train]).clamp(min=1)
    weight = len(train) / (len(counts) * counts)
    model = plain_network(images.shape[1], len(counts), width)
    model = model.to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
    steps = epochs * -(-len(train) // 32)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for _ in range(epochs):
        for rows in train[torch.randperm(len(train), device=device)].split(32):
            x = torch.rot90(images[rows], int(torch.randint(4, ())), (2, 3))
            x = x.flip(3) if torch.rand(()) < 0.5 else x
            with torch.autocast(device, torch.bfloat16):
                logits = model(x.contiguous(memory_format=torch.channels_last))
            loss = functional.cross_entropy(logits.float(), y[rows], weight=weight.float())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    model.eval()
    with torch.no_grad(), torch.autocast(device, torch.bfloat16):
        parts = [model(part) for part in images[torch.from_numpy(held).to(device)].split(256)]
    return torch.cat(parts).float().softmax(1).cpu().numpy()


# What both are given.
@dataclass(frozen=True)
class Task:
    """Crops, the class of each, and which are held out."""

    name: str
    store: PixelStore
    labels: np.ndarray
    held: np.ndarray

    @cached_property
    def pixels(self) -> np.ndarray:
        """Uint8 (n, C, S, S)."""
        return self.store.take(np.arange(len(self.labels)))[:, 0]


class InMemory(Prepared):
    """A prepared store whose pixels are an array."""

    def pixels(self, row: int) -> np.ndarray:
        return self.array[row]


def real_tasks(folder: Path, scratch: Path) -> list[Task]:
    """Treated or not and four doses, each treated plate left out."""
    prepared = prepare(crops(folder), scratch, correct="none")
    store = PixelStore(prepared, PixelSettings(size=SIZE))
    table = prepared.images.table
    doses = table[DOSE].astype(float).astype(str).to_numpy()
    kinds = {"treated": np.where(doses == "0.0", "0", "1"), "doses": doses}
    return [
        Task(f"{kind} {plate}", store, labels, (table["Metadata_Plate"] == plate).to_numpy())
        for kind, labels in kinds.items()
        for plate in TREATED
    ]


def mixed_task(cells: int = 8) -> Task:
    """Simulated cells: each well holds controls and five programmes, `cells` crops of each."""
    rows, images = [], []
    rng = np.random.default_rng(0)
    known = {one.name: one for one in PROGRAMMES}
    for plate in range(PLATES):
        gain = tuple(rng.lognormal(0, 0.15, 5))
        for well in range(WELLS):
            own = Conditions(gain=tuple(np.array(gain) * rng.lognormal(0, 0.05, 5)))
            for name in ("control", *PLANTED):
                changes = known[name].changes if name in known else {}
                effect = Effect(changes, strength=1.0)
                found = crops_of(int(rng.integers(2**31)), effect, own)[:cells]
                images += found
                rows += [(f"P{plate}", f"A{well + 1:02d}", name, name == "control")] * len(found)
    names = ["Metadata_Plate", "Metadata_Well", "Metadata_Treatment", "Metadata_Control"]
    table = pd.DataFrame(rows, columns=names)
    table["Metadata_Site"] = "1"
    table["Metadata_ObjectNumber"] = [str(number) for number in range(len(table))]
    for stain in STAINS:
        table[f"Path_{stain}"], table[f"Index_{stain}"] = "memory", ""
    prepared = InMemory(Path("memory"), ImageSet(table, STAINS, level="cell"), pd.DataFrame())
    object.__setattr__(prepared, "array", np.stack(images))
    store = PixelStore(prepared, PixelSettings(size=SIZE))
    held = (table["Metadata_Plate"] == f"P{PLATES - 1}").to_numpy()
    return Task("mixed wells", store, table["Metadata_Treatment"].to_numpy(dtype=str), held)


def crops_of(seed: int, effect: Effect, conditions: Conditions) -> list[np.ndarray]:
    """Squares of 1.25 cell diameters around the nuclei of a field, those at its edge left out."""
    field = simulate_field(
        seed, field_size=256, cell_diameter=CELL, effect=effect, conditions=conditions
    )
    half, found = round(0.625 * CELL), []
    for number in range(1, field.n_cells + 1):
        inside = np.argwhere(field.nuclei == number)
        if not len(inside):
            continue
        y, x = inside.mean(0).round().astype(int)
        if min(y, x) >= half and max(y, x) <= 256 - half:
            found.append(field.pixels[:, y - half : y + half, x - half : x + half])
    return [crop.astype(np.float32) for crop in found]


# The comparison.
def our_run(task: Task, seed: int, options: CNNOptions) -> np.ndarray:
    """Our CNN as a study file would set it."""
    network = replace(CNN.of(options, level="cell", seed=seed), pixels=task.store)
    train = np.flatnonzero(~task.held)
    network.fit(task.store.prepared, train, labels=task.labels[train], seed=seed)
    return network.predict_proba(task.store.prepared, np.flatnonzero(task.held))


def compare(tasks: list[Task], kept: Path, options: CNNOptions, *, seeds: list[int],
            width: int, until: float) -> list[dict]:  # fmt: skip
    """One row a task, seed and network; those in the file are taken from there."""
    known = {}
    if kept.is_file():
        found = [json.loads(line) for line in kept.read_text().splitlines()]
        known = {(row["task"], row["seed"], row["who"]): row for row in found}
    ours = f"ours {options.model_dump_json(exclude_defaults=True)}"
    who = {ours: options, f"plain {width} {options.epochs}": None}
    for seed in seeds:
        for task in tasks:
            classes, targets = np.unique(task.labels, return_inverse=True)
            for name, own in who.items():
                if (task.name, seed, name) in known or time.monotonic() > until:
                    continue
                started, used = time.monotonic(), time.process_time()
                if own is None:
                    shares = plain_run(task.pixels, targets, task.held, seed,
                                       epochs=options.epochs, width=width)  # fmt: skip
                else:
                    shares = our_run(task, seed, own)
                guessed = classes[shares.argmax(1)]
                score = balanced_accuracy_score(task.labels[task.held], guessed)
                row = {"task": task.name, "seed": seed, "who": name, "score": float(score)}
                if task.name.startswith("doses"):
                    row["order"] = in_order(task, shares, classes)
                row |= {"seconds": round(time.monotonic() - started, 1)}
                row |= {"processor_seconds": round(time.process_time() - used, 1)}
                known[(task.name, seed, name)] = row
                with kept.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    names = {task.name for task in tasks}
    return [row for row in known.values() if row["who"] in who and row["task"] in names]


def in_order(task: Task, shares: np.ndarray, classes: np.ndarray) -> float:
    """Rank correlation of the expected dose with the true one."""
    ranks = np.argsort(np.argsort(classes.astype(float)))
    return float(spearmanr(task.labels[task.held].astype(float), shares @ ranks).statistic)


def told(rows: list[dict]) -> dict:
    """Means, and ours minus the baseline with its interval over seeds."""
    columns = ["task", "seed", "who", "score", "order", "processor_seconds"]
    table = pd.DataFrame(rows, columns=columns)
    table["who"] = table["who"].str.split().str[0]
    result = {}
    for task, own in table.groupby("task", sort=False):
        scores = own.pivot_table(index="seed", columns="who", values="score").dropna()
        if len(scores) < 2:
            continue
        difference = scores["ours"] - scores["plain"]
        wide = student.ppf(0.975, len(scores) - 1) * difference.std() / len(scores) ** 0.5
        mean, seconds = difference.mean(), own.groupby("who")["processor_seconds"].mean()
        result[task] = {
            "seeds": len(scores),
            "ours": round(scores["ours"].mean(), 4),
            "plain": round(scores["plain"].mean(), 4),
            "ours_minus_plain": [round(mean, 4), round(mean - wide, 4), round(mean + wide, 4)],
            "processor_seconds": seconds.round(1).to_dict(),
            "order": own.groupby("who")["order"].mean().round(3).dropna().to_dict(),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--width", type=int, default=16, help="of the baseline")
    parser.add_argument("--tasks", nargs="+", default=["real", "mixed"])
    parser.add_argument("--set", nargs="*", default=[], help="settings of ours: key=value")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    asked = parser.parse_args()
    torch.set_num_threads(1)  # a second one only waits where other work runs beside
    until = time.monotonic() + asked.seconds
    given = dict(pair.split("=", 1) for pair in asked.set)
    options = CNNOptions.model_validate({"epochs": asked.epochs, "batch": 32} | given)
    tasks = []
    if "mixed" in asked.tasks:
        tasks.append(mixed_task())
    if "real" in asked.tasks:
        tasks += real_tasks(asked.folder, asked.kept.with_suffix(".prepared"))
    rows = compare(tasks, asked.kept, options, seeds=asked.seeds, width=asked.width, until=until)
    made = {"epochs": asked.epochs, "set": given, "device": pick_device()}
    print(json.dumps({**made, **told(rows)}))


if __name__ == "__main__":
    main()
