"""From what a person hands in, a folder of results or profiles, to a site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from phenolens.errors import InputError
from phenolens.explore.screen import LenientTables, Screen
from phenolens.explore.site import Site
from phenolens.files import digest, identity, real_path
from phenolens.marks import marks_file
from phenolens.remote.urls import plain_url
from phenolens.report.page import study_title
from phenolens.study.lock import writer
from phenolens.study.remote_results import LAYOUT_FILE, RemoteResults, is_results_url
from phenolens.tools.read import read
from phenolens.tools.representation import Profiles

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

_TOLD_BY = (LAYOUT_FILE, "wells.parquet", "splits.parquet", "store", "profiles")
_NOWHERE = Path("/nowhere/profiles-alone")
_WATCHED = ("", "profiles", "consensus", "cells")


def site_of(
    data: str | Path | Sequence[str | Path] | pd.DataFrame | AnnData | Profiles,
) -> Site:
    """The site of a study's results, finished or not, or of profiles alone.

    Parameters
    ----------
    data : path, list of paths, DataFrame, AnnData or Profiles
        The folder that ``phenolens run`` writes into, also at a URL; or profiles as
        :func:`phenolens.read` takes them.

    Raises
    ------
    InputError
        If there is nothing to look at.
    """
    if isinstance(data, str | Path) and (folder := Path(data)).suffix == ".toml":
        raise InputError(
            f"{folder} is a study file; name the folder of its results, such as "
            f"{folder.with_name(f'{folder.stem}-out')}."
        )
    if is_results_url(data):
        remote = RemoteResults(plain_url(str(data)))
        return _of_study(remote.fetched(), bring=remote.bring)
    if isinstance(data, str | Path) and Path(data).is_dir():
        return _of_study(Path(data))
    item = read(data)
    tables = LenientTables(_NOWHERE)
    marks = None
    title = item.name
    if isinstance(data, str | Path):
        marks = marks_file(real_path(data))
        title = Path(data).name
    screen = Screen(tables, item)
    return Site(screen, title, digest(item.name, len(screen.wells)), marks)


def _of_study(folder: Path, *, bring: Callable[[str], None] | None = None) -> Site:
    if not any((folder / name).exists() for name in _TOLD_BY):
        raise InputError(
            f"{folder} is not the folder of a study's results; 'phenolens run' makes one. To look "
            "at profiles alone, name their file."
        )
    stamp = stamp_of(folder)
    screen = Screen(LenientTables(folder), bring=bring)
    screen.wells  # noqa: B018  (what is not there at all is said now, not in the browser)
    return Site(screen, study_title(screen.tables), stamp, marks_file(real_path(folder)))


def stamp_of(folder: Path) -> str:
    """Text that changes when a result does, or when somebody begins or ends to write."""
    paths = [
        path
        for below in _WATCHED
        for path in sorted((folder / below).glob("*"))
        if path.is_file() and not path.name.startswith(".")
    ]
    return digest([[path.name, *identity(path)[:2]] for path in paths], writer(folder))


def refreshed(site: Site) -> Site:
    """The site, read anew where its study's files have changed since."""
    folder = site.screen.tables.folder
    if site.screen.given is not None or stamp_of(folder) == site.stamp:
        return site
    try:
        return _of_study(folder, bring=site.screen.bring)
    except InputError:  # between two steps of a run that begins anew
        return site
