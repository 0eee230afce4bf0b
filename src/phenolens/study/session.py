"""One run of one study: its settings, its folders, and what steps found in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from phenolens.config import Study, read_study, with_representations
from phenolens.errors import ConfigError, shown
from phenolens.files import read_json, real_path, write_json
from phenolens.remote import is_url, look_anew
from phenolens.remote.urls import plain_url
from phenolens.represent.base import REPRESENTATIONS, Representation, kinds_of
from phenolens.settings import LAYOUT, Settings, in_range
from phenolens.store import Store
from phenolens.study.cluster import Cluster, require_where
from phenolens.study.remote_results import LAYOUT_FILE, RemoteResults

LEDGER, FOLDER, TIMINGS = "ledger.json", "files.json", "timings.json"
_MARKS = ("splits.parquet", "ledger.json", "results.parquet", "store")


class Progress(Protocol):
    """What a step may tell while it works."""

    def say(self, text: str) -> None:
        """One line about what happens now."""

    def bar(self, text: str) -> AbstractContextManager[Callable[[int, int], None]]:
        """Context manager that gives a callable(done, total)."""


class Silent:
    """Progress that says nothing: what Python calls do outside of notebooks."""

    def say(self, text: str) -> None:
        """Say nothing."""

    @contextmanager
    def bar(self, text: str) -> Iterator[Callable[[int, int], None]]:
        """Count nothing."""
        yield lambda done, total: None


def progress_of(*, progress: Progress | bool | None) -> Progress:
    """Where steps tell what they do: as asked for; by default in a notebook, else nowhere.

    Raises
    ------
    ConfigError
        If it can tell nothing.
    """
    from phenolens.progress import NotebookProgress, RichProgress, in_notebook

    if progress is None or isinstance(progress, bool):
        wanted = in_notebook() if progress is None else progress
        if not wanted:
            return Silent()
        return NotebookProgress() if in_notebook() else RichProgress()
    if not (callable(getattr(progress, "say", None)) and callable(getattr(progress, "bar", None))):
        raise ConfigError(
            "progress must be True or False, or an object with say(text) and bar(text); got "
            f"{shown(progress)}."
        )
    return progress


@dataclass(frozen=True)
class Session:
    """A study file opened for work.

    Attributes
    ----------
    study : Study
        The settings.
    root : Path
        Folder that relative paths in the study file start from.
    out : Path
        Folder the results go to.
    jobs : int
        Processes.
    store : Store
        Intermediate results, under ``out/store``.
    progress : Progress
    taken : dict of str to object
        What each step found in this process, by name.
    seconds : dict of str to float
        How long each took.
    encoders : tuple of type
        Representations that Python handed in, which no other session knows.
    cluster : Cluster, optional
        Who does what can be done apart, in the place of processes here.
    remote : RemoteResults, optional
        Of results at a URL: what keeps them and ``out`` the same.
    """

    study: Study
    root: Path
    out: Path
    jobs: int
    store: Store
    progress: Progress = field(default_factory=Silent)
    taken: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    encoders: tuple[type[Representation], ...] = ()
    cluster: Cluster | None = None
    remote: RemoteResults | None = None

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Within the block results at a URL are held, and a cluster that was joined is kept."""
        with ExitStack() as stack:
            if self.remote is not None:
                stack.enter_context(self.remote.held())
                _require_layout(self.out)
            if self.cluster is not None:
                stack.enter_context(self.cluster)
            yield

    @property
    def place(self) -> str:
        """Where the results are, for who asked for them: a folder or a URL."""
        return str(self.out) if self.remote is None else self.remote.url

    @property
    def workers(self) -> int:
        """Processes that work for this study: of the cluster, if there is one."""
        return self.jobs if self.cluster is None else max(self.cluster.size, 1)

    @property
    def seed(self) -> int:
        """The seed all others derive from."""
        return self.study.study.seed

    @cached_property
    def kinds(self) -> dict[str, type[Representation]]:
        """The class of every representation that this study may name, its encoders among them."""
        with self.own_encoders():
            return kinds_of(self.study.model_dump())

    def own_encoders(self) -> AbstractContextManager[None]:
        """Within the block the encoders that Python handed in are known, as its steps need them."""
        return REPRESENTATIONS.also(self.encoders)

    @property
    def settings(self) -> Settings:
        """The settings of the study file that decide its numbers."""
        sections = (self.study.splits, self.study.normalize, self.study.evaluate)
        known = {item.name for item in fields(Settings)}
        given = {n: v for part in sections for n, v in part.model_dump().items() if n in known}
        return Settings(seed=self.seed, **given)


