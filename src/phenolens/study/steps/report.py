"""The page, its figures, the settings and where everything came from."""

from __future__ import annotations

import importlib.util
import os
import platform
from importlib import metadata
from typing import Any

import tomli_w

from phenolens import __version__
from phenolens.io.integrate import Integrated
from phenolens.study.session import Session
from phenolens.study.step import Made, step
from phenolens.tools.representation import Profiles

_LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "numba", "scikit-image", "scikit-learn",
              "tifffile", "zarr", "umap-learn", "matplotlib", "anndata")  # fmt: skip
_OPTIONAL = ("leidenalg",)


@step("study.resolved.toml", "provenance.json", verb="report")
def provenance(session: Session, *, screen: Integrated, normalize: dict[str, Profiles]) -> Made:
    """The resolved settings, and with what the numbers were made."""
    settings = session.study.model_dump(mode="json", exclude_none=True)
    found = _provenance(session, screen, normalize)
    return Made(found, {"study.resolved.toml": tomli_w.dumps(settings), "provenance.json": found})


@step("report.html")
def report(session: Session, *, provenance: dict[str, Any]) -> Made:
    """Draw figures and write the page, of the tables that all other steps gave."""
    from phenolens.report import build

    session.progress.say("Drawing figures and writing the report")
    title = session.study.report.title or session.study.study.name
    page = session.out / "report.html"
    return Made(page, {page.name: lambda path: build(path.parent, title=title)})


def _libraries() -> dict[str, str]:
    """Versions of what computes; of the optional ones where they are installed."""
    there = [name for name in _OPTIONAL if importlib.util.find_spec(name) is not None]
    return {name: metadata.version(name) for name in (*_LIBRARIES, *there)}


def _provenance(session: Session, screen: Integrated, items: dict[str, Profiles]) -> dict[str, Any]:
    blocks = [item.normalized for item in items.values()]
    return {
        "lead": next((block.name for block in blocks), ""),
        "phenolens": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": _libraries(),
        "seed": session.seed,
        "blas_threads": os.environ.get("OMP_NUM_THREADS", "not set"),
        "wells": len(screen.wells),
        "cards": {b.name: {f: c.as_dict() for f, c in b.cards.items()} for b in blocks},
    }
