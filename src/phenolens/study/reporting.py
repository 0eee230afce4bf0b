"""Step `report`, and `run`: everything from the study file to the page."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

import tomli_w

from phenolens import __version__
from phenolens.files import write_json, write_text
from phenolens.study.design import screen
from phenolens.study.interpretation import interpret
from phenolens.study.profiling import normalize
from phenolens.study.session import Session, once

_LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "numba", "scikit-image", "scikit-learn",
              "tifffile", "zarr", "umap-learn", "matplotlib", "anndata", "leidenalg")  # fmt: skip


@once
def report(session: Session) -> Path:
    """Write figures and ``report.html`` from the tables of the study."""
    from phenolens.report import build

    interpret(session)
    _write_settings(session)
    session.progress.say("Drawing figures and writing the report")
    title = session.study.report.title or session.study.study.name
    return build(session.out, title=title)


def run(session: Session) -> Path:
    """Take every step; what an earlier run finished is kept. Returns the report's path."""
    return report(session)


def _write_settings(session: Session) -> None:
    settings = session.study.model_dump(mode="json", exclude_none=True)
    write_text(session.out / "study.resolved.toml", tomli_w.dumps(settings))
    write_json(session.out / "provenance.json", _provenance(session))


def _provenance(session: Session) -> dict:
    blocks = normalize(session).values()
    return {
        "phenolens": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
        "seed": session.seed,
        "blas_threads": os.environ.get("OMP_NUM_THREADS", "not set"),
        "wells": len(screen(session).wells),
        "cards": {b.name: {f: c.as_dict() for f, c in b.cards.items()} for b in blocks},
    }
