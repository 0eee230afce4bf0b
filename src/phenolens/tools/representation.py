"""The wells of a screen in one representation, as every question takes them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate import labels
from phenolens.io.columns import find
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
from phenolens.tools.block import Block, assembled
from phenolens.tools.calibrate import LeftOut, calibrated
from phenolens.tools.compared import compared, compared_parts, judged
from phenolens.tools.design import Design, make_design
from phenolens.tools.result import Note

STAGES = ("measured", "normalized", "compared")
SEVERAL_NETWORKS = "its treatments were seen by several networks, whose profiles cannot be compared"
DESCRIBED = (TREATMENT, COMPOUND, CONCENTRATION, MECHANISM, TARGET, BATCH)
DROPPED = {
    "blocked": "not wanted",
    "missing": "missing in more than 5 % of the wells",
    "constant": "that hardly vary",
    "repetitive": "of few values",
    "wild": "with a value beyond 500",
    "correlated": "that repeat another",
    "empty": "without a value",
}
_CUT = ("leave_out", "max_folds")
_SCALED = ("method", "clip", "spread", "whitening")


def known_column(frame: pd.DataFrame, name: object) -> str:
    """The column a person means, in the frame's own spelling; an error names the nearest."""
    if not isinstance(name, str):
        raise InputError(f"A column is named by text; got {name!r}.")
    return find(frame, name, source="The table")


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
    notes : tuple of Note
        What was assumed and left out on reading.
    """

    block: Block
    design: Design
    settings: Settings
    stage: str = "measured"
    notes: tuple[Note, ...] = ()

    @property
    def name(self) -> str:
        """Name of the representation."""
        return self.block.name

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

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Wells that could not be used, with the reason."""
        return self._calibrated[1]

    @cached_property
    def compared(self) -> Block:
        """Wells as they are compared: selected and, with enough controls, whitened."""
        if self.stage == "compared":
            return self.block
        return compared(self.normalized, self.design, whitening=self.settings.whitening)

    @cached_property
    def parts(self) -> tuple[pd.DataFrame, ...]:
        """Wells that may be compared with one another.

        What learned labels has several parts, each the wells of some treatments as seen by a
        network that never saw their labels; rows of two parts must not be compared.
        """
        return compared_parts(self.compared, self.design)

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
    def elsewhere(self) -> bool:
        """Whether the profiles were normalized by another tool."""
        return self.block.calibrated

    def column(self, name: str) -> str:
        """The metadata column a person means, in the wells' own spelling.

        Raises
        ------
        InputError
            If there is none; names the nearest.
        """
        return known_column(profiles.metadata(self.wells), name)

    def settings_with(self, **options: object) -> dict:
        """Every setting behind a number: those of the profiles, and those of the question."""
        return asdict(self.settings) | options

    def space_notes(self) -> Iterator[Note]:
        """What the compared values are, and the wells that could not be compared."""
        whitened = self.compared.notes.get("whitened_on")
        on = f" on {whitened} calibrating controls" if whitened else ""
        text = f"Wells are compared as: {self.space}{on}."
        yield Note("space", "info", text, {"space": self.space})
        yield from self._feature_notes()
        if self.left_out:
            first = self.left_out[0]
            text = f"{len(self.left_out)} wells left out, such as {first.plate}/{first.well}"
            values = {"wells": len(self.left_out)}
            yield Note("wells-left-out", "warning", f"{text}: {first.why}.", values)

    def _feature_notes(self) -> Iterator[Note]:
        """What happened to features on the way: rescaled, left out without a value, dropped."""
        for changed in list(self.compared.notes.get("rescaled", {}).values())[:1]:
            yield _rescaled(changed)
        cleaned = next(iter(self.compared.notes.get("cleaned", {}).values()), {})
        dropped = dict(next(iter(self.compared.notes.get("selection", {}).values()), {}))
        if empty := cleaned.get("dropped"):
            dropped["empty"] = {"features": len(empty), "examples": empty[:3]}
        if dropped:
            yield _dropped(dropped, kept=self.wells.shape[1])

    def judged(self, part: pd.DataFrame) -> pd.DataFrame:
        """Treated wells of a part, and the controls that judge."""
        return profiles.take(part, judged(part, self.design, calibrated_elsewhere=self.elsewhere))

    def require_whole(self) -> pd.DataFrame:
        """All wells as they are compared.

        Raises
        ------
        DesignError
            If rows may not be compared with one another.
        """
        if not self.whole:
            raise DesignError(SEVERAL_NETWORKS)
        return self.wells

    def consensus(self, *, keep: Sequence[str] = ()) -> pd.DataFrame:
        """Median profile of each treatment, controls left out.

        Parameters
        ----------
        keep : sequence of str
            Further metadata columns to keep; a treatment's distinct values are joined as ``A|B``,
            as its batches are.

        Raises
        ------
        DesignError
            If no treatment is named, or rows may not be compared.
        """
        wells = self.require_whole()
        self.require_treatments()
        treated = ~profiles.is_control(wells) & pd.notna(profiles.column(wells, TREATMENT))
        wells = profiles.take(wells, treated)
        names = list(dict.fromkeys([*DESCRIBED, *keep]))
        known = [name for name in names if name in wells.index.names]
        medians = profiles.aggregate(profiles.keep_metadata(wells, known), [TREATMENT])
        codes, _ = profiles.groups(wells, [TREATMENT])
        several = {
            name: pd.Series(profiles.column(wells, name)).groupby(codes).agg(labels.join).to_numpy()
            for name in known
            if name in (BATCH, *keep) and name != TREATMENT
        }
        return profiles.with_metadata(medians, several)

    def require_treatments(self) -> None:
        """Raise :class:`DesignError` where no well has a treatment, saying what to do."""
        names = self.wells.index.names
        named = TREATMENT in names and pd.notna(
            profiles.column(self.wells, TREATMENT)[~profiles.is_control(self.wells)]
        )
        if not np.any(named):
            shown = ", ".join(n for n in names if n not in (PLATE, WELL))
            raise DesignError(
                f"No well of {self.name!r} has a treatment: name the column that tells one "
                f"perturbation with same_by; there are {shown}."
            )

    def require_controls(self) -> None:
        """Raise :class:`DesignError` where there is no control well, saying what to do."""
        if not profiles.is_control(self.wells).any():
            raise DesignError(
                f"No well of {self.name!r} is a negative control by convention (DMSO, negcon): say "
                "which are, with a query such as controls=\"Metadata_Compound == 'DMSO'\"."
            )

    def with_settings(self, **changed: object) -> Profiles:
        """The same wells under other settings; those given as None stay as they are.

        What was calibrated already is kept where the change does not concern it. New folds are made
        where ``leave_out`` or ``max_folds`` changes.
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


def _rescaled(changed: dict) -> Note:
    own = changed["own"]
    said = [] if changed["all_by"] == 1 else [f"all features by {changed['all_by']:.2g}"]
    if own:
        first, spread = next(iter(own.items()))
        said.append(f"{len(own):,} by their own spread, such as {first} ({spread:.2g})")
    text = f"Features of another scale were divided: {' and '.join(said)}."
    return Note(
        "features-rescaled", "warning", text, {"all_by": changed["all_by"], "own": len(own)}
    )


def _dropped(dropped: dict[str, dict], *, kept: int) -> Note:
    parts = [
        f"{told['features']:,} {DROPPED[why]} (such as {', '.join(told['examples'][:2])})"
        for why, told in dropped.items()
    ]
    counts = {why: told["features"] for why, told in dropped.items()}
    lost = bool({"wild", "missing", "empty"} & set(counts))
    text = f"{kept:,} features are compared; dropped: {', '.join(parts)}."
    return Note("features-dropped", "warning" if lost else "info", text, counts)


def _folds(wells: pd.DataFrame, settings: Settings) -> tuple[object, str]:
    made = make_design(wells, settings)
    return made.folds, made.refused
