"""Whether what was tested had been learned from, and whether training saw varied images."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from phenolens.profiles import WELL_KEY
from phenolens.published.tables import (
    DATA,
    DECLARATION,
    FOLD,
    HASH,
    Declared,
    Evidence,
    feature_frame,
    key_columns,
    placed_in,
    unchecked,
)
from phenolens.words.numbers import plural as number_of
from phenolens.words.numbers import some as listed

RANDOM = re.compile(
    r"(?<!center)(?<!centre)crop|flip|rotat|jitter|noise|blur|affine"
    r"|elastic|random|mixup|cutmix|cutout|eras|augment|shift|shear",
    re.IGNORECASE,
)
ENOUGH_COLUMNS = 8
APART = ("well", "plate", "batch", "position", "treatment")


def check_split(declared: Declared) -> Iterable[Evidence]:
    """A split declared by field or cell, where no fold of the rows shows it."""
    if declared.has_folds:
        return
    unit = declared.design.split.unit
    if unit is None:
        yield unchecked("split-shares-wells", f"rows have no '{FOLD}' and [split] unit is not said")
        return
    if unit in APART:
        what = f"The split is by {unit}, as declared."
        yield Evidence("split-shares-wells", "ok", "", what, basis=DECLARATION)
        return
    yield Evidence(
        "split-shares-wells", "error", "",
        f"The split deals out {unit}s, as declared.",
        "A model is tested on images of wells it was trained on: it may have learned the well, not "
        "the treatment.",
        "Split by well at least, better by plate.",
        basis=DECLARATION,
    )  # fmt: skip


def check_overlap(declared: Declared) -> Iterable[Evidence]:
    """Tested rows that a representation learned from."""
    if declared.rows is None:
        yield unchecked("test-rows-in-training", "there is no table of rows")
        return
    found = [*_learned(declared), *_scored_on_training(declared), *_copies(declared)]
    yield from found or [
        unchecked("test-rows-in-training", "nothing says which rows were trained on")
    ]


def _learned(declared: Declared) -> Iterable[Evidence]:
    names = {item.name for item in declared.design.representations} | {*declared.trained}
    for name in sorted(names):
        rows = declared.trained_rows(name)
        if rows is None:
            continue
        basis = DATA if name in declared.trained else DECLARATION
        both = int((rows & declared.tested).sum())
        if both:
            yield _overlap(declared, name, both=both, basis=basis)
        else:
            what = f"{name} learned from {number_of(int(rows.sum()), 'row')}, none of them tested."
            yield Evidence("test-rows-in-training", "ok", name, what, basis=basis)


def _overlap(declared: Declared, name: str, *, both: int, basis: str) -> Evidence:
    blind = declared.design.representation(name).supervised is False
    return Evidence(
        "test-rows-in-training", "warning" if blind else "error", name,
        f"{name} learned from {number_of(both, 'row')} of {int(declared.tested.sum()):,} tested.",
        "It saw the tested images, though no label: how it does on new images is not known."
        if blind else "It was tested on images whose labels it was trained on.",
        "Fit it once per fold, on that fold's training rows only.",
        basis=basis,
    )  # fmt: skip


def _scored_on_training(declared: Declared) -> Iterable[Evidence]:
    """Scores over all rows of a representation that learned labels of some."""
    design = declared.design
    for name in sorted({score.representation for score in design.scores if score.on == "all"}):
        item, rows = design.representation(name), declared.trained_rows(name)
        if rows is None or not rows.any() or item.supervised is not True:
            continue
        metrics = [s.metric for s in design.scores if s.representation == name and s.on == "all"]
        yield Evidence(
            "test-rows-in-training", "error", name,
            f"{', '.join(metrics)} of {name} over all rows; {int(rows.sum()):,} of {len(rows):,} "
            "were trained on with their labels.",
            "Rows of one label lie together because the network was told to put them there.",
            "Score held-out rows, or labels that no network of the fold has seen.",
            basis=DECLARATION,
        )  # fmt: skip


def _copies(declared: Declared) -> Iterable[Evidence]:
    """The same key, image or embedding in several folds."""
    if not declared.has_folds:
        return
    rows, what = declared.rows, "test-rows-in-training"
    kinds = {"key": _key_codes(rows), "image": _hash_codes(rows)}
    kinds |= {f"embedding of {n}": _vector_codes(declared, n) for n in sorted(declared.embeddings)}
    for kind, codes in kinds.items():
        if codes is None:
            continue
        shared = _shared(codes, declared.fold_codes)
        text = f"{number_of(len(shared), 'row')} share their {kind} with a row of another fold."
        if len(shared):
            yield Evidence(
                what, "error", listed("/".join(k) for k in _names(rows, shared)), text,
                "The same image is on both sides of the split.",
                "Keep one row an image, and split afterwards.",
            )  # fmt: skip
        elif kind == "image":
            yield Evidence(what, "ok", "", "No image is in several folds, by its hash.")


def _key_codes(rows: pd.DataFrame) -> np.ndarray | None:
    names = key_columns(rows)
    return rows.groupby(names, dropna=False).ngroup().to_numpy() if len(names) > 2 else None


def _hash_codes(rows: pd.DataFrame) -> np.ndarray | None:
    return pd.factorize(rows[HASH])[0] if HASH in rows else None


def _vector_codes(declared: Declared, name: str) -> np.ndarray | None:
    """Number of each row's distinct vector, -1 where few columns or one value allow coincidence."""
    table = declared.embeddings[name]
    place = placed_in(declared.rows, table)
    if place is None:
        return None
    values = feature_frame(table).to_numpy(np.float64)
    codes = np.full(len(declared.rows), -1)
    real = (place >= 0) & (np.ptp(np.nan_to_num(values), axis=1) > 0)
    if real.any() and values.shape[1] >= ENOUGH_COLUMNS:
        codes[place[real]] = np.unique(values[real], axis=0, return_inverse=True)[1].ravel()
    return codes


