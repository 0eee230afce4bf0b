"""A study from its file to the page, verb by verb or in one go; and the demo, from nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import phenolens
from phenolens import __version__, plugins
from phenolens.errors import DamagedError, InputError, shown
from phenolens.files import file_digest, identity, read_sealed, write_sealed, write_text
from phenolens.places import named
from phenolens.remote.urls import require_here
from phenolens.store import digest, files_named
from phenolens.study.keeping import STAMP, store_files
from phenolens.study.lock import is_lock, require_one_process, writing
from phenolens.study.session import TIMINGS, Progress, Session, open_study, progress_of
from phenolens.study.start import init, simulate_screen
from phenolens.study.step import take
from phenolens.study.trainings import code_behind

if TYPE_CHECKING:
    import pandas as pd

    from phenolens.prepared import Prepared
    from phenolens.represent.measuring.units import Cells
    from phenolens.study.steps.evaluate import Evaluation
    from phenolens.study.steps.represent import Represented
    from phenolens.tools.design import Design
    from phenolens.tools.representation import Profiles


_NETWORKS = """
# Small networks, so that two cores train all of them in minutes: see docs/networks.md.
[represent]
representations = [{representations}]

[networks]
stem = "classic"
width = 16
{training}
"""
# Chosen on screens of other seeds: nothing held back, every cell read in its four turns, and small
# steps, which change less of what an untrained network sees of treatments never shown.
_ONE = (
    ("cellprofiler", "pixel-pca", "cnn", "untrained", "cellprofiler+pixel-pca"),
    'epochs = 4\nviews = 4\nlearning_rate = 5e-4\nvalidation = "none"',
)
_ALL = (
    (
        "cellprofiler", "pixel-pca", "cnn", "vae", "untrained",
        "cnn-with-cellprofiler", "cnn+cellprofiler", "vae+cellprofiler",
    ),
    'epochs = 18\nviews = 1\nlearning_rate = 2e-3\nrefit = "no"',
)  # fmt: skip
"""What the demo compares, and how its networks train and read."""


def run(session: Session | str | Path) -> Path:
    """Take every step and return the report's path; a study that is finished is left as it is.

    Finished means: settings, inputs and code are those of the last run, and every file it left
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
        If it is neither; or another process writes into the study's folder.
    ConfigError
        If this is one of several processes that ``torchrun`` started.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(treatments=4, controls=16, seed=2)
    >>> screen.reset_index().to_parquet("screen.parquet")
    >>> lines = pl.init("screen.parquet", "study.toml")
    >>> report = pl.run(pl.open_study("study.toml", out="results"))
    >>> report.name, (report.parent / "hits.csv").exists()
    ('report.html', True)
    """
    if isinstance(session, str | Path):
        session = open_study(session)
    if not isinstance(session, Session):
        raise InputError(f"A study is run from its file or open_study(...); got {shown(session)}.")
    require_one_process()
    with writing(session.out, session.progress.say), session.joined():
        return _run(session)


def _run(session: Session) -> Path:
    stamp = session.store.root / STAMP
    wanted = session.study.represent.representations
    asked = [code_behind(kind) for name, kind in session.kinds.items() if name in wanted]
    made_by = [_code(), plugins.extras(), asked]
    question = digest(made_by, session.study.model_dump(), take(session, "fingerprint"))
    anew = session.store.force or session.store.verify
    if not anew and _finished(session, stamp, question):
        session.progress.say("Nothing changed since the last run")
        return session.out / "report.html"
    stamp.unlink(missing_ok=True)
    path = take(session, "report")
    entries, files = sorted(session.store.used), _digests(session)
    held = {"question": question, "files": files, "entries": entries, "inputs": _inputs(session)}
    write_sealed(stamp, held | {"store": store_files(session.store.root, entries)})
    return path


def _inputs(session: Session) -> list[list]:
    """Path, identity and, of tables and weights, digest of every file a study was made from."""
    from phenolens.io.paths import expand
    from phenolens.prepare import originals

    data, images = session.study.data, take(session, "screen").images
    given = [data.images.table if data.images else None]
    given += [part.files for part in data.profiles] + [part.file for part in data.tables]
    given.append(data.marks if data.exclude_marks else None)
    tables = [path for names in given if names for path in expand(names, session.root)]
    known = {named(p): [identity(p), file_digest(p)] for p in tables if p.is_file()}
    learns = session.study.model_dump(include={"networks", "encoders", "represent"})
    known |= {path: [identity(path), found] for path, found in files_named(learns)}
    if images is not None:
        known |= {path: [at, ""] for path, *at in originals(images, functions=True)}
    return [[path, *known[path]] for path in sorted(known)]


@cache
def _code() -> str:
    """Digest of the package's own files and of the versions of what plugs in: all that may answer.

    Version numbers do not change while somebody adds a metric or mends a section.
    """
    ends = (".py", ".html", ".css", ".js")
    root = Path(phenolens.__file__).parent
    ours = [file_digest(path) for path in sorted(root.rglob("*")) if path.suffix in ends]
    return digest(__version__, ours, plugins.versions())


def _finished(session: Session, stamp: Path, question: str) -> bool:
    try:
        known = read_sealed(stamp)
    except (FileNotFoundError, DamagedError):
        return False
    return known["question"] == question and known["files"] == _digests(session)


def _digests(session: Session) -> dict[str, str]:
    """Digest of every result file; intermediate results and timings are not results."""
    files = sorted(path for path in session.out.rglob("*") if path.is_file())
    own = session.store.root
    return {
        path.relative_to(session.out).as_posix(): file_digest(path)
        for path in files
        if own not in path.parents and path.name != TIMINGS and _ours(session, path)
        if not is_lock(path.name)
    }


def _ours(session: Session, path: Path) -> bool:
    """The demo's screen lies in the same folder; it is input, not result."""
    return path.relative_to(session.out).parts[0] != "screen"


