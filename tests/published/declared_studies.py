"""A declared study without defects, made from a scrambled simulated screen, to be damaged."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from phenolens.audit.basis import AuditFinding
from phenolens.published.audit.audit import audit_declared
from phenolens.published.audit.checks.baselines import BASELINES
from phenolens.published.audit.declaration import (
    About,
    Attribution,
    Controls,
    Declaration,
    DeclaredImages,
    DeclaredRepresentation,
    HypothesisTest,
    Score,
    Split,
    Training,
)
from phenolens.published.audit.declared import Declared, key_columns
from phenolens.simulate import simulate_profiles

STAINS = ("DNA", "ER", "RNA", "AGP", "Mito")
SITES = 3


def fields(*, layout: str = "scrambled", seed: int = 0, **settings: object) -> pd.DataFrame:
    """Three fields a well of a simulated screen: keys, label, control, and features ``x...``."""
    return _fields(layout, seed, tuple(settings.items())).copy()


@functools.cache
def _fields(layout: str, seed: int, settings: tuple) -> pd.DataFrame:
    told = {"plates": 4, "treatments": 24, "controls": 12, "features": 24, "active": 1.0,
            "mechanisms": 24, "effect": 2.0, "shifted": 0.5, "seed": seed}  # fmt: skip
    wells = simulate_profiles(**told | {"layout": layout} | dict(settings))[0]
    features = wells.columns
    frame = wells.reset_index().loc[np.repeat(np.arange(len(wells)), SITES)].reset_index(drop=True)
    frame.insert(2, "Metadata_Site", np.tile(["1", "2", "3"], len(wells)))
    noise = np.random.default_rng(seed + 1).normal(size=(len(frame), len(features)))
    frame[features] += 0.5 * noise
    return frame.rename(columns={name: f"x{k}" for k, name in enumerate(features)})


@dataclass
class Study:
    """A declared study that a test may damage."""

    frame: pd.DataFrame
    design: Declaration
    rows: pd.DataFrame
    embeddings: dict[str, pd.DataFrame] = field(default_factory=dict)
    trained: dict[str, pd.DataFrame] = field(default_factory=dict)
    maps: pd.DataFrame | None = None

    def declare(self, **sections: object) -> Study:
        """Change sections of the declaration."""
        self.design = replace(self.design, **sections)
        return self

    def declared(self) -> Declared:
        """What the audit reads."""
        told = {"trained": self.trained, "maps": self.maps}
        return Declared(self.design, self.rows, self.embeddings, **told)

    def findings(self, code: str) -> list[AuditFinding]:
        """Findings of one code, the gravest first."""
        return [f for f in audit_declared(self.declared()) if f.code == code]

    def worst(self, code: str) -> AuditFinding:
        """The gravest finding of one code."""
        return self.findings(code)[0]


def clean_study() -> Study:
    """Leave-plate-out, everything declared, nothing wrong."""
    frame = fields()
    features = [c for c in frame if c.startswith("x")]
    rows = frame.drop(columns=features).astype({"Metadata_CellCount": float})
    rows["fold"] = np.where(frame["Metadata_Plate"] == "P04", "test", "train")
    rng = np.random.default_rng(2)
    right = rng.random(len(rows)) < 0.8
    rows["prediction"] = np.where(right, rows["Metadata_Treatment"], "treatment-001")
    rows["image_hash"] = [f"hash-{k}" for k in range(len(rows))]
    keyed = pd.concat([rows[key_columns(rows)], frame[features]], axis=1)
    maps = rows[key_columns(rows)].assign(area_fraction=rng.uniform(0.1, 0.4, len(rows)))
    return Study(frame, clean_design(), rows, {"cnn": keyed}, maps=maps)


def clean_design() -> Declaration:
    """A declaration that says everything, and nothing wrong."""
    return Declaration(
        study=About("clean", baselines=BASELINES),
        images=DeclaredImages(STAINS, STAINS, "stains"),
        training=Training(("RandomHorizontalFlip", "RandomRotation"), ("Resize", "CenterCrop")),
        split=Split("plate"),
        controls=Controls("part", "part"),
        attribution=Attribution("relative", 0.5, map_size=28, image_size=224, nucleus_diameter=30),
        representations=(
            DeclaredRepresentation("cnn", trained_on="train", supervised=True, labels_by="key",
                           blocks={"deep": 20, "cellprofiler": 4}),
        ),
        scores=(
            Score("cnn", "accuracy", 0.8),
            Score("cnn", "accuracy", 0.85, on="train"),
        ),
        tests=(HypothesisTest("area by treatment", "well"),),
    )  # fmt: skip
