"""How often is a map right? Every method against truth that was planted, and its cost.

Cells of three sources: simulated, BBBC021 (three stains) and CPJUMP1 (five stains, fields cut
around their nuclei). Of each source a CNN learns to tell control cells from control cells with one
of four spikes; then spikes of the same kinds are planted in control cells that it never saw, and
each method is asked about those that it sees (``phenolens.interpret.truth``). A second CNN learns
the source's own treatments and is asked about the same spikes. Of simulated treatments the
simulator knows which pixels they changed.

Networks that learned nothing (random weights; labels shuffled) are asked whether a study would show
their maps: held-out cells named better than by chance (permutation p < 0.05) and spikes hit.

A run that is in the file KEPT is not repeated. Prints one JSON line with all that is in it.

    python bench/attribution_truth.py ../shared/data KEPT.jsonl [--seconds 340] [--cells 60]
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
import torch

from phenolens.images import ImageSet
from phenolens.interpret.attribution_checks import pointing, randomised
from phenolens.interpret.explain import DEFAULT, FAST, METHODS, explain
from phenolens.interpret.spikes import KINDS, plant
from phenolens.interpret.truth import ControlCells, rates, spike_table, why_withheld
from phenolens.prepared import Prepared
from phenolens.represent.cnn import CNN, CNNOptions
from phenolens.represent.networks.pixels import (
    HEADROOM,
    PixelSettings,
    PixelStore,
    central_square,
    resize,
    to_bytes,
)
from phenolens.segment import crop_labels, segment_field
from phenolens.simulate.field import Effect, simulate_field
from phenolens.simulate.programmes import PROGRAMMES

SIZE, BOX = 64, 70
CELL_PAINTING = ("DNA", "ER", "RNA", "AGP", "Mito")
TREATED = ("nucleolar RNA loss", "golgi fragmentation", "mitochondrial fragmentation", "ER stress")
SLOW = ("occlusion-patch", "occlusion-patch-stain")
EPOCHS = 12
FEW = 8  # control cells for the slow methods
MOST = 300  # control cells to plant in for training
NOTHING = 10  # networks that learned nothing, of each kind


@dataclass(frozen=True)
class Cells:
    """Crops of one source: pixels (n, C, S, S) on the 0-1 scale of bytes, compartments, labels."""

    channels: tuple[str, ...]
    pixels: np.ndarray
    parts: np.ndarray
    labels: np.ndarray  # "control" or a treatment
    changed: np.ndarray | None = None  # of simulated cells: (n, C, S, S), what a treatment changed


class InMemory(Prepared):
    """A prepared store whose pixels are an array."""

    def pixels(self, row: int) -> np.ndarray:
        return self.array[row]

    def labels(self, row: int) -> dict[str, np.ndarray]:
        nucleus, cytoplasm, _ = self.parts[row] >= 0.5
        return {"Nuclei": nucleus.astype(np.int32), "Cells": (nucleus | cytoplasm).astype(np.int32)}


def simulated(n: int) -> Cells:
    """Control cells, and as many of each of four programmes, with the pixels they changed."""
    known, found = {one.name: one for one in PROGRAMMES}, []
    for number, name in enumerate(("control", *TREATED)):
        effect = Effect(known[name].changes if name in known else {}, strength=1.0)
        wanted, seed = (4 * n if name == "control" else n), 1000 * number
        of_class = 0
        while of_class < wanted:
            field = simulate_field(
                seed, field_size=256, cell_diameter=56.0, effect=effect, with_mask=True
            )
            seed += 1
            bits = np.zeros(field.cells.shape, np.uint8) if field.mask is None else field.mask
            changed = np.stack([bits >> stain & 1 for stain in range(5)]).astype(np.float32)
            for crop in _around(field.nuclei, BOX)[: wanted - of_class]:
                found.append((field.pixels[crop], field.nuclei[crop[1:]], field.cells[crop[1:]],
                              changed[crop], name))  # fmt: skip
                of_class += 1
    return _scaled(CELL_PAINTING, found)


def bbbc021(folder: Path, n: int) -> Cells:
    """Crops of DMSO and of cycloheximide at two doses."""
    table, channels, found = pd.read_csv(folder / "cells.csv"), ("DAPI", "Tubulin", "Actin"), []
    for name, own in table.groupby("file", sort=True):
        stack = tifffile.imread(folder / name)
        first = own.iloc[0]
        dose = first["Metadata_Concentration_uM"]
        if dose not in (0.0, 15.0, 50.0):
            continue
        label = "control" if dose == 0 else f"cycloheximide {dose:g}"
        for index in own["index"][: n if dose == 0 else n // 2]:
            crop = stack[int(index)]
            labels = crop_labels(crop.astype(np.float32), channels)
            if labels["Nuclei"].any():
                found.append((crop, labels["Nuclei"], labels["Cells"], None, label))
    return _scaled(channels, found)


def cpjump1(folder: Path, n: int) -> Cells:
    """Crops around the nuclei of one DMSO field and of AMG900's and FK-866's."""
    table, found = pd.read_csv(folder / "load_data.csv"), []
    plates = pd.read_csv(
        folder.parent / "cpjump1_profiles" / "JUMP-Target-1_compound_platemap.tsv", sep="\t"
    ).set_index("well_position")["broad_sample"]
    for _, row in table.iterrows():
        treated = plates.get(row["Metadata_Well"])
        label = "control" if pd.isna(treated) else str(treated)
        pixels = np.stack([
            tifffile.imread(folder / row[f"PathName_Orig{stain}"] / row[f"FileName_Orig{stain}"])
            for stain in CELL_PAINTING
        ])  # fmt: skip
        labels = segment_field(pixels.astype(np.float32), CELL_PAINTING)
        wanted = 4 * n if label == "control" else n
        for crop in _around(labels["Nuclei"], 96)[:wanted]:
            found.append((pixels[crop], labels["Nuclei"][crop[1:]], labels["Cells"][crop[1:]],
                          None, label))  # fmt: skip
    return _scaled(CELL_PAINTING, found)


def _around(nuclei: np.ndarray, box: int) -> list[tuple[slice, slice, slice]]:
    """Squares around nuclei that lie whole within a field."""
    found, half = [], box // 2
    for number in range(1, int(nuclei.max()) + 1):
        inside = np.argwhere(nuclei == number)
        if len(inside):
            y, x = inside.mean(0).round().astype(int)
            if min(y, x) >= half and max(y, x) <= nuclei.shape[0] - half:
                found.append((slice(None), slice(y - half, y + half), slice(x - half, x + half)))
    return found


def _scaled(channels: tuple[str, ...], found: list[tuple]) -> Cells:
    """Crops at the side that networks read, scaled by controls as a study does it."""
    labels = np.array([label for *_, label in found])
    raw = np.stack([resize(central_square(each[0]), SIZE) for each in found])
    low, high = np.percentile(raw[labels == "control"], (1, 99.9), axis=(0, 2, 3))
    scaled = (raw - low[:, None, None]) / (high - low)[:, None, None]
    parts, changed = [], []
    for _, nuclei, cells, change, _ in found:
        nucleus = nuclei > 0
        three = np.stack([nucleus, (cells > 0) & ~nucleus, (cells == 0) & ~nucleus])
        parts.append(resize(central_square(three.astype(np.float32)), SIZE))
        if change is not None:
            changed.append(resize(central_square(change), SIZE))
    bytes_ = np.stack([to_bytes(one) for one in scaled])
    return Cells(channels, bytes_.astype(np.float32) / 255, np.stack(parts), labels,
                 np.stack(changed) if changed else None)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """A store to learn from, and what is asked of it."""

    store: PixelStore
    labels: np.ndarray
    train: np.ndarray
    held: np.ndarray
    controls: ControlCells
    changed: np.ndarray | None = None


def task_of(cells: Cells, what: str, *, asked: int, seed: int) -> Task:
    """Learn ``spikes`` or ``treatments``; a part of the control cells is kept for the spikes."""
    rng = np.random.default_rng(seed)
    control = rng.permutation(np.flatnonzero(cells.labels == "control"))
    treated = rng.permutation(np.flatnonzero(cells.labels != "control"))
    kept, control = control[:asked], control[asked:]
    mean, sd = (f(cells.pixels[cells.labels == "control"], axis=(0, 2, 3), keepdims=True)
                for f in (np.mean, np.std))  # fmt: skip
    rows, pixels, labels = [], [], []
    if what == "spikes":
        control = control[:MOST]  # each cell as it is and with every spike: what differs is learned
        for name in ("control", *KINDS):
            images = (cells.pixels[control] - mean) / sd
            if name != "control":
                givers = (cells.pixels[np.resize(treated, len(control))] - mean) / sd
                parts = cells.parts[control]
                images = plant(name, images, parts, rng=rng, givers=givers).images
            rows.append(control)
            pixels.append(np.clip(images * sd + mean, 0, 1))
            labels += [name] * len(control)
    else:
        few = control[: max(len(treated), 60)]
        for own in (few, treated):
            rows.append(own)
            pixels.append(cells.pixels[own])
            labels += list(cells.labels[own])
    every_cell = np.unique(np.concatenate(rows))
    held = np.isin(np.concatenate(rows), every_cell[rng.random(len(every_cell)) < 0.2])
    n = len(labels)
    rows += [kept, treated]
    pixels += [cells.pixels[kept], cells.pixels[treated]]
    labels += ["control"] * len(kept) + ["given"] * len(treated)
    rows, every = np.concatenate(rows), np.array(labels)
    plates = np.where(np.arange(len(every)) < n, "P0", "P1")
    table = pd.DataFrame({
        "Metadata_Plate": "P", "Metadata_Well": plates, "Metadata_Site": "1",
        "Metadata_ObjectNumber": np.arange(len(every)).astype(str),
        "Metadata_Treatment": every, "Metadata_Control": every == "control",
    })  # fmt: skip
    for stain in cells.channels:
        table[f"Path_{stain}"], table[f"Index_{stain}"] = "memory", ""
    images = ImageSet(table, cells.channels, level="cell")
    prepared = InMemory(Path("memory"), images, pd.DataFrame())
    raw = np.concatenate(pixels).astype(np.float32) ** 2 * HEADROOM * 1000
    object.__setattr__(prepared, "array", raw)
    object.__setattr__(prepared, "parts", cells.parts[rows])
    place = np.arange(n, n + len(kept))
    asked_of = ControlCells(
        place, cells.parts[kept], np.arange(n + len(kept), len(every)), nuclear=0
    )
    changed = None if cells.changed is None else cells.changed[rows]
    store = PixelStore(prepared, PixelSettings(size=SIZE))
    return Task(store, every, np.flatnonzero(~held), np.flatnonzero(held), asked_of, changed)


def learn(task: Task, seed: int, epochs: int, *, shuffled: bool = False) -> CNN:
    """Our CNN on the task's training cells."""
    options = CNNOptions(epochs=epochs, width=16, device="cpu", validation="none", views=1)
    network = replace(CNN.of(options, level="cell", seed=seed), pixels=task.store)
    labels = task.labels[task.train]
    if shuffled:
        labels = np.random.default_rng(seed).permutation(labels)
    return network.fit(task.store.prepared, task.train, labels=labels, seed=seed)


