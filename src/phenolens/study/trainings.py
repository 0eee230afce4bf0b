"""Representations that learn, in a study: one fitted a fold, its profiles and card in the store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from traceback import walk_tb
from typing import Any

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import InputError, PhenolensError
from phenolens.files import read_sealed, sealed, write_sealed
from phenolens.prepared import Prepared
from phenolens.profiles import CELL_LABEL, PLATE, SITE, TREATMENT, WELL, WELL_KEY
from phenolens.represent.base import (
    ALL,
    Card,
    Learns,
    Representation,
    options_of,
    require_rows,
    table,
    wells_of,
)
from phenolens.represent.pooling import Pooling, pooled, weighted
from phenolens.splits.cells import CellFolds
from phenolens.store import code_of, files_named, read_table, write_table
from phenolens.study.disjoint import Groups, treatment_groups
from phenolens.study.session import Session
from phenolens.tools.block import Block, crossed
from phenolens.tools.design import Design
from phenolens.tools.names import is_fusion
from phenolens.words.numbers import size
from phenolens.written import written

_ASKED = re.compile(r"DefaultCPUAllocator: .*allocate (\d+) bytes")


OF_CELLS = "cells-"
"""How folds of cells are called, before their number."""


@dataclass(frozen=True)
class FeaturesOfCells:
    """Features of single cells as a representation gives them, by the fold it was fitted for.

    Attributes
    ----------
    tables : dict of str to DataFrame
        Profile tables with a row a labelled cell; ``all`` where nothing is learned, else one of
        each fold of cells.
    cards : dict of str to Card
    """

    tables: dict[str, pd.DataFrame]
    cards: dict[str, Card]

    def of(self, fold: int) -> tuple[pd.DataFrame, Card]:
        """What was fitted without this fold's wells."""
        name = f"{OF_CELLS}{fold}" if f"{OF_CELLS}{fold}" in self.tables else ALL
        return self.tables[name], self.cards[name]


