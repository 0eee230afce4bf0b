"""Step `report`, and `run`: everything from the study file to the page."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

import tomli_w

from phenolens import __version__
from phenolens.errors import InputError, shown
from phenolens.files import read_json, write_json, write_text
from phenolens.store import digest, file_digest
from phenolens.study.design import screen
from phenolens.study.interpretation import interpret
from phenolens.study.profiling import fingerprint, normalize
from phenolens.study.session import Session, once, open_study

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


def run(session: Session | str | Path) -> Path:
    """Take every step and return the report's path; a study that is finished is left as it is.

    Finished means: settings, inputs and version are those of the last run, and every file it left
    is there, unchanged.

    Parameters
    ----------
    session : Session or path
        From :func:`phenolens.open_study`, which takes the options; or the study file.

    Returns
    -------
    Path
        ``report.html``.

    Raises
    ------
    InputError
        If it is neither.
    """
    if isinstance(session, str | Path):
        session = open_study(session)
    if not isinstance(session, Session):
        raise InputError(f"A study is run from its file or open_study(...); got {shown(session)}.")
    stamp = session.store.root / "finished.json"
    question = digest(__version__, session.study.model_dump(), fingerprint(session))
    if not session.store.force and _finished(session, stamp, question):
        session.progress.say("Nothing changed since the last run")
        return session.out / "report.html"
    stamp.unlink(missing_ok=True)
    path = report(session)
    write_json(stamp, {"question": question, "files": _digests(session)})
    return path


def _finished(session: Session, stamp: Path, question: str) -> bool:
    if not stamp.is_file():
        return False
    known = read_json(stamp)
    return known["question"] == question and known["files"] == _digests(session)


def _digests(session: Session) -> dict[str, str]:
    """Digest of every result file; intermediate results and timings are not results."""
    files = sorted(path for path in session.out.rglob("*") if path.is_file())
    own = session.store.root
    return {
        path.relative_to(session.out).as_posix(): file_digest(path)
        for path in files
        if own not in path.parents and path.name != "timings.json" and _ours(session, path)
    }


def _ours(session: Session, path: Path) -> bool:
    """The demo's screen lies in the same folder; it is input, not result."""
    return path.relative_to(session.out).parts[0] != "screen"


def _write_settings(session: Session) -> None:
    settings = session.study.model_dump(mode="json", exclude_none=True)
    write_text(session.out / "study.resolved.toml", tomli_w.dumps(settings))
    write_json(session.out / "provenance.json", _provenance(session))


def _provenance(session: Session) -> dict:
    blocks = normalize(session).values()
    return {
        "lead": next((block.name for block in blocks), ""),
        "phenolens": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
        "seed": session.seed,
        "blas_threads": os.environ.get("OMP_NUM_THREADS", "not set"),
        "wells": len(screen(session).wells),
        "cards": {b.name: {f: c.as_dict() for f, c in b.cards.items()} for b in blocks},
    }
