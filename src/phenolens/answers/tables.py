"""The result tables of a study folder, read once and only when asked for."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenolens import schema
from phenolens.answers.read import read_finding
from phenolens.answers.treatments import Treatment, treatments
from phenolens.errors import InputError
from phenolens.files import read_json
from phenolens.findings import Finding
from phenolens.profiles import read_frame
from phenolens.words import names

NAMES = ("Metadata_Treatment", "Metadata_Compound", "Metadata_Mechanism")


@dataclass(frozen=True)
class Tables:
    """A study folder as the report sees it: every file of ``docs/schemas.md``, or None.

    Parameters
    ----------
    folder : Path
        What ``phenolens run`` left behind. A file that is absent, or a table without rows, reads
        as None, and the section that would show it says so.
    """

    folder: Path
    _read: dict[str, pd.DataFrame | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def results(self) -> pd.DataFrame | None:
        return self.table("results")

    @cached_property
    def comparisons(self) -> pd.DataFrame | None:
        return self.table("comparisons")

    @cached_property
    def activity(self) -> pd.DataFrame | None:
        return self.table("activity")

    @cached_property
    def control_check(self) -> pd.DataFrame | None:
        return self.table("control_check")

    @cached_property
    def share_active(self) -> pd.DataFrame | None:
        return self.table("share_active")

    @cached_property
    def similarity(self) -> pd.DataFrame | None:
        return self.table("similarity")

    @cached_property
    def clusters(self) -> pd.DataFrame | None:
        return self.table("clusters")

    @cached_property
    def umap(self) -> pd.DataFrame | None:
        return self.table("umap")

    @cached_property
    def wells(self) -> pd.DataFrame | None:
        return self.table("wells")

    @cached_property
    def controls(self) -> pd.Series:
        """Which wells are controls, bool; none where the screen does not say."""
        if self.wells is None:
            return pd.Series(dtype=bool)
        if "Metadata_Control" not in self.wells:
            return pd.Series(data=False, index=self.wells.index)
        return self.wells["Metadata_Control"].fillna(value=False).astype(bool)

    @cached_property
    def treatments(self) -> list[str]:
        """Names of the treatments in the wells, controls left out."""
        if self.wells is None or "Metadata_Treatment" not in self.wells:
            return []
        return sorted(self.wells.loc[~self.controls, "Metadata_Treatment"].dropna().unique())

    @cached_property
    def features(self) -> pd.DataFrame | None:
        return self.table("features")

    @cached_property
    def exemplars(self) -> pd.DataFrame | None:
        return self.table("exemplars")

    @cached_property
    def assay(self) -> pd.DataFrame | None:
        return self.table("assay")

    @cached_property
    def matching(self) -> pd.DataFrame | None:
        return self.table("matching")

    @cached_property
    def retrieval(self) -> pd.DataFrame | None:
        return self.table("retrieval")

    @cached_property
    def dose(self) -> pd.DataFrame | None:
        return self.table("dose")

    @cached_property
    def audit(self) -> list[Finding] | None:
        """Findings of the audit, and of what pixels, segmentation and given profiles show."""
        found = self.json("audit")
        if found is None:
            return None
        parts = [found, *(self.json(name) or [] for name in ("pixels", "segmentation", "blocks"))]
        return [read_finding(item) for part in parts for item in part]

    @cached_property
    def unanswered(self) -> list[dict] | None:
        return self.json("unanswered")

    @cached_property
    def ledger(self) -> dict | None:
        return self.json("ledger")

    @cached_property
    def splits(self) -> dict | None:
        return self.json("splits")

    @cached_property
    def provenance(self) -> dict | None:
        return self.json("provenance")

    @cached_property
    def settings(self) -> dict:
        """The resolved study file; empty when there is none."""
        path = self.folder / "study.resolved.toml"
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    @cached_property
    def pictures(self) -> dict[str, np.ndarray] | None:
        """``pixels``, ``channels`` and ``pixel_size_um`` of ``exemplars.npz``."""
        return self.arrays("exemplars")

    @cached_property
    def small_pictures(self) -> dict[str, np.ndarray] | None:
        """The same of ``stills.npz``, of treatments without a montage."""
        return self.arrays("stills")

    @cached_property
    def activation(self) -> dict | None:
        return self.json("activation")

    @cached_property
    def activation_treatments(self) -> pd.DataFrame | None:
        return self.table("activation_treatments")

    @cached_property
    def attention(self) -> pd.DataFrame | None:
        return self.table("attention")

    @cached_property
    def attention_pictures(self) -> dict[str, np.ndarray] | None:
        """``pixels``, ``maps`` and ``channels`` of ``attention.npz``."""
        return self.arrays("attention")

    @cached_property
    def activation_images(self) -> pd.DataFrame | None:
        """Measures of every map, one row an image."""
        return self.table("activation")

    @cached_property
    def curves(self) -> pd.DataFrame | None:
        """The training curves of all networks, one after another."""
        networks = sorted(path.stem for path in self.folder.glob("curves/*.parquet"))
        found = [self.table(f"curves/{name}") for name in networks]
        found = [frame for frame in found if frame is not None]
        return pd.concat(found, ignore_index=True) if found else None

    @cached_property
    def lead(self) -> str | None:
        """The representation that answers are given by, as ``provenance.json`` names it.

        Where nobody names one, the first that treatments were tested by.
        """
        named = (self.provenance or {}).get("lead")
        if named or self.activity is None:
            return named
        return names.in_order(self.activity["representation"].unique())[0]

    @cached_property
    def representations(self) -> list[str]:
        """All representations scored or tested, the lead first, baselines last."""
        found: set[str] = set()
        for frame in (self.results, self.activity, self.umap):
            found |= set() if frame is None else set(frame["representation"])
        return names.in_order(found, first=self.lead)

    @cached_property
    def real(self) -> list[str]:
        """The representations without the baselines."""
        return [name for name in self.representations if not names.is_baseline(name)]

    @cached_property
    def studied(self) -> list[str]:
        """The same without controls of fusions, which hold noise and are compared with only."""
        return [name for name in self.real if not names.is_noise(name)]

    @cached_property
    def ranked(self) -> list[Treatment]:
        """The treatments in the lead representation, best first."""
        near = self.of_lead(self.similarity)
        return treatments(self.of_lead(self.activity), similarity=near, features=self.features)

    def of_lead(self, frame: pd.DataFrame | None) -> pd.DataFrame | None:
        """The rows of a table that belong to the lead representation, or None."""
        if frame is None:
            return None
        rows = frame[frame["representation"] == self.lead]
        return rows if len(rows) else None

    def consensus(self, representation: str) -> pd.DataFrame | None:
        """Consensus profiles of one representation, one row a treatment."""
        return self.table(f"consensus/{representation}")

    def setting(self, section: str, name: str) -> Any:
        """One setting of the resolved study file, or None."""
        return self.settings.get(section, {}).get(name)

    @property
    def alpha(self) -> float:
        """The level at which a treatment counts as active."""
        return float(self.setting("evaluate", "alpha") or 0.05)

    def table(self, name: str) -> pd.DataFrame | None:
        """A table by its path without ending, read once; those that others' steps wrote too."""
        if name not in self._read:
            self._read[name] = self._table(name)
        return self._read[name]

    def _table(self, name: str) -> pd.DataFrame | None:
        path = self.folder / f"{name}.parquet"
        if not path.is_file():
            return None
        frame = read_frame(path)
        _require(frame, path.relative_to(self.folder).as_posix(), path)
        blank = {name: np.nan for name in NAMES if name in frame}
        return _filled(frame.replace({name: {"": none} for name, none in blank.items()}))

    def arrays(self, name: str) -> dict[str, np.ndarray] | None:
        """The arrays of ``<name>.npz``."""
        path = self.folder / f"{name}.npz"
        if not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)

    def json(self, name: str) -> Any:
        """What ``<name>.json`` holds."""
        path = self.folder / f"{name}.json"
        if not path.is_file():
            return None
        try:
            return read_json(path)
        except ValueError as error:
            raise InputError(f"{path} is not valid JSON: {error}") from None


def _filled(frame: pd.DataFrame) -> pd.DataFrame | None:
    return frame if len(frame) else None


def _require(frame: pd.DataFrame, file: str, path: Path) -> None:
    table = schema.definition(file)
    needed = table.required if isinstance(table, schema.Table) else []
    if absent := [name for name in needed if name not in frame]:
        raise InputError(
            f"{path} has no column {', '.join(map(repr, absent))}, which docs/schemas.md promises. "
            "Run the study again with this version, or build the report with the version it ran in."
        )
