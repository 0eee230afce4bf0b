"""Every representation of the wells: profiles that were given, and those made of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import ConfigError
from phenolens.io.integrate import Integrated, ProfileBlock
from phenolens.io.ledger import Conflict, Ledger, SetAside
from phenolens.prepared import Prepared
from phenolens.profiles import PLATE, SITE, WELL, WELL_KEY
from phenolens.represent.base import ALL, Card, table
from phenolens.represent.units import Cells
from phenolens.study.joint_features import joint_features
from phenolens.study.network_input import crops_of_cells
from phenolens.study.network_settings import JOINT, check_names
from phenolens.study.networks import Trainings
from phenolens.study.session import Session
from phenolens.study.setting_aside import missing_wells, not_in
from phenolens.study.step import Made, step
from phenolens.tools.block import Block
from phenolens.tools.design import Design
from phenolens.tools.names import is_fusion
from phenolens.tools.read import to_wells
from phenolens.tools.representation import Profiles

FEWEST_IMAGES = 3


@dataclass(frozen=True)
class Represented:
    """What the step found: a block a representation, and the trainings of each network."""

    blocks: Mapping[str, Block]
    trainings: Mapping[str, Trainings] = field(default_factory=dict)


@step("curves/*.parquet")
def represent(
    session: Session,
    *,
    screen: Integrated,
    splits: Design,
    prepare: Prepared | None,
    measure: Cells | None,
    fingerprint: str,
) -> Made:
    """Make every representation, fold by fold where it learns.

    Raises
    ------
    ConfigError
        If there is nothing to study, or two representations share a name.
    UndecidedError
        If wells look like others taken again, and the study file does not say what they are.
    """
    blocks = {name: _given(name, block) for name, block in screen.profiles.items()}
    if prepare is None:
        return Made(Represented(blocks))
    wanted = session.study.represent.representations
    check_names(wanted, list(blocks))
    if not blocks and not wanted:
        raise ConfigError(
            "represent.representations is empty and no [[data.profiles]] are given, so there is "
            "nothing to study. Name one, such as 'cellprofiler'."
        )
    if twice := sorted(set(blocks) & set(wanted)):
        raise ConfigError(
            f"[[data.profiles]] name = '{twice[0]}' is also in represent.representations; "
            "give the profiles another name, or take it out there."
        )
    made = _Images(session, screen, splits, prepare, measure, fingerprint)
    for name in wanted:
        if name == "pixel-pca" and len(prepare) < FEWEST_IMAGES:
            session.progress.say(
                f"Left out: {name} needs {FEWEST_IMAGES} images or more, got {len(prepare)}"
            )
        elif not is_fusion(name):
            blocks[name] = made.block(name)
    return Made(
        Represented(blocks, made.trainings),
        {f"curves/{name}.parquet": item.curves() for name, item in made.trainings.items()},
        set_aside=made.set_aside,
        conflicts=made.conflicts,
        counts=made.counts,
    )


def _given(name: str, block: ProfileBlock) -> Block:
    rows = block.table if block.level == "well" else to_wells(block.table)
    card = Card(name, "well", (), preprocessing={"given": True, "normalized": block.normalized})
    return Block(name, {ALL: rows}, {ALL: card}, calibrated=block.normalized)


@dataclass
class _Images:
    """The images and cells of a screen, of which representations are made one by one."""

    session: Session
    screen: Integrated
    design: Design
    prepared: Prepared
    measured_cells: Cells | None
    fingerprint: str
    trainings: dict[str, Trainings] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def block(self, name: str) -> Block:
        """Make one representation, and note the wells that it leaves out."""
        if name == "cellprofiler":
            few = self.session.study.normalize.min_cells
            self._note_missing(
                name, f"fewer than {few} cells found" if few > 1 else "no cell found"
            )
            return self.measured
        if name == "pixel-pca":
            return self._components(name)
        self.trainings[name] = self._trainings(name)
        block = self.trainings[name].block().mapped(self._described)
        self._note_missing(name, "no cell found to crop", block)
        return block

    def _note_missing(self, name: str, why: str, block: Block | None = None) -> None:
        made = next(iter((block or self.measured).tables.values()))
        lost = missing_wells(self.prepared.images.table, profiles.metadata(made))
        self.set_aside += not_in(name, lost, why)
        self.counts[f"wells_not_in_{name}"] = len(lost)

    @property
    def cells(self) -> Cells:
        """The measured cells, which :func:`needs_cells` says when to make."""
        assert self.measured_cells is not None
        return self.measured_cells

    @cached_property
    def measured(self) -> Block:
        """CellProfiler-type features of the wells."""
        from phenolens.io.copies import ask_about_copies
        from phenolens.represent.cells import well_profiles

        cells, settings = self.cells, self.session.study.normalize
        wells = self.session.store.table(
            "cellprofiler",
            cells.key,
            self.fingerprint,
            settings.aggregate,
            settings.min_cells,
            make=lambda: well_profiles(
                cells.units, how=settings.aggregate, min_cells=settings.min_cells
            ),
        )
        wells = self._described(wells)
        ledger, distinct = Ledger(), self.session.study.data.distinct_plates
        ask_about_copies(
            self.screen.wells, {"cellprofiler": wells}, distinct=distinct, ledger=ledger
        )
        known = self.screen.ledger.conflicts
        self.conflicts += [found for found in ledger.conflicts if found not in known]
        card = Card(
            "cellprofiler", "well", self.prepared.channels, preprocessing={"measured": True}
        )
        return Block("cellprofiler", {ALL: wells}, {ALL: card})

    def _described(self, wells: pd.DataFrame) -> pd.DataFrame:
        """Attach the screen's metadata to wells by plate and well."""
        known, keys = self.screen.wells, profiles.metadata(wells)
        new = [c for c in known if c not in keys or c in WELL_KEY]
        joined = keys.merge(known[new], on=list(WELL_KEY), how="left", validate="many_to_one")
        return profiles.with_metadata(wells, joined.to_dict("series"))

    def _trainings(self, name: str) -> Trainings:
        """Every training of a network of this study, done or to be done."""
        study, images = self.session.study, self._network_images
        question = [self.fingerprint, study.prepare.model_dump(), images.cut]
        about = (self.session, name, images, self.screen.wells, self.design, question)
        if name != JOINT:
            return Trainings(*about)
        wells = Profiles(self.measured, self.design, self.session.settings).normalized.wells
        features = joint_features(images, self.cells, wells=wells, design=self.design)
        made = [self.cells.key, study.normalize.model_dump()]
        return Trainings(*about, features=features, measured=made)

    @cached_property
    def _network_images(self) -> Prepared:
        """What networks read: crops around measured cells, or the images as they are."""
        if self.session.study.networks.input == "images" or self.prepared.images.level == "cell":
            return self.prepared
        return crops_of_cells(self.session, self.prepared, cells=self.cells, design=self.design)

    def _components(self, name: str) -> Block:
        """Components of pixels: once on all images, and once per fold on its training wells."""
        folds, rows = self.design.folds, {ALL: np.arange(len(self.prepared))}
        if folds is not None:
            metadata = self.prepared.images.metadata
            keys = pd.DataFrame(index=pd.MultiIndex.from_frame(metadata[[PLATE, WELL, SITE]]))
            rows |= {str(fold): train for fold, train, _ in folds.iterate(keys)}
        made = {fold: self._fitted(name, fold, train) for fold, train in rows.items()}
        tables = {fold: wells for fold, (wells, _) in made.items()}
        return Block(name, tables, {fold: card for fold, (_, card) in made.items()})

    def _fitted(self, name: str, fold: str, train: np.ndarray) -> tuple[pd.DataFrame, Card]:
        from phenolens.represent.pixel_pca import PixelPCA

        session, prepared = self.session, self.prepared
        model = PixelPCA(session.study.represent.pixel_size, session.study.represent.components)
        question = [self.fingerprint, session.study.prepare.model_dump(), repr(model)]
        rows = np.arange(len(prepared))

        def make() -> pd.DataFrame:
            session.progress.say(f"Fitting {name}, fold {fold}")
            fitted = model.fit(prepared, train, seed=session.seed)
            images = table(prepared, rows, fitted.extract(prepared, rows), name=name)
            return profiles.aggregate(images, list(WELL_KEY), how="mean")

        wells = session.store.table(name, question, train, session.seed, make=make)
        places = prepared.images.table.iloc[train]
        seen = tuple(sorted(set(places[PLATE].astype(str) + "/" + places[WELL])))
        card = replace(model, trained_on=seen).card(prepared, fold=fold)
        return self._described(wells), card
