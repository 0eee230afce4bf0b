"""What comes before a study: looking at a folder, simulating a screen."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from phenolens.changes import SPELLED, changed, parse, placed
from phenolens.errors import ConfigError, named
from phenolens.files import real_path, write_text
from phenolens.places import in_words
from phenolens.remote import look_anew
from phenolens.remote.urls import require_here
from phenolens.settings import in_range
from phenolens.study.session import Progress, progress_of

_LISTED = 20_000
"""Files of a source elsewhere that are listed between two words about it."""


def init(
    source: str | Path,
    output: str | Path = "study.toml",
    *,
    force: bool = False,
    name: str | None = None,
    only: Sequence[str] = (),
    changes: Sequence[str] = (),
    progress: Progress | bool | None = None,
) -> list[str]:
    """Look at a screen's files and write a short, commented study file.

    Parameters
    ----------
    source : path
        Folder of a screen; or one file of it, of which nothing but what it names is used then.
        Either may lie elsewhere: ``s3://bucket/source_4``, ``gs://`` or
        ``https://``.
    output : path
        The study file.
    force : bool
        Overwrite it.
    name : str, optional
        Name of the study; the source's by default.
    only : sequence of str
        Names or patterns of folders, such as a batch's or ``BR0011*``: beside one that matches, no
        other is looked into.
    changes : sequence of str
        Settings that you know already, such as ``data.images.channels=["DNA", "ER"]``: a dotted
        key of the study file, and a value as in TOML.
    progress : bool or Progress, optional
        Whether to tell how many files were listed; by default in a notebook only.

    Returns
    -------
    list of str
        What was found, what is not used and why, and which lines a person must fill in.

    Raises
    ------
    ConfigError
        If the study file is there already, or a change is none.
    InputError
        If nothing in the source can be studied.
    UnreachableError
        If a source that lies elsewhere cannot be read.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> screen.reset_index().to_parquet("screen.parquet")
    >>> pl.init("screen.parquet", "study.toml")
    ['Wrote study.toml', 'profiles screen: screen.parquet']
    """
    from phenolens.config import require_known, study_of
    from phenolens.io.discovery.discover import discover, study_toml
    from phenolens.represent.base import REPRESENTATIONS

    require_here(output)
    output = Path(output)
    if output.is_dir():
        raise ConfigError(
            f"{output} is a folder; name the study file in it, such as {output / 'study.toml'}."
        )
    if output.exists() and not force:
        raise ConfigError(
            f"{output} is there already; name another with {named('output')}, or use "
            f"{named('force')}."
        )
    given = parse(changes)
    require_known(given)
    folder = real_path(output).parent
    data = [placed(one, folder) for one in given if one.path[0] == "data"]
    told = progress_of(progress=progress)
    look_anew()
    found = discover(
        source, taken=REPRESENTATIONS.names(), changes=data, only=only, tell=_listed(told)
    )
    more = changed({}, [one for one in given if one.path[0] != "data"])
    text = study_toml(found, relative_to=folder, name=name, more=more)
    if given:
        study_of(tomllib.loads(text), source=SPELLED)
    write_text(output, text)
    asked = [f"To fill in: {question.setting}: {question.text}" for question in found.questions]
    return [f"Wrote {output}", *map(in_words, found.lines()), *map(in_words, asked)]


def _listed(progress: Progress) -> Callable[[int], None]:
    """What tells, now and then, how many files of a source elsewhere were listed."""
    told = -_LISTED

    def tell(count: int) -> None:
        nonlocal told
        if count >= told + _LISTED:
            told = count
            progress.say(f"Listing the source: {count:,} files so far")

    return tell


def simulate_screen(
    folder: str | Path,
    *,
    plates: int = 4,
    layout: Literal["fixed", "scrambled"] = "scrambled",
    jobs: int | None = None,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> Path:
    """Simulate a Cell Painting screen with known truth, in the gallery's layout.

    See :mod:`phenolens.simulate`.

    Parameters
    ----------
    folder : path
        Where the screen goes.
    plates : int
        Replicate plates.
    layout : {"fixed", "scrambled"}
        Whether treatments keep their position on all plates.
    jobs : int, optional
        Processes; by default the cores this process may use.
    seed : int
        Of the screen.
    progress : bool or Progress, optional
        Whether to show what is being done; by default in a notebook only.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ConfigError
        If `plates`, `jobs` or `seed` is not a whole number in its range.

    Examples
    --------
    >>> import phenolens as pl
    >>> folder = pl.simulate("screen", plates=1, seed=2)
    >>> sorted(path.name for path in folder.iterdir())
    ['sim0001-phenolens', 'truth']
    """
    from phenolens.represent.measuring.cells import jobs_here
    from phenolens.simulate.design import ScreenDesign
    from phenolens.simulate.screen import write_screen

    require_here(folder)
    jobs = None if jobs is None else in_range("jobs", jobs)
    plates, seed = in_range("plates", plates), in_range("seed", seed)
    design = ScreenDesign(plates=plates, batches=min(plates, 2), layout=layout, seed=seed)
    with progress_of(progress=progress).bar("Simulating fields") as tick:
        write_screen(design, Path(folder), jobs=jobs_here(jobs), progress=tick)
    return Path(folder)
