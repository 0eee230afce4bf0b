"""How the column ``space`` is put together, so that what reads it need not know its words."""

from __future__ import annotations

_IN_FOLDS = "; in each fold "


def learned_in_folds(space: str, learned: str) -> str:
    """A space in which something was learned besides, on the training wells of each fold.

    >>> learned_in_folds("normalized", "standardized")
    'normalized; in each fold standardized'
    """
    return f"{space}{_IN_FOLDS}{learned}"


def parts(space: str) -> tuple[str, str]:
    """The space that all questions share, and what was learned in each fold; empty for nothing.

    >>> parts("normalized; in each fold standardized"), parts("as given")
    (('normalized', 'standardized'), ('as given', ''))
    """
    shared, _, learned = space.partition(_IN_FOLDS)
    return shared, learned