def open_study(
    path: str | Path,
    *,
    out: str | Path | None = None,
    jobs: int | None = None,
    cluster: str | Path | None = None,
    seed: int | None = None,
    force: bool = False,
    verify: bool = False,
    changes: Sequence[str] = (),
    encoders: Sequence[Representation | type[Representation]] = (),
    progress: Progress | bool | None = None,
) -> Session:
    """Open a study file.

    Parameters
    ----------
    path : path
        The study file (TOML).
    out : path or URL, optional
        Folder for the results, also ``s3://bucket/folder``; by default ``<stem>-out`` in the
        current folder.
    jobs : int, optional
        Processes; by default the cores this process may use.
    cluster : str, optional
        Workers of dask in the place of processes here: 'local', the address of a scheduler, its
        scheduler file (.json), or a file that describes a cluster (.yaml). Results are the same.
    seed : int, optional
        Overrides the study's seed.
    force : bool
        Make every step anew.
    verify : bool
        Read every input again, also where size, times and inode of its file are as they were.
    changes : sequence of str
        Settings in the place of the study file's, such as ``data.images.channels=["DNA", "ER"]``:
        a dotted key, and a value as in TOML.
    encoders : sequence of Representation, or of its subclasses
        Representations of your own beside those that the file names, known to this session only. A
        class has its options in the file, ``[represent.NAME]``; an object is fitted anew, as it is,
        in every fold.
    progress : bool or Progress, optional
        Whether to show what is being done; by default in a notebook only.

    Returns
    -------
    Session
        For :func:`phenolens.run`, or a step at a time.

    Raises
    ------
    ConfigError
        See :func:`phenolens.config.read_study`; or if another version wrote into the folder, or
        `jobs`, `cluster` or `seed` cannot be; or if one of `encoders` is none, or has the name of
        another.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> screen.reset_index().to_parquet("screen.parquet")
    >>> found = pl.init("screen.parquet", "study.toml")
    >>> session = pl.open_study("study.toml", out="results", seed=1)
    >>> session.out.name, session.seed
    ('results', 1)
    """
    from phenolens.represent.measuring.cells import jobs_here
    from phenolens.study.representations import take_in

    path = Path(path)
    own = take_in(encoders)
    look_anew()
    root = real_path(path).parent
    with REPRESENTATIONS.also(own):
        study = read_study(path, changes=changes)
    study = with_representations(study, [kind.name for kind in own])
    study = _weights_placed(study, root)
    processes = jobs_here(None if jobs is None else in_range("jobs", jobs))
    if seed is not None:
        seed = in_range("seed", seed)
        study = study.model_copy(update={"study": study.study.model_copy(update={"seed": seed})})
    # absolute: worker processes, and a notebook that goes on, may stand elsewhere
    told = progress_of(progress=progress)
    remote = RemoteResults(plain_url(str(out)), told.say) if is_url(out) else None
    folder = remote.folder if remote else Path(out or f"{path.stem}-out").absolute()
    _require_layout(folder)
    bring = remote.bring if remote else None
    store = Store(folder / "store", force=force, verify=verify, bring=bring)
    workers = cluster and Cluster(require_where(cluster), processes, folder, told.say)
    return Session(
        study, root, folder, processes, store, told, encoders=own, cluster=workers or None,
        remote=remote,
    )  # fmt: skip


def _weights_placed(study: Study, root: Path) -> Study:
    """Files and folders of weights by their full path, from the study file's own folder."""

    def placed(settings: Any) -> Any:
        weights = settings.get("weights") if isinstance(settings, dict) else None
        if not weights or not isinstance(weights, str) or not (root / weights).exists():
            return settings
        return settings | {"weights": (root / weights).as_posix()}

    networks, represent = study.networks, study.represent
    networks = networks.model_copy(update=placed({"weights": networks.weights}))
    tables = {name: placed(table) for name, table in (represent.model_extra or {}).items()}
    represent = represent.model_copy(update=tables)
    encoders = [
        item.model_copy(update={"settings": placed(item.settings)}) for item in study.encoders
    ]
    return study.model_copy(
        update={"networks": networks, "represent": represent, "encoders": encoders}
    )


def _layout_of(path: Path) -> int:
    """What a layout file says; a damaged one is written anew, for who else would have been here."""
    try:
        return int(read_json(path)["layout"])
    except (ValueError, KeyError, TypeError):
        write_json(path, {"layout": LAYOUT})
        return LAYOUT


def _require_layout(folder: Path) -> None:
    """Refuse a folder whose files another version laid out: they would be mixed with new ones."""
    path = folder / LAYOUT_FILE
    left = [name for name in _MARKS if (folder / name).exists()]
    known = _layout_of(path) if path.is_file() else 1 if left else LAYOUT
    if known != LAYOUT:
        raise ConfigError(
            f"{folder} holds results of another version of phenolens (layout {known}; this one "
            f"writes {LAYOUT}). Give another folder with --out, or delete this one and run again."
        )