@dataclass(frozen=True)
class Trainings:
    """Everything that one representation of a study is fitted for.

    Attributes
    ----------
    session : Session
    name : str
        A representation that reads images or crops.
    prepared : Prepared
        What it reads.
    wells : DataFrame
        The screen's wells.
    design : Design
        Folds and control roles.
    question : list
        What the pixels depend on.
    cell_folds : CellFolds, optional
        Folds for the labels of cells, which are then what is learned in the place of treatments;
        the features of single cells are kept.
    """

    session: Session
    name: str
    prepared: Prepared
    wells: pd.DataFrame = field(repr=False)
    design: Design = field(repr=False)
    question: list = field(repr=False)
    cell_folds: CellFolds | None = field(default=None, repr=False)

    def block(self) -> Block:
        """Fit, or find, the representation of every fold; profiles of all wells by each."""
        self.make()
        folds = [fold for fold in self.rows if not fold.startswith(OF_CELLS)]
        tables = {fold: self._wells(fold) for fold in folds}
        cards = {fold: _card(self.folder(fold)) for fold in folds}
        return Block(self.name, tables, cards, unseen=self.groups.unseen)

    def cells(self) -> FeaturesOfCells:
        """Fit, or find, the representation of every fold of cells; features of all by each."""
        self.make()
        folds = [fold for fold in self.rows if self._keeps_cells(fold)]
        return FeaturesOfCells(
            {fold: self._table(fold, "cells") for fold in folds},
            {fold: _card(self.folder(fold)) for fold in folds},
        )

    def make(self) -> None:
        """Fit the representation of every fold that is not made yet."""
        for fold in self.rows:
            if not self.made(fold):
                self._make(fold)

    @property
    def learns_cells(self) -> bool:
        """Whether it learns the labels of cells, and makes no profiles of wells."""
        return self.cell_folds is not None and self.learns == "labels"

    def _keeps_cells(self, fold: str) -> bool:
        """Whether cells are classified by the features of this fit."""
        if self.cell_folds is None:
            return False
        return fold.startswith(OF_CELLS) or self.learns == "nothing"

    @cached_property
    def kind(self) -> type[Representation]:
        """The representation's class."""
        return self.session.kinds[self.name]

    @cached_property
    def options(self) -> Any:
        """What the study file says of it."""
        return options_of(self.kind, self.session.study.model_dump())

    @cached_property
    def learns(self) -> Learns:
        """What it looks at with these options, and with what makes wells of its images."""
        return "labels" if self.pooling == "attention" else self.kind.learns_with(self.options)

    @cached_property
    def pooling(self) -> Pooling:
        """How images become wells; baselines learn no labels for that either."""
        asked: Pooling = getattr(self.options, "pooling", "mean")
        return "mean" if asked == "attention" and self.kind.kind == "baseline" else asked

    @cached_property
    def unfitted(self) -> Representation:
        """The representation as the study file says, before it learns."""
        level = self.prepared.images.level
        with telling(self.kind, "of"):
            return self.kind.of(self.options, level=level, seed=self.session.seed)

    @cached_property
    def images(self) -> pd.DataFrame:
        """Plate, well, site (and object), treatment, control and role of each image."""
        table = self.prepared.images.table
        keys = table[[*self.prepared.images.key, *([CELL_LABEL] if CELL_LABEL in table else [])]]
        known = self.wells
        wells = known[[c for c in (*WELL_KEY, TREATMENT, profiles.CONTROL) if c in known]]
        wells = wells.merge(self.design.roles, on=WELL_KEY, how="left")
        return keys.merge(wells, on=WELL_KEY, how="left", validate="many_to_one")

    @cached_property
    def groups(self) -> Groups:
        """Treatments in groups, for what learns labels; none for others."""
        if self.learns != "labels" or self.learns_cells:
            return Groups()
        groups = self.session.study.networks.groups
        return treatment_groups(self.wells, groups=groups, seed=self.session.seed)

    @cached_property
    def rows(self) -> dict[str, np.ndarray]:
        """Images that each fit may see, by fold."""
        everything = np.arange(len(self.prepared))
        if self.learns == "nothing":
            return {ALL: everything}
        of_cells = self._of_cell_folds()
        if self.learns_cells:
            return {fold: rows[self._usable[rows]] for fold, rows in of_cells.items()}
        found = self._of_folds()
        if self.learns == "pixels":
            return {ALL: everything} | found | of_cells
        if self._fused:
            found |= _crossed(found)
        found |= self.groups.training_rows(self.images)
        return {fold: rows[self._usable[rows]] for fold, rows in found.items()}

    @property
    def _fused(self) -> bool:
        """Whether a fusion of this study has it as a block, to be judged on training wells."""
        wanted = self.session.study.represent.representations
        return any(is_fusion(name) and self.name in name.split("+") for name in wanted)

    @cached_property
    def _usable(self) -> np.ndarray:
        """Images that can be learned from."""
        return np.ones(len(self.images), dtype=bool)

    def _of_folds(self) -> dict[str, np.ndarray]:
        folds = self.design.folds
        if folds is None:
            return {}
        keys = pd.DataFrame(index=pd.MultiIndex.from_frame(self.images[[PLATE, WELL, SITE]]))
        named = np.ones(len(keys), dtype=bool)
        if self.learns == "labels":
            named = self.images[TREATMENT].notna().to_numpy()
        return {str(fold): train[named[train]] for fold, train, _ in folds.iterate(keys)}

    def _of_cell_folds(self) -> dict[str, np.ndarray]:
        """Images of the wells that a fold does not hold out; labelled ones for what learns labels.

        Which label a cell has decides nothing for what learns pixels.
        """
        if self.cell_folds is None:
            return {}
        fold = self.cell_folds.of(self.images)
        known = self.images[CELL_LABEL].notna().to_numpy() | (self.learns == "pixels")
        return {
            f"{OF_CELLS}{number}": np.flatnonzero(known & (fold != number))
            for number in range(self.cell_folds.n_folds)
        }

    def folder(self, fold: str) -> Path:
        """Where card and profiles of one fit lie."""
        question = [*self.question, *self._code, self.options.model_dump(), self.rows[fold]]
        question += [files_named(self.options.model_dump())]
        labels = self._labels(fold)
        question += [[] if labels is None else labels.tolist(), self.session.seed]
        return self.session.store.folder(f"representation-{self.name}", *question)

    @property
    def _code(self) -> list:
        return code_behind(self.kind)

    def _labels(self, fold: str) -> np.ndarray | None:
        if self.learns != "labels":
            return None
        named = CELL_LABEL if self.learns_cells else TREATMENT
        return self.images[named].to_numpy(dtype=object)[self.rows[fold]]

    def made(self, fold: str) -> bool:
        """Whether this fit is over and all it left is there."""
        folder = self.folder(fold)
        tables = ["wells", *(["cells"] if self._keeps_cells(fold) else [])]
        there = all(sealed(folder / f"{name}.parquet") for name in tables)
        return (folder / "card.json").is_file() and there

    def _wells(self, fold: str) -> pd.DataFrame:
        return self._table(fold, "wells")

    def _table(self, fold: str, name: str) -> pd.DataFrame:
        return profiles.from_frame(read_table(self.folder(fold) / f"{name}.parquet"))

    def _make(self, fold: str) -> None:
        folder, rows = self.folder(fold), np.arange(len(self.prepared))
        fitted = self._fit(fold)
        bar = self.session.progress.bar(f"Reading images with {self.name}, fold {fold}")
        with bar as tick, telling(self.kind, f"extract, fold {fold}"):
            found = fitted.extract(self.prepared, rows, progress=tick)
        features = require_rows(found, len(rows), self.name, fold=fold)
        images = table(self.prepared, rows, features, name=self.name)
        if self._keeps_cells(fold):
            labelled = profiles.take(images, self.images[CELL_LABEL].notna().to_numpy())
            one = profiles.keep_metadata(labelled, self.prepared.images.key)
            write_table(profiles.to_frame(one), folder / "cells.parquet")
        wells = self._pooled(images, fold)
        write_table(profiles.to_frame(wells), folder / "wells.parquet")
        self._keep(fitted, folder)
        with telling(self.kind, f"card, fold {fold}"):
            card = self._true(fitted.card(self.prepared, fold=fold)).as_dict()
        write_sealed(folder / "card.json", card)

    def _pooled(self, images: pd.DataFrame, fold: str) -> pd.DataFrame:
        if self.pooling != "attention":
            return pooled(images, self.pooling)
        from phenolens.represent.networks.attention import attention_weights

        labels, (wells, _) = self._labels(fold), profiles.groups(images, list(WELL_KEY))
        assert labels is not None  # attention learns labels
        weights = attention_weights(
            images.to_numpy(dtype=np.float32),
            wells,
            rows=self.rows[fold],
            labels=labels,
            seed=self.session.seed,
        )
        return weighted(images, weights)

    def _fit(self, fold: str) -> Representation:
        bar = self.session.progress.bar(f"Fitting {self.name}, fold {fold}")
        with bar as tick, telling(self.kind, f"fit, fold {fold}"):
            return self.unfitted.fit(
                self.prepared,
                self.rows[fold],
                labels=self._labels(fold),
                seed=self.session.seed,
                progress=tick,
            )

    def _keep(self, fitted: Representation, folder: Path) -> None:
        """What else stays of a fit."""

    def _true(self, card: Card) -> Card:
        """The card with the wells and labels that were shown, whatever the representation says."""
        if self.learns == "nothing":
            return card
        labels = self._labels(card.fold)
        if self.pooling == "attention":
            card = replace(card, learns="labels", kind=card.kind and "supervised")
        made = {**card.preprocessing, "pooling": self.pooling}
        return replace(
            card,
            preprocessing=made,
            trained_on=tuple(wells_of(self.prepared, self.rows[card.fold])),
            labels_seen=() if labels is None else tuple(sorted(set(labels.astype(str)))),
        )


