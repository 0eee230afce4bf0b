"""What a Cell Painting screen shows, and how far the numbers hold.

>>> import phenolens as pl
>>> screen, truth = pl.simulate_profiles(seed=3)
>>> found = pl.activity(screen, permutations=500)
>>> found.summary["active"], int(truth["active"].sum())
(20, 20)

Questions (:func:`activity`, :func:`match`, :func:`retrieve`, :func:`dose`, :func:`compare`,
:func:`fuse`, :func:`classify`, :func:`cluster`, :func:`describe`, :func:`batch`, :func:`assay`)
take a path or paths, a DataFrame or an AnnData, and give a :class:`Result`. A study file and the
command ask the same functions.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from phenolens.errors import (
        ConfigError,
        DesignError,
        InputError,
        LeakError,
        PhenolensError,
    )
    from phenolens.explore.look import explore
    from phenolens.measure.objects import measure_objects
    from phenolens.segment.field import segment_field as segment
    from phenolens.simulate.features import simulate_profiles
    from phenolens.study.auditing import audit
    from phenolens.study.run import demo, run
    from phenolens.study.session import open_study
    from phenolens.study.start import init
    from phenolens.study.start import simulate_screen as simulate
    from phenolens.tools.activity import activity
    from phenolens.tools.aggregate import aggregate
    from phenolens.tools.assay import assay
    from phenolens.tools.batch import batch
    from phenolens.tools.classify import classify
    from phenolens.tools.cluster import cluster
    from phenolens.tools.compare import compare
    from phenolens.tools.consensus import consensus
    from phenolens.tools.describe import describe
    from phenolens.tools.dose import dose
    from phenolens.tools.encode import encode
    from phenolens.tools.fuse import fuse
    from phenolens.tools.harmonize import harmonize
    from phenolens.tools.match import match
    from phenolens.tools.normalize import normalize
    from phenolens.tools.plate_design import design
    from phenolens.tools.plot import plot
    from phenolens.tools.read import read
    from phenolens.tools.representation import Profiles
    from phenolens.tools.result import Result
    from phenolens.tools.retrieve import retrieve
    from phenolens.tools.select import select
    from phenolens.tools.whiten import whiten

_HOME = {
    "read": "tools.read",
    "Profiles": "tools.representation",
    "Result": "tools.result",
    "Finding": "findings",
    "activity": "tools.activity",
    "match": "tools.match",
    "retrieve": "tools.retrieve",
    "dose": "tools.dose",
    "describe": "tools.describe",
    "compare": "tools.compare",
    "fuse": "tools.fuse",
    "classify": "tools.classify",
    "cluster": "tools.cluster",
    "batch": "tools.batch",
    "assay": "tools.assay",
    "design": "tools.plate_design",
    "plot": "tools.plot",
    "aggregate": "tools.aggregate",
    "normalize": "tools.normalize",
    "encode": "tools.encode",
    "select": "tools.select",
    "whiten": "tools.whiten",
    "harmonize": "tools.harmonize",
    "consensus": "tools.consensus",
    "segment": "segment.field:segment_field",
    "measure_objects": "measure.objects",
    "simulate": "study.start:simulate_screen",
    "simulate_profiles": "simulate.features",
    "audit": "study.auditing",
    "init": "study.start",
    "explore": "explore.look",
    "open_study": "study.session",
    "run": "study.run",
    "demo": "study.run",
    "PhenolensError": "errors",
    "ConfigError": "errors",
    "DesignError": "errors",
    "InputError": "errors",
    "LeakError": "errors",
}
__all__ = [
    "ConfigError",
    "DesignError",
    "Finding",
    "InputError",
    "LeakError",
    "PhenolensError",
    "Profiles",
    "Result",
    "__version__",
    "activity",
    "aggregate",
    "assay",
    "audit",
    "batch",
    "classify",
    "cluster",
    "compare",
    "consensus",
    "demo",
    "describe",
    "design",
    "dose",
    "encode",
    "explore",
    "fuse",
    "harmonize",
    "init",
    "match",
    "measure_objects",
    "normalize",
    "open_study",
    "plot",
    "read",
    "retrieve",
    "run",
    "segment",
    "select",
    "simulate",
    "simulate_profiles",
    "whiten",
]


class _PublicFace(ModuleType):
    """The package, where a function wins over a room of the same name.

    Importing ``phenolens.normalize.scale`` would otherwise replace ``phenolens.normalize``, the
    function, by the room. Rooms are imported from: ``from phenolens.normalize.scale import ...``.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _PublicFace


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: numba and scikit-learn are slow to load."""
    if name not in _HOME:
        text = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(text, name=name, obj=sys.modules[__name__])
    room, _, other = _HOME[name].partition(":")
    found = getattr(import_module(f"{__name__}.{room}"), other or name)
    setattr(sys.modules[__name__], name, found)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
