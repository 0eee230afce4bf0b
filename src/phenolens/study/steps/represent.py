"""Every representation of the wells: profiles that were given, and those made of images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import pandas as pd

from phenolens import profiles
from phenolens.errors import ConfigError
from phenolens.io.cards import card_of_files
from phenolens.io.features import kind_of_features
from phenolens.io.integrate import Integrated, ProfileBlock
from phenolens.io.ledger import Conflict, Ledger, SetAside
from phenolens.io.paths import expand
from phenolens.normalize.quality import quality_columns, quality_weights
from phenolens.prepared import Prepared
from phenolens.profiles import CELL_LABEL, PLATE, WELL, WELL_KEY
from phenolens.represent.base import ALL, Card, options_of
from phenolens.represent.cellprofiler import CellProfiler
from phenolens.represent.measuring.units import Cells, Unit, fields
from phenolens.represent.networks.network import Network
from phenolens.splits.cells import CellFolds
from phenolens.splits.roles import CALIBRATING
from phenolens.store import digest
from phenolens.study.explaining import cost_of_maps, explained
from phenolens.study.joint_features import joint_features
from phenolens.study.network_input import crops_of_cells, reads_images_whole
from phenolens.study.networks import NetworkTrainings
from phenolens.study.plan import announce, memory_for
from phenolens.study.representations import check_names
from phenolens.study.session import Session
from phenolens.study.setting_aside import missing_wells, not_in
from phenolens.study.step import Made, step
from phenolens.study.trainings import FeaturesOfCells, Trainings, code_behind, telling
from phenolens.tools.block import Block
from phenolens.tools.design import Design
from phenolens.tools.names import is_fusion
from phenolens.tools.read import to_wells
from phenolens.tools.representation import Profiles
from phenolens.tools.training import Told, given_block, told_by


@dataclass(frozen=True)
class Represented:
    """What the step found: a block a representation, and the trainings of each network.

    Where cells have labels, ``cells`` holds the features of single cells; what learned those labels
    has no block of wells.
    """

    blocks: Mapping[str, Block]
    trainings: Mapping[str, Trainings] = field(default_factory=dict)
    cells: Mapping[str, FeaturesOfCells] = field(default_factory=dict)


@step("curves/*.parquet")
def represent(
    session: Session,
    *,
    screen: Integrated,
    splits: Design,
    cell_splits: CellFolds | None,
    prepare: Prepared | None,
    measure: Cells | None,
) -> Made:
    """Make every representation, fold by fold where it learns.

    Raises
    ------
    ConfigError
        If there is nothing to study, or two representations share a name.
    UndecidedError
        If wells look like others taken again, and the study file does not say what they are.
    """
    blocks = {
        name: _given(session, name, block, screen.wells) for name, block in screen.profiles.items()
    }
    aside = [entry for name, block in blocks.items() for entry in _trained_on(screen, name, block)]
    if prepare is None:
        return Made(Represented(blocks), set_aside=aside)
    wanted = session.study.represent.representations
    check_names(wanted, blocks, known=session.kinds)
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
    made = _Images(session, screen, splits, prepare, measure, cell_splits)
    possible = []
    for name in wanted:
        if is_fusion(name):
            continue
        fewest = session.kinds[name].fewest
        if len(prepare) < fewest:
            session.progress.say(
                f"Left out: {name} needs {fewest} images or more, got {len(prepare)}"
            )
            continue
        if made.lacks_cells(name):
            session.progress.say(f"Left out: {name} is made of cells, and none was found")
            continue
        possible.append(name)
    made.announce(possible)
    of_cells = {name: made.of_cells(name) for name in possible} if cell_splits else {}
    blocks |= {name: made.block(name) for name in possible if not made.learns_cells(name)}
    networks = {n: t for n, t in made.trainings.items() if isinstance(t, NetworkTrainings)}
    return Made(
        Represented(blocks, made.trainings, of_cells),
        {f"curves/{name}.parquet": item.curves() for name, item in networks.items()},
        set_aside=[*aside, *made.set_aside],
        conflicts=made.conflicts,
        counts=made.counts,
    )


def _given(session: Session, name: str, block: ProfileBlock, wells: pd.DataFrame) -> Block:
    rows = block.table if block.level == "well" else to_wells(block.table)
    (section,) = (item for item in session.study.data.profiles if item.name == name)
    files = [section.files] if isinstance(section.files, str) else section.files
    embedded = all(file.endswith(".npz") for file in files)  # as DeepProfiler writes them
    # a card is of a table's own features, not of an embedding that lies beside them
    card = None if section.obsm else card_of_files(expand(files, session.root))
    kind = card["kind"] if card else "pretrained" if embedded else kind_of_features(rows.columns)
    told = Told(
        section.trained_on,
        section.labels_seen,
        licence=section.licence,
        url=section.url,
        spelled=f"[[data.profiles]] '{name}': {{}}".format,
    )
    told = told_by(card, told, source=f"[[data.profiles]] '{name}'", wells=wells)
    kind = section.kind or kind
    return given_block(name, rows, told=told, kind=kind, normalized=block.normalized, wells=wells)


def _trained_on(screen: Integrated, name: str, block: Block) -> list[SetAside]:
    """Entries of the ledger for wells that profiles made elsewhere learned labels from."""
    before, after = (profiles.metadata(rows) for rows in (screen.profiles[name].table, block.wells))
    return not_in(name, missing_wells(before, after), "trained-on-well")


@dataclass
class _Images:
    """The images and cells of a screen, of which representations are made one by one."""

    session: Session
    screen: Integrated
    design: Design
    prepared: Prepared
    measured_cells: Cells | None
    cell_folds: CellFolds | None = None
    trainings: dict[str, Trainings] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def lacks_cells(self, name: str) -> bool:
        """Whether a representation has no well to be made of; then its wells are noted."""
        kind, study = self.session.kinds[name], self.session.study
        measured = kind.reads == "measurements" or kind.needs_measured
        cut = kind.reads == "crops" and not reads_images_whole(self.session, self.prepared)
        if not (measured or cut):
            return False
        needed = max(study.normalize.min_cells if measured else 0, 1)
        if max(self._counts.values(), default=0) >= needed:
            return False
        lost = missing_wells(self.prepared.images.table, self.prepared.images.table.head(0))
        self.set_aside += not_in(name, lost, "too-few-cells", needed=needed)
        self.counts[f"wells_not_in_{name}"] = len(lost)
        return True

    def learns_cells(self, name: str) -> bool:
        """Whether a representation learns the labels of cells, and makes no profiles of wells."""
        if self.session.kinds[name].reads == "measurements":
            return False
        return self._trainings(name).learns_cells

    def of_cells(self, name: str) -> FeaturesOfCells:
        """Features of single labelled cells."""
        if self.session.kinds[name].reads != "measurements":
            return self._trainings(name).cells()
        table = pd.concat([self.cells.read(plate, self.cells.columns(plate))
                           for plate in self.cells.plates], ignore_index=True)  # fmt: skip
        key = self.prepared.images.key
        described = [c for c in table if c.startswith(profiles.PREFIX) and c not in key]
        features = profiles.from_frame(table.drop(columns=described))
        labelled = self.prepared.images.table.dropna(subset=CELL_LABEL)
        keys = profiles.metadata(features)
        known = profiles.keys(keys, key).isin(profiles.keys(labelled, key))
        card = Card(
            name, "cell", self.prepared.channels, kind=self.session.kinds[name].kind,
            preprocessing={"measured": True},
        )  # fmt: skip
        return FeaturesOfCells({ALL: profiles.take(features, known)}, {ALL: card})

    def block(self, name: str) -> Block:
        """Make one representation, and note the wells that it leaves out."""
        if self.session.kinds[name].reads == "measurements":
            few = self.session.study.normalize.min_cells
            block = self._measured(name)
            code, values = "too-few-cells", {"needed": few}
        else:
            block = self._trainings(name).block().mapped(self._described)
            code, values = "nothing-to-crop", {}
        made = profiles.metadata(next(iter(block.tables.values())))
        lost = missing_wells(self.prepared.images.table, made)
        self.set_aside += not_in(name, lost, code, **values)
        self.counts[f"wells_not_in_{name}"] = len(lost)
        return block

    @cached_property
    def _counts(self) -> Counter[tuple[str, str]]:
        """Cells by plate and well."""
        counts: Counter[tuple[str, str]] = Counter()
        for unit in self.cells.units:
            counts[unit.plate, unit.well] += unit.n_cells()
        return counts

    @property
    def _level(self) -> str:
        return self.prepared.images.level

    @property
    def cells(self) -> Cells:
        """The measured cells, which :func:`needs_cells` says when to make."""
        assert self.measured_cells is not None
        return self.measured_cells

    def _measured(self, name: str) -> Block:
        """Features of the wells made of those of their cells."""
        from phenolens.io.copies import ask_about_copies

        cells, settings, kind = self.cells, self.session.study.normalize, self.session.kinds[name]
        units = self._weighed if settings.quality_weights else cells.units
        options, level = options_of(kind, self.session.study.model_dump()), self._level
        with telling(kind, "of"):
            made = kind.of(options, level=level, seed=self.session.seed)

        def make() -> pd.DataFrame:
            with telling(kind, "wells"):
                how = settings.aggregate
                return made.wells(units, how=how, min_cells=settings.min_cells)

        wells = self.session.store.table(
            name,
            [cells.digest, self.prepared.digest, level, self.session.seed],
            [*code_behind(kind), options.model_dump()],
            settings.aggregate,
            settings.min_cells,
            *([[unit.weight for unit in units]] if settings.quality_weights else []),
            make=make,
        )
        wells = self._described(wells)
        ledger, distinct = Ledger(), self.session.study.data.distinct_plates
        ask_about_copies(self.screen.wells, {name: wells}, distinct=distinct, ledger=ledger)
        known = [*self.screen.ledger.conflicts, *self.conflicts]
        self.conflicts += [found for found in ledger.conflicts if found not in known]
        made_by = self.session.kinds[name].kind
        card = Card(
            name, "well", self.prepared.channels, kind=made_by, preprocessing={"measured": True}
        )
        return Block(name, {ALL: wells}, {ALL: card})

    @cached_property
    def _weighed(self) -> list[Unit]:
        """The measured units, each with its weight by the quality of its field."""
        table = fields(self.cells.units)
        if not quality_columns(table):
            raise ConfigError(
                "normalize.quality_weights = true, but crops have no quality of their field to "
                "weigh by. Leave the setting out."
            )
        roles = self.design.roles.set_index([PLATE, WELL])["role"]
        own = roles.reindex(pd.MultiIndex.from_frame(table[[PLATE, WELL]])).fillna("")
        weights, report = quality_weights(table, own.isin(CALIBRATING).to_numpy())
        self.counts["fields_weighed_down"] = int(str(report["weighed_down"]))
        return [
            replace(unit, weight=float(weight))
            for unit, weight in zip(self.cells.units, weights, strict=True)
        ]

    def _described(self, wells: pd.DataFrame) -> pd.DataFrame:
        """Attach the screen's metadata to wells by plate and well."""
        known, keys = self.screen.wells, profiles.metadata(wells)
        new = [c for c in known if c not in keys or c in WELL_KEY]
        joined = keys.merge(known[new], on=list(WELL_KEY), how="left", validate="many_to_one")
        return profiles.with_metadata(wells, joined.to_dict("series"))

    def announce(self, names: Sequence[str]) -> None:
        """Say what trainings and maps of all networks among these will cost, before the first."""
        networks = [name for name in names if issubclass(self.session.kinds[name], Network)]
        found = [one for one in map(self._trainings, networks) if isinstance(one, NetworkTrainings)]
        costs = [cost for one in found for cost in one.costs()]
        looked = explained(found)
        if looked is not None and looked.costs() and (maps := cost_of_maps(looked)):
            costs.append(maps)
        announce(self.session, costs, room=memory_for(1))

    def _trainings(self, name: str) -> Trainings:
        """Every fit of a representation of this study, done or to be done."""
        if name not in self.trainings:
            self.trainings[name] = self._new_trainings(name)
        return self.trainings[name]

    def _new_trainings(self, name: str) -> Trainings:
        study, kind = self.session.study, self.session.kinds[name]
        images = self.prepared if kind.reads == "images" else self._crops
        described = [images.images.metadata, self.screen.wells]
        question = [images.digest, digest(*described), digest(self.design.roles)]
        about = (self.session, name, images, self.screen.wells, self.design, question)
        folds = self.cell_folds
        if not issubclass(kind, Network):
            return Trainings(*about, cell_folds=folds)
        if not kind.needs_measured:
            return NetworkTrainings(*about, cell_folds=folds)
        block = self._measured(CellProfiler.name)
        wells = Profiles(block, self.design, self.session.settings).normalized.wells
        features = joint_features(images, self.cells, wells=wells, design=self.design)
        made = [self.cells.digest, study.normalize.model_dump()]
        return NetworkTrainings(*about, folds, features=features, measured=made)

    @cached_property
    def _crops(self) -> Prepared:
        """Crops around measured cells, or the images as they are where the study says so."""
        if reads_images_whole(self.session, self.prepared):
            return self.prepared
        return crops_of_cells(self.session, self.prepared, cells=self.cells, design=self.design)
