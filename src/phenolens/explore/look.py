"""Open a screen in the browser: from Python, from a notebook, and from the command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from phenolens.explore.server import Explorer
    from phenolens.tools.representation import Profiles


def explore(
    data: str | Path | Sequence[str | Path] | pd.DataFrame | AnnData | Profiles,
    *,
    port: int | None = None,
    browser: bool = True,
) -> Explorer:
    """Look at a screen in the browser: plates, maps, treatments, and the cells behind a number.

    A small server answers on this machine's loopback only, to who has its random token. It writes
    one thing, and only on request: marks, into a file beside the results.

    Parameters
    ----------
    data : path, list of paths, DataFrame, AnnData or Profiles
        The folder of a study's results, finished or not; or profiles, as :func:`phenolens.read`
        takes them.
    port : int, optional
        By default one that is free.
    browser : bool
        Open the page.

    Returns
    -------
    Explorer
        ``address`` is the page with its token; ``close()`` ends the server, and so does the end of
        the process. A notebook shows a link.

    Raises
    ------
    InputError
        If there is nothing to look at, or the port cannot be taken.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(treatments=4, controls=16, seed=2)
    >>> page = pl.explore(screen, browser=False)
    >>> page.address.startswith("http://127.0.0.1:")
    True
    >>> page.close()
    """
    from phenolens.explore.opening import site_of
    from phenolens.explore.server import start

    return start(site_of(data), port=port, browser=browser)