def _shared(codes: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Rows whose code occurs in several folds."""
    used = np.flatnonzero((codes >= 0) & (folds >= 0))
    several = pd.Series(folds[used]).groupby(codes[used]).transform("nunique").to_numpy() > 1
    return used[several]


def _names(rows: pd.DataFrame, chosen: np.ndarray) -> list[tuple[str, ...]]:
    part = rows.iloc[chosen][list(WELL_KEY)].drop_duplicates()
    return [tuple(map(str, key)) for key in part.to_numpy()]


def check_augmentation(declared: Declared) -> Iterable[Evidence]:
    """Training images that were never varied, or tested ones that were."""
    told = declared.design.training
    train, test = told.train_transforms, told.test_transforms
    if told.shared_dataset:
        yield _augmentation(
            "error", "Training and test subsets share one dataset object, and so its transform.",
            "Whichever transform was set last serves both: the network never saw a varied image, "
            "or was tested on varied ones.",
            "Give each subset a dataset of its own, and look at a sheet of training images.",
        )  # fmt: skip
    elif train is None or test is None:
        needs = "[training] says not which transforms both subsets had"
        yield unchecked("augmentation-off", needs)
    else:
        yield _compared(train, test)


def _compared(train: tuple[str, ...], test: tuple[str, ...]) -> Evidence:
    varied, wobbly = (
        [t for t in transforms if RANDOM.search(re.sub(r"[\s_-]", "", t))]
        for transforms in (train, test)
    )
    if not varied:
        what = "No training transform varies an image" + (", as in the test." if train else ".")
        return _augmentation(
            "warning", what, "The network may learn single images by heart.",
            "Flip, rotate and crop training images at random.",
        )  # fmt: skip
    if tuple(train) == tuple(test) or wobbly:
        return _augmentation(
            "error" if tuple(train) == tuple(test) else "warning",
            f"Tested images are varied at random too: {', '.join(wobbly)}.",
            "Either the transforms were mixed up, or scores change from run to run.",
            "Vary training images only.",
        )  # fmt: skip
    return _augmentation("ok", f"Training images are varied: {', '.join(varied)}.")


def _augmentation(severity: str, *sentences: str) -> Evidence:
    return Evidence("augmentation-off", severity, "", *sentences, basis=DECLARATION)