def accuracy(network: CNN, task: Task) -> tuple[float, float]:
    """Share of held-out cells named right, and its p from permuting labels."""
    names = np.array(network.classes)
    guessed = names[network.predict_proba(task.store.prepared, task.held).argmax(1)]
    own, rng = task.labels[task.held], np.random.default_rng(0)
    right = float((guessed == own).mean())
    drawn = [(guessed == rng.permutation(own)).mean() for _ in range(999)]
    return right, (1 + int(np.sum(np.array(drawn) >= right - 1e-12))) / 1000


def asked_methods(network: CNN, task: Task) -> pd.DataFrame:
    """Spikes by every method: the slow ones in fewer cells."""
    few = replace(task.controls, rows=task.controls.rows[:FEW], parts=task.controls.parts[:FEW])
    fast = [name for name in METHODS if name not in SLOW]
    prepared = task.store.prepared
    return pd.concat([spike_table(network, prepared, task.controls, methods=fast),
                      spike_table(network, prepared, few, methods=SLOW)])  # fmt: skip


def simulated_truth(network: CNN, task: Task) -> list[dict]:
    """Maps of treated cells named right, against the pixels that the simulator changed."""
    prepared, rows = task.store.prepared, task.held
    probabilities = network.predict_proba(prepared, rows)
    named = np.array(network.classes)[probabilities.argmax(1)] == task.labels[rows]
    rows = rows[named & (task.labels[rows] != "control")]
    truth = task.changed[rows].max(axis=1) >= 0.5
    rows, truth = rows[truth.any((1, 2))], truth[truth.any((1, 2))]
    area = task.changed[rows].sum((2, 3))
    one = area.max(1) >= 0.8 * area.sum(1)  # where one stain holds nearly all of the change
    found = []
    for method in METHODS:
        some = slice(FEW) if method in SLOW else slice(None)
        maps = explain(network, prepared, rows[some], method=method)
        seen = pointing(maps.maps, truth[some])
        row = {"method": method, "hit": seen["hit"].mean(), "energy": seen["energy"].mean(),
               "chance": seen["chance"].mean(), "n": len(seen)}  # fmt: skip
        if maps.values.shape[1] > 1 and one[some].any():
            right = (maps.by_stain.argmax(1) == area[some].argmax(1))[one[some]]
            row |= {"stain_right": right.mean(), "n_stain": len(right)}
        found.append({key: v if isinstance(v, str | int) else round(float(v), 4)
                      for key, v in row.items()})  # fmt: skip
    return found