def demo(
    folder: str | Path,
    *,
    networks: bool = True,
    full: bool = False,
    jobs: int | None = None,
    progress: Progress | bool | None = None,
) -> Path:
    """Simulate a screen, study it, and leave report.html: everything in one go.

    Parameters
    ----------
    folder : path
        For the screen, the study file and the results.
    networks : bool
        Train a network too, a small one for a few epochs; that needs PyTorch.
    full : bool
        Compare all networks and their fusions, trained longer.
    jobs : int, optional
        Processes; by default the cores this process may use.
    progress : bool or Progress, optional
        Whether to show what is being done; by default in a notebook only.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    ConfigError
        If `jobs` or `seed` is not a whole number in its range.
    InputError
        If another process writes into the folder.
    """
    require_here(folder)
    folder = Path(folder).absolute()
    with writing(folder, progress_of(progress=progress).say):
        simulate_screen(folder / "screen", jobs=jobs, progress=progress)
        name = "A simulated Cell Painting screen"
        study = folder / "study.toml"
        init(folder / "screen", study, force=True, name=name)
        if networks:
            compared, training = _ALL if full else _ONE
            named = ", ".join(f'"{name}"' for name in compared)
            asked = _NETWORKS.format(representations=named, training=training)
            write_text(study, study.read_text(encoding="utf-8") + asked)
        return run(open_study(study, out=folder, jobs=jobs, progress=progress))


def check(session: Session) -> list:
    """Join the screen's tables, read the headers of its images, and audit its design."""
    found: list = take(session, "check")
    return found


def splits(session: Session) -> Design:
    """Make the folds and control roles that every score shares."""
    found: Design = take(session, "splits")
    return found


def prepare(session: Session) -> Prepared | None:
    """Read the original images once into the study's store; None for profiles only."""
    found: Prepared | None = take(session, "prepare")
    return found


def measure(session: Session) -> Cells | None:
    """Segment the images and measure every cell; None for profiles only."""
    found: Cells | None = take(session, "measure")
    return found


def crops(session: Session) -> Prepared | None:
    """Crops around measured cells, as networks read them; the images where there are none to cut.

    For :func:`phenolens.encode`; None for profiles only.
    """
    from phenolens.study.network_input import crops_of_cells, reads_images_whole

    prepared = prepare(session)
    if prepared is None or reads_images_whole(session, prepared):
        return prepared
    cells = take(session, "measure")
    return crops_of_cells(session, prepared, cells=cells, design=splits(session))


def represent(session: Session) -> Represented:
    """Make every representation of the wells, fold by fold where it learns."""
    found: Represented = take(session, "represent")
    return found


def normalize(session: Session) -> dict[str, Profiles]:
    """Calibrate wells on their own plate's controls."""
    found: dict[str, Profiles] = take(session, "normalize")
    return found


def evaluate(session: Session) -> Evaluation:
    """Score every representation beside its baselines."""
    found: Evaluation = take(session, "evaluate")
    return found


def interpret(session: Session) -> pd.DataFrame:
    """Find the features, wells and cells behind the results; the list of hits."""
    found: pd.DataFrame = take(session, "interpret")
    return found


def report(session: Session) -> Path:
    """Take all steps and write figures and ``report.html``."""
    found: Path = take(session, "report")
    return found
