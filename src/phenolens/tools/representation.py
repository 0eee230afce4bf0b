"""The wells of a screen in one representation, as every question takes them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.layout.examine import Layout, examine_layout
from phenolens.evaluate.matching import labels
from phenolens.findings import Finding, Severity
from phenolens.normalize.cell_count import FEWEST as FEWEST_COUNTED
from phenolens.normalize.consensus import consensus
from phenolens.normalize.position import FEWEST as FEWEST_POSITIONS
from phenolens.profiles import (
    BATCH,
    COMPOUND,
    CONCENTRATION,
    MECHANISM,
    PLATE,
    TARGET,
    TREATMENT,
    WELL,
)
from phenolens.settings import Settings
from phenolens.splits.folds import Folds
from phenolens.tools.block import NOBODY, Block, assembled
from phenolens.tools.calibrate import LeftOut, calibrated
from phenolens.tools.columns import find_column, names_given, telling
from phenolens.tools.compared import compared, compared_parts, tested_rows
from phenolens.tools.design import Design, make_design
from phenolens.tools.fusions import (
    BY_REPLICATES,
    EQUAL,
    ON_OTHERS,
    Weighed,
    weighed_for_activity,
    weighed_for_matching,
)
from phenolens.tools.training import training_findings

DESCRIBED = (TREATMENT, COMPOUND, CONCENTRATION, MECHANISM, TARGET, BATCH)
LARGE = 2 * 10**7
"""Tables of so many values are held in two stages at a time, and not in three."""
_CUT = ("leave_out", "max_folds")
_SCALED = (
    "method", "clip", "spread", "position", "cell_count", "transform", "whitening",
    "regularization", "shrinkage",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Profiles:
    """The wells of a screen in one representation, with what decides every number about them.

    :func:`phenolens.read` makes one of a table; a study writes one per representation under
    ``profiles/``. Every question takes it, and takes the same steps: calibrate wells on the
    controls that calibrate, select features and whiten on those controls, compare.

    Attributes
    ----------
    block : Block
        Wells as measured, or as `stage` says.
    design : Design
        Control roles and folds.
    settings : Settings
    stage : {"measured", "normalized", "compared"}
        What the block holds: ``normalized`` for what a study left, ``compared`` for fusions, whose
        blocks were calibrated and whitened one by one.
    findings : tuple of Finding
        What was assumed and left out on reading.
    named_by : tuple of str
        Columns that together name a treatment.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> wells = pl.read(screen)  # once, for several questions
    >>> wells.space
    'normalized, selected, whitened'
    >>> wells.normalized.wells.shape[1], wells.wells.shape[1]  # features scaled; and compared
    (200, 200)
    >>> pl.assay(wells).summary["passed"], pl.batch(wells).summary["by"]
    (4, ['Metadata_Plate'])
    """

    block: Block
    design: Design
    settings: Settings
    stage: str = "measured"
    findings: tuple[Finding, ...] = ()
    named_by: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the representation."""
        return self.block.name

    @property
    def _about(self) -> dict[str, str]:
        return {"representation": self.name}

    @property
    def table(self) -> pd.DataFrame:
        """The wells as the block holds them: profile table, metadata in the row index."""
        return assembled(self.block).wells

    @cached_property
    def _calibrated(self) -> tuple[Block, tuple[LeftOut, ...]]:
        if self.stage != "measured":
            return self.block, ()
        block, left_out = calibrated(self.block, self.design, self.settings)
        return assembled(block), left_out

    @property
    def normalized(self) -> Block:
        """Wells scaled on their own plate's calibrating controls, a table a fold."""
        return self._calibrated[0]

    @cached_property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Wells that could not be used, with the reason."""
        return self._calibrated[1]

    @cached_property
    def compared(self) -> Block:
        """Wells as they are compared: selected and, with enough controls, whitened."""
        if self.stage == "compared":
            return self.block
        made, _ = compared(self.normalized, self.design, self.settings), self.left_out
        if sum(table.size for table in self.block.tables.values()) > LARGE:
            del self.__dict__["_calibrated"]  # made anew for the few questions that ask for it
        return made

    @cached_property
    def unwhitened(self) -> Block:
        """Wells as they are compared, but that no control has fitted positions or directions."""
        if self.stage == "compared":
            return self.block
        plain = replace(
            self.settings, position="none", cell_count="none", transform="none", whitening="none"
        )
        return compared(self.normalized, self.design, plain)

    @cached_property
    def parts(self) -> tuple[pd.DataFrame, ...]:
        """Wells that may be compared with one another.

        What learned labels has several parts, each the wells of some treatments as seen by a
        network that never saw their labels; rows of two parts must not be compared.
        """
        return compared_parts(self.compared, self.design)

    @cached_property
    def weighed(self) -> tuple[Weighed, ...]:
        """Of a fusion, wells with blocks weighed for tests of activity; empty for others.

        Treatments of a part take shares that other compounds have chosen.
        """
        if not self.block.features:
            return ()
        return tuple(weighed_for_activity(self.compared, self.design, seed=self.settings.seed))

    @cached_property
    def weighed_by_replicates(self) -> Weighed | None:
        """Of a fusion, all wells with blocks weighed by replicates; None for others.

        For questions that ask for something else than replicates.
        """
        if not self.block.features or not self.whole:
            return None
        return weighed_for_matching(self.compared, self.design, seed=self.settings.seed)

    @property
    def wells(self) -> pd.DataFrame:
        """The wells as they are compared, or those of the first part."""
        return self.parts[0]

    @property
    def whole(self) -> bool:
        """Whether all wells can be compared with one another."""
        return len(self.parts) == 1

    @property
    def space(self) -> str:
        """What the compared values are, in words."""
        return str(self.compared.notes.get("space", ""))

    @property
    def space_of_activity(self) -> str:
        """The same where a fusion's blocks were weighed for tests of activity."""
        chosen = any(one.chosen for one in self.weighed)
        return self.space.replace(EQUAL, ON_OTHERS) if chosen else self.space

    @property
    def space_of_matching(self) -> str:
        """The same where a fusion's blocks were weighed by replicates."""
        weighed = self.weighed_by_replicates
        chosen = weighed is not None and weighed.chosen
        return self.space.replace(EQUAL, BY_REPLICATES) if chosen else self.space

    @property
    def elsewhere(self) -> bool:
        """Whether the profiles were normalized by another tool."""
        return self.block.calibrated

    def column(self, name: str | None, *, setting: str, usual: str = "") -> str:
        """The metadata column that a setting names, in the wells' own spelling; else the usual one.

        Parameters
        ----------
        name : str or None
            With or without ``Metadata_``; None where the setting says nothing.
        setting : str
            For the error.
        usual : str
            The column where `name` is None.

        Returns
        -------
        str

        Raises
        ------
        InputError
            If there is none; names the nearest.
        """
        if name is None and usual:
            return usual
        return find_column(
            profiles.metadata(self.wells),
            name,
            setting=setting,
            source=repr(self.name),
            features=self.block.wells.columns,
        )

    def columns(self, names: str | Sequence[str] | None, *, setting: str) -> list[str] | None:
        """As :meth:`column`, for a setting that may name several; None where it says nothing.

        Parameters
        ----------
        names : str, sequence of str or None
        setting : str
            For the error.

        Returns
        -------
        list of str or None
        """
        if names is None:
            return None
        return [self.column(name, setting=setting) for name in names_given(setting, names)]

    def settings_with(self, **options: object) -> dict[str, Any]:
        """Every setting behind a number: those of the profiles, and those of the question."""
        return asdict(self.settings) | options

    def space_findings(self) -> Iterator[Finding]:
        """What the compared values are, and the wells that could not be compared."""
        whitened = self.compared.notes.get("whitened_on")
        yield Finding("space", "info", {}, {"space": self.space, "whitened_on": whitened})
        yield from training_findings(self.block)
        yield from self._removed_position()
        yield from self._removed_cell_count()
        yield from self._feature_findings()
        if self.left_out:
            first = self.left_out[0]
            values = {"wells": len(self.left_out), "well": f"{first.plate}/{first.well}"}
            yield Finding("wells-left-out", "warning", {}, values | {"why": first.why})

    @cached_property
    def layout(self) -> Layout | None:
        """What the positions of the wells alone say; None where no well names a treatment."""
        wells = profiles.metadata(self.table)
        if TREATMENT not in wells or wells[TREATMENT].isna().all():
            return None
        return examine_layout(wells, seed=self.settings.seed)

    @cached_property
    def position_findings(self) -> tuple[Finding, ...]:
        """What position could explain of any comparison of these wells; empty where it could not.

        ``values["finding"]`` is the code of the layout's finding, ``about["treatment"]`` whom it
        concerns (none: all of them, or more than could be named).
        """
        if self.layout is None:
            return ()
        found = [*self.layout.replicates, self.layout.controls]
        return tuple(
            _could_explain(finding)
            for finding in found
            if finding is not None and finding.severity in ("error", "warning")
        )

    @cached_property
    def dose_findings(self) -> tuple[Finding, ...]:
        """What position could explain of a trend over doses, where these never change places."""
        doses = None if self.layout is None else self.layout.doses
        return () if doses is None or doses.severity != "warning" else (_could_explain(doses),)

    def _removed_position(self) -> Iterator[Finding]:
        """What was removed of position, or why nothing was; empty where nobody asked for it."""
        removed = self.compared.notes.get("position")
        if removed is None:
            return
        if "refused" in removed:
            positions = removed.get("positions", 0)
            values = {"why": removed["refused"], "positions": positions, "needed": FEWEST_POSITIONS}
            yield Finding("position-not-removed", "warning", {}, values)
            return
        doubtful = bool(self.position_findings)
        values = {name: removed[name] for name in ("n_positions", "share", "farthest")}
        severity: Severity = "warning" if doubtful else "info"
        yield Finding("position-removed", severity, {}, values | {"could_explain": doubtful})

    def _removed_cell_count(self) -> Iterator[Finding]:
        """What was removed with the cell count, or why nothing was; empty if nobody asked."""
        removed = self.compared.notes.get("cell_count")
        if removed is None:
            return
        if "refused" in removed:
            values = {"why": removed["refused"], "controls": removed.get("controls", 0)}
            yield Finding(
                "cell-count-not-removed", "warning", {}, values | {"needed": FEWEST_COUNTED}
            )
            return
        values = {n: removed[n] for n in ("n_calibrators", "share", "beyond", "unknown")}
        severity: Severity = "warning" if removed["unknown"] else "info"
        yield Finding("cell-count-removed", severity, {}, values)

    def _feature_findings(self) -> Iterator[Finding]:
        """What happened to features on the way: rescaled, left out without a value, dropped."""
        for changed in list(self.compared.notes.get("rescaled", {}).values())[:1]:
            yield _rescaled(changed)
        cleaned: dict[str, Any] = next(iter(self.compared.notes.get("cleaned", {}).values()), {})
        dropped = dict(next(iter(self.compared.notes.get("selection", {}).values()), {}))
        if empty := cleaned.get("dropped"):
            dropped["empty"] = {"features": len(empty), "examples": empty[:3]}
        if dropped:
            yield _dropped(dropped, kept=self.wells.shape[1])

    def tested(self, part: pd.DataFrame) -> pd.DataFrame:
        """Treated wells of a part, and its evaluation controls."""
        return profiles.take(
            part, tested_rows(part, self.design, calibrated_elsewhere=self.elsewhere)
        )

    def require_evaluation_controls(self, part: pd.DataFrame) -> None:
        """Raise :class:`DesignError` where no control of a part is left to compare with."""
        if not profiles.is_control(part).any():
            raise DesignError(Finding("no-control-left", "error", self._about))

    def require_whole(self) -> pd.DataFrame:
        """All wells as they are compared.

        Raises
        ------
        DesignError
            If rows may not be compared with one another.
        """
        if not self.whole:
            raise DesignError(Finding("several-networks", "error"))
        return self.wells

    def consensus(self, *, keep: Sequence[str] = (), weighed: bool = False) -> pd.DataFrame:
        """Median profile of each treatment, controls left out.

        Parameters
        ----------
        keep : sequence of str
            Further metadata columns to keep; a treatment's distinct values are joined as ``A|B``,
            as its batches are.
        weighed : bool
            Take a fusion's blocks as replicates weigh them.

        Raises
        ------
        DesignError
            If no treatment is named, or rows may not be compared.
        """
        wells = self.require_whole()
        if weighed and self.weighed_by_replicates is not None:
            wells = self.weighed_by_replicates.wells
        self.require_treatments()
        treated = ~profiles.is_control(wells) & pd.notna(profiles.column(wells, TREATMENT))
        wells = profiles.take(wells, treated)
        names = list(dict.fromkeys([*DESCRIBED, *keep]))
        known = [name for name in names if name in wells.index.names]
        medians = consensus(profiles.keep_metadata(wells, known), [TREATMENT])
        codes, _ = profiles.groups(wells, [TREATMENT])
        several = {
            name: pd.Series(profiles.column(wells, name)).groupby(codes).agg(labels.join).to_numpy()
            for name in known
            if name in (BATCH, *keep) and name != TREATMENT
        }
        return profiles.with_metadata(medians, several)

    def require_treatments(self) -> None:
        """Raise :class:`DesignError` where no well has a treatment, saying what to do."""
        wells = self.wells
        treated = profiles.take(wells, ~profiles.is_control(wells))
        if TREATMENT in wells.index.names and pd.notna(profiles.column(treated, TREATMENT)).any():
            return
        if NOBODY in self.block.unseen:
            raise DesignError(Finding("labels-seen", "error", self._about))
        if len(wells) and not len(treated):
            raise DesignError(Finding("all-controls", "error", self._about, {"wells": len(wells)}))
        known = [n for n in telling(profiles.metadata(wells)) if n not in (PLATE, WELL, TREATMENT)]
        raise DesignError(Finding("no-treatment", "error", self._about, {"columns": known}))

    def require_controls(self) -> None:
        """Raise :class:`DesignError` where there is no control well, saying what to do."""
        if not profiles.is_control(self.wells).any():
            raise DesignError(Finding("no-control", "error", self._about))

    def with_settings(self, **changed: Any) -> Profiles:
        """The same wells under other settings; those given as None stay as they are.

        What was calibrated already is kept where the change does not concern it. New folds are made
        where ``leave_out`` or ``max_folds`` changes.

        Parameters
        ----------
        **changed
            Fields of :class:`phenolens.settings.Settings`.

        Returns
        -------
        Profiles

        Raises
        ------
        InputError
            If the profiles are normalized already and a change asks for another scaling.
        """
        wanted = {name: value for name, value in changed.items() if value is not None}
        settings = replace(self.settings, **wanted)
        if settings == self.settings:
            return self
        if any(getattr(settings, n) != getattr(self.settings, n) for n in _SCALED):
            if self.stage != "measured":
                raise InputError(
                    f"{self.name!r} is {self.stage} already: {', '.join(_SCALED)} are those of the "
                    "study that wrote it."
                )
            return replace(self, settings=settings)
        other = copy.copy(self)
        object.__setattr__(other, "settings", settings)
        if any(getattr(settings, n) != getattr(self.settings, n) for n in _CUT):
            wells = profiles.metadata(self.table)
            design = Design(*_folds(wells, settings), self.design.roles)
            object.__setattr__(other, "design", design)
        return other

    def __repr__(self) -> str:
        rows, columns = self.table.shape
        return f"Profiles({self.name!r}: {rows} wells, {columns} features, {self.stage})"


def _could_explain(found: Finding) -> Finding:
    kinds = dict(found.about)
    named = kinds.pop("compound", None) or kinds.pop("treatment", ())
    whom = named if found.values.get("complete", True) else ()
    about = {"treatment": whom} | kinds
    return Finding(
        "position-could-explain", "warning", about, {"finding": found.code, **found.values}
    )


def _rescaled(changed: dict[str, Any]) -> Finding:
    first, spread = next(iter(changed["own"].items()), ("", 1.0))
    values = {"all_by": changed["all_by"], "own": len(changed["own"])}
    return Finding("features-rescaled", "warning", {}, values | {"first": first, "spread": spread})


def _dropped(dropped: dict[str, dict[str, Any]], *, kept: int) -> Finding:
    counts = {why: told["features"] for why, told in dropped.items()}
    examples = {why: told["examples"][:2] for why, told in dropped.items()}
    lost = bool({"wild", "missing", "empty"} & set(counts))
    values = {"kept": kept, "dropped": counts, "examples": examples}
    return Finding("features-dropped", "warning" if lost else "info", {}, values)


def _folds(wells: pd.DataFrame, settings: Settings) -> tuple[Folds | None, Finding | None]:
    made = make_design(wells, settings)
    return made.folds, made.refused