def cost(network: CNN, task: Task) -> dict:
    """Seconds of 256 cells read once, mapped fast and by the reference."""
    prepared, rows = task.store.prepared, np.resize(task.train, 256)
    targets = task.labels[rows]
    told = {}
    for name, run in {
        "forward": lambda: network.predict_proba(prepared, rows),
        "fast": lambda: explain(network, prepared, rows, method=FAST, targets=targets),
        "reference": lambda: explain(network, prepared, rows, targets=targets),
    }.items():
        run() if name == "forward" else None
        times = []
        for _ in range(3 if name != "reference" else 1):
            begun = time.process_time()
            run()
            times.append(time.process_time() - begun)
        told[name] = round(float(np.median(times)), 3)
    told["fast_over_forward"] = round(told["fast"] / told["forward"], 2)
    told["processor_seconds_for_1000"] = round(told["reference"] / 256 * 1000, 1)
    return told


def runs() -> list[tuple[str, str, str, int]]:
    """Source, what is learned, which network, seed."""
    found = [(source, what, "trained", 0) for what in ("spikes", "treatments")
             for source in ("simulated", "bbbc021", "cpjump1")]  # fmt: skip
    found += [("bbbc021", "spikes", kind, seed) for seed in range(NOTHING)
              for kind in ("untrained", "shuffled")]  # fmt: skip
    return found