def _crossed(folds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rows that neither of two folds tests: half as many fits more as there are folds.

    What learned labels is judged for a fusion on training wells that it has not seen. The folds are
    taken two by two, and one fit serves both; of two folds nothing is left to learn from.
    """
    names = list(folds)
    if len(names) < 3:
        return {}
    pairs = list(zip(names[::2], names[1::2], strict=False))
    if len(names) % 2:
        pairs.append((names[-1], names[0]))
    found = {}
    for first, second in pairs:
        both = np.intersect1d(folds[first], folds[second])
        found[crossed(int(first), int(second))] = both
        found[crossed(int(second), int(first))] = both
    return found


def code_behind(kind: type[Representation]) -> list[str]:
    """The code of a representation: what it made before is made anew where this has changed.

    A class of a script or notebook counts with what is written there, not with the whole file.
    """
    home = kind.__module__
    code = written(kind) if home == "__main__" else code_of(home)
    return [kind.__qualname__, kind.version, code]


@contextmanager
def telling(kind: type[Representation], doing: str) -> Iterator[None]:
    """Within the block what somebody else's encoder raises becomes one line that names it.

    So does memory that PyTorch does not get on a processor, in ours too.

    Raises
    ------
    InputError
    """
    try:
        yield
    except (PhenolensError, MemoryError):
        raise
    except Exception as error:  # whatever a stranger's class raises
        if asked := _ASKED.search(str(error)):
            raise InputError(
                f"Representation '{kind.name}' ran out of memory in {doing}: {size(int(asked[1]))} "
                "more were not there. Set a smaller batch or size for it, or close other programs; "
                "what was finished is kept."
            ) from None
        if kind.__module__.startswith("phenolens."):
            raise
        frames = [f for f, _ in walk_tb(error.__traceback__) if f.f_code.co_filename != __file__]
        own = [f for f in frames if f.f_globals.get("__name__") == kind.__module__]
        place = f" ({own[-1].f_code.co_filename}, line {own[-1].f_lineno})" if own else ""
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".rstrip(": ")
        raise InputError(
            f"Representation '{kind.name}' failed in {doing}: {said}{place}. Mend it, or take it "
            "out of the study."
        ) from error


def _card(folder: Path) -> Card:
    found = read_sealed(folder / "card.json")
    for name in ("channels", "trained_on", "labels_seen"):
        found[name] = tuple(found[name])
    return Card(**found)
