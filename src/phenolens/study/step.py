"""Steps: each says what it needs, returns what it found, and one place writes it.

A step is a function of the session and of what other steps found, by name; it gives the files it
declares and what it set aside, and touches no file itself. :func:`take` takes a step once a
session, after those it needs, and writes for all of them.
"""

from __future__ import annotations

import inspect
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenolens import profiles, schema
from phenolens.config import Study
from phenolens.errors import DamagedError
from phenolens.files import atomic_path, plain, read_json, write_json, write_text
from phenolens.io.ledger import Conflict, Join, SetAside
from phenolens.registry import Registry
from phenolens.settings import LAYOUT
from phenolens.store import digest, discard
from phenolens.study.lock import require_held, writing
from phenolens.study.remote_results import LAYOUT_FILE
from phenolens.study.session import FOLDER, LEDGER, TIMINGS, Session

VERBS = (
    "check", "splits", "prepare", "measure", "represent", "normalize", "evaluate", "interpret",
    "report",
)  # fmt: skip


@dataclass(frozen=True)
class Made:
    """What a step found.

    Attributes
    ----------
    value : object
        What other steps get of it.
    files : mapping of str to table, dict, list, text or callable
        By path below the study's folder: a profile table or plain frame (Parquet, or CSV where
        the name says so), arrays by name (``.npz``), JSON, text; or a function that writes the
        file or folder at the path it is given, and where it gives the paths that it wrote, no other
        file stays in the folder. Empty tables and None are not written.
    joins, set_aside, conflicts, counts
        Its part of the ledger.
    """

    value: Any = None
    files: Mapping[str, Any] = field(default_factory=dict)
    joins: Sequence[Join] = ()
    set_aside: Sequence[SetAside] = ()
    conflicts: Sequence[Conflict] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One step of a study.

    Attributes
    ----------
    name : str
    take : callable
        ``take(session, *, <what it needs>) -> Made``.
    needs : tuple of str
        Steps whose values it is given: its keyword arguments.
    gives : tuple of str
        Patterns of the files it may write.
    verb : str
        The verb of the command that takes it.
    when : callable, optional
        ``when(study)``: whether a study needs it. Where it does not, the step is taken only when it
        is asked for by name, and those that need it get None.
    """

    name: str
    take: Callable[..., Made]
    needs: tuple[str, ...]
    gives: tuple[str, ...]
    verb: str
    when: Callable[[Study], bool] | None = None


STEPS: Registry[Step] = Registry("step", package="phenolens.study.steps", kind="steps")


def step(
    *gives: str,
    verb: str | None = None,
    name: str | None = None,
    when: Callable[[Study], bool] | None = None,
) -> Callable[[Callable[..., Made]], Callable[..., Made]]:
    """Register a function as a step.

    Parameters
    ----------
    *gives : str
        Patterns of the files it may write, from the study's folder.
    verb : str, optional
        The verb it belongs to; its own name by default.
    name : str, optional
        By default the function's.
    when : callable, optional
        See :class:`Step`.

    Raises
    ------
    ValueError
        If there is a step of this name, or no such verb.
    """

    def register(function: Callable[..., Made]) -> Callable[..., Made]:
        own = name or function.__name__
        part_of = verb or own
        if part_of not in VERBS:
            raise ValueError(f"A step belongs to one of {VERBS}; got {part_of!r}.")
        STEPS.register(Step(own, function, _needs(function), gives, part_of, when))
        return function

    return register


def _needs(function: Callable[..., Made]) -> tuple[str, ...]:
    asked = inspect.signature(function).parameters.values()
    return tuple(item.name for item in asked if item.kind is item.KEYWORD_ONLY)


def steps() -> dict[str, Step]:
    """Every step, each after those it needs, in the order of verbs; others' too.

    Raises
    ------
    ValueError
        If a step needs one that is not there, or itself.
    """
    known = STEPS.known()
    placed: dict[str, Step] = {}

    def place(item: Step, waiting: tuple[str, ...]) -> None:
        if item.name in waiting:
            raise ValueError(f"Steps need one another: {' > '.join((*waiting, item.name))}.")
        for need in item.needs:
            if need not in known:
                raise ValueError(f"Step {item.name!r} needs {need!r}, and there is no such step.")
            place(known[need], (*waiting, item.name))
        placed.setdefault(item.name, item)

    for item in sorted(known.values(), key=lambda item: (VERBS.index(item.verb), item.name)):
        place(item, ())
    return placed


def take(session: Session, name: str) -> Any:
    """What a step found: taken now, after those it needs, unless this session has taken it.

    Parameters
    ----------
    session : Session
    name : str
        A verb, which takes its steps and those of the verbs before it, and gives the value of the
        step of its name; or any other step, which takes only what it needs.

    Raises
    ------
    InputError
        If another process writes into the study's folder.
    """
    with writing(session.out, session.progress.say), session.joined(), session.own_encoders():
        while True:
            try:
                return _take_all(session, name)
            except DamagedError as error:  # each turn takes something away that is then made anew
                if not Path(error.path).is_relative_to(session.store.root):
                    raise
                discard(error)
                session.progress.say(f"Damaged, made anew: {error.path} ({error.fault})")
                session.taken.clear()


def _take_all(session: Session, name: str) -> Any:
    known = steps()
    verbs = VERBS[: VERBS.index(name) + 1] if name in VERBS else ()
    for item in known.values():
        if item.name == name or item.verb in verbs:
            _take(session, item, known, asked=name)
    return session.taken.get(name)


def _take(session: Session, item: Step, known: Mapping[str, Step], *, asked: str) -> None:
    if item.name in session.taken:
        return
    if item.when is not None and not item.when(session.study) and item.name != asked:
        if item.name in _json(session, FOLDER):  # what it gave under other settings
            _write(session, item, Made())
        return
    for need in item.needs:
        _take(session, known[need], known, asked=asked)
    started = time.perf_counter()
    made = item.take(session, **{need: session.taken.get(need) for need in item.needs})
    _write(session, item, made)
    session.taken[item.name] = made.value
    session.seconds[item.name] = time.perf_counter() - started
    before = _json(session, TIMINGS)
    write_json(session.out / TIMINGS, before | {n: round(s, 2) for n, s in session.seconds.items()})
    if session.remote is not None:
        session.remote.send()


def _write(session: Session, item: Step, made: Made) -> None:
    """Write what a step made, take away what it made before and not now, enter its ledger."""
    out = session.out
    require_held(out)
    if not (out / LAYOUT_FILE).is_file():
        write_json(out / LAYOUT_FILE, {"layout": LAYOUT})
    written = []
    for path, content in made.files.items():
        if not any(fnmatch(path, pattern) for pattern in item.gives):
            raise ValueError(f"Step {item.name!r} does not declare that it gives {path!r}.")
        if content is None or (isinstance(content, pd.DataFrame) and not len(content)):
            continue
        _write_one(path, content, out)
        written += [path] if (out / path).exists() else []
    folder = _json(session, FOLDER)
    for path in set(folder.get(item.name, ())) - set(written):
        if (out / path).is_dir():
            shutil.rmtree(out / path)
        else:
            (out / path).unlink(missing_ok=True)
    folder = {name: files for name, files in folder.items() if name != item.name}
    _note(session, FOLDER, folder | ({item.name: sorted(written)} if written else {}))
    _enter(session, item, made)


def _write_one(name: str, content: Any, out: Path) -> None:
    path, table = out / name, schema.definition(name)
    if callable(content):
        made = content(path)
        if path.is_dir() and isinstance(made, list):
            for other in {found for found in path.rglob("*") if found.is_file()} - set(made):
                other.unlink()  # of plates that are no more
            if not made:
                shutil.rmtree(path)
    elif isinstance(content, pd.DataFrame):
        frame = profiles.to_frame(content) if content.index.names != [None] else content
        if isinstance(table, schema.Table):
            schema.write(frame, table, path)
        else:
            profiles.write_frame(frame, path)  # of a step from elsewhere
    elif path.suffix == ".npz":
        with atomic_path(path) as partial, partial.open("wb") as stream:
            np.savez_compressed(stream, **content)
    elif isinstance(content, str):
        write_text(path, content)
    else:
        write_json(path, content)


def _enter(session: Session, item: Step, made: Made) -> None:
    """Enter a step's part of ``ledger.json``; parts of steps that still hold stay.

    They hold while the study file says the same: a lone ``check`` keeps what ``prepare`` set aside.
    """
    own = {
        "joins": [asdict(join) for join in made.joins],
        "set_aside": [aside.to_json() for aside in made.set_aside],
        "conflicts": [conflict.to_json() for conflict in made.conflicts],
    }
    of = digest(session.study.model_dump())
    before = _json(session, LEDGER)
    if before.get("study") != of:
        before = {}
    ledger: dict[str, Any] = {"study": of}
    places = {name: place for place, name in enumerate(steps())}
    for kind, rows in own.items():
        kept = [row for row in before.get(kind, ()) if row["step"] != item.name]
        entries = [*kept, *({"step": item.name, **row} for row in rows)]
        ledger[kind] = sorted(entries, key=lambda row: places.get(row["step"], len(places)))
    counts = before.get("counts", {}) | {item.name: {n: c for n, c in made.counts.items() if c}}
    ledger["counts"] = {name: held for name, held in counts.items() if held}
    _note(session, LEDGER, ledger)


def _note(session: Session, name: str, content: dict[str, Any]) -> None:
    """Write what steps share, unless the file says so already."""
    if _json(session, name) != plain(content):
        write_json(session.out / name, content)


def _json(session: Session, name: str) -> dict[str, Any]:
    """What earlier steps noted; nothing where the file is not there, or damaged."""
    path = session.out / name
    try:
        return dict(read_json(path)) if path.is_file() else {}
    except (ValueError, TypeError) as error:
        session.progress.say(f"Damaged, made anew: {path} ({error})")
        path.unlink()
        return {}