def run(data: Path, what: tuple[str, str, str, int], cells: int) -> dict:
    """One line of the file."""
    source, learned, kind, seed = what
    begun = time.monotonic()
    of = {"simulated": lambda: simulated(cells), "bbbc021": lambda: bbbc021(data / source, cells),
          "cpjump1": lambda: cpjump1(data / "cpjump1_fields", cells)}  # fmt: skip
    if source == "bbbc021":
        of[source] = lambda: bbbc021(data / "bbbc021_cells", 2 * cells)
    found = of[source]()
    asked = cells if kind == "trained" else 40
    asked = min(asked, int((found.labels == "control").sum()) // 3)
    task = task_of(found, learned, asked=asked, seed=seed)
    epochs = EPOCHS if kind == "trained" else 2
    network = learn(task, seed, epochs, shuffled=kind == "shuffled")
    if kind == "untrained":
        network = randomised(network, seed=seed)
    right, p = accuracy(network, task)
    row = {"source": source, "learned": learned, "kind": kind, "seed": seed,
           "n_train": len(task.train), "accuracy": round(right, 4), "p": p}  # fmt: skip
    if kind == "trained":
        table = rates(asked_methods(network, task))
        row["spikes"] = json.loads(table.round(4).to_json(orient="records"))
        if task.changed is not None and learned == "treatments":
            row["simulated_truth"] = simulated_truth(network, task)
        row["cost"] = cost(network, task)
    else:
        table = rates(spike_table(network, task.store.prepared, task.controls))
        why = why_withheld(table, DEFAULT)
        row["hit"] = float(
            table[(table["kind"] == "all") & (table["measure"] == "hit")]["value"].iloc[0]
        )
        row["withheld"] = "" if why is None else why.code
        row["shown"] = bool(why is None and p < 0.05)
    return row | {"seconds": round(time.monotonic() - begun, 1)}


def told(rows: list[dict]) -> dict:
    """All rows, and of networks that learned nothing how many would be shown."""
    nothing = {
        kind: {"networks": len(own), "shown": sum(row["shown"] for row in own),
               "p_below_0.05": sum(row["p"] < 0.05 for row in own)}
        for kind in ("untrained", "shuffled")
        if (own := [row for row in rows if row["kind"] == kind])
    }  # fmt: skip
    return {"runs": [row for row in rows if row["kind"] == "trained"], "nothing": nothing}


def main() -> None:
    """Run what is missing, in order, until the time is over."""
    asked = argparse.ArgumentParser()
    asked.add_argument("data", type=Path)
    asked.add_argument("kept", type=Path)
    asked.add_argument("--seconds", type=float, default=340)
    asked.add_argument("--cells", type=int, default=60)
    how = asked.parse_args()
    torch.set_num_threads(1)
    until = time.monotonic() + how.seconds
    lines = how.kept.read_text().splitlines() if how.kept.is_file() else []
    rows = [json.loads(line) for line in lines]
    known = {(row["source"], row["learned"], row["kind"], row["seed"]) for row in rows}
    for what in runs():
        if what not in known and time.monotonic() < until:
            rows.append(run(how.data, what, how.cells))
            with how.kept.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    print(json.dumps(told(rows)))


if __name__ == "__main__":
    main()
