"""Things that register themselves: ours, one a file of a package, and those of other packages.

A registry imports the modules of its own package when it is first asked, so that a new file is all
that a new thing needs. What other packages offer comes through an entry-point group; one that
cannot be loaded is named where it is missed, and the rest works.
"""

from __future__ import annotations

import importlib.metadata
import inspect
from typing import Generic, Protocol, TypeVar

from phenolens import plugins
from phenolens.errors import ConfigError, did_you_mean


class Named(Protocol):
    """What a registry holds: a class or an object with a name."""

    name: str


T = TypeVar("T", bound=Named)
R = TypeVar("R")


class Registry(Generic[T]):
    """Things of one sort, by name.

    Parameters
    ----------
    what : str
        What one of them is called in errors: ``representation``.
    package : str or None
        The package whose modules register ours when they are imported; None where one module
        registers all.
    group : str
        Entry-point group in which other packages offer theirs: each entry is such a thing, or a
        module that registers some.

    Attributes
    ----------
    broken : dict of str to str
        Entry points that could not be used, and why.

    Examples
    --------
    >>> from phenolens.represent.base import REPRESENTATIONS
    >>> REPRESENTATIONS.get("pixel-pca").label
    'Pixel PCA'
    """

    def __init__(self, what: str, *, package: str | None, group: str) -> None:
        self.what = what
        self.package = package
        self.group = group
        self.broken: dict[str, str] = {}
        self._known: dict[str, T] = {}
        self._offered: dict[str, T] | None = None
        self._imported = False

    def register(self, item: R) -> R:
        """Take in one thing; returns it, so that it decorates a class.

        Raises
        ------
        ValueError
            If it has no name, or another thing of that name was registered from another place.
        """
        name = getattr(item, "name", None)
        if not isinstance(name, str) or not name:
            raise ValueError(f"A {self.what} needs a name; {item!r} has {name!r}.")
        before = self._known.get(name)
        if before is not None and not _same(before, item):
            raise ValueError(f"There is a {self.what} called {name!r} already: {before!r}.")
        self._known[name] = item  # type: ignore[assignment]
        return item

    def known(self) -> dict[str, T]:
        """All of them by name: by rank where they have one, then by name."""
        if not self._imported and self.package is not None:
            self._imported = True
            plugins.import_all(self.package)
        if self._offered is None:
            self._offered = {}
            self._load_offered()
        both = self._offered | self._known
        return dict(sorted(both.items(), key=lambda item: (getattr(item[1], "rank", 100), item[0])))

    def names(self) -> list[str]:
        """Names in order."""
        return list(self.known())

    def get(self, name: str) -> T:
        """The one of this name.

        Raises
        ------
        ConfigError
            If there is none; names the one that was probably meant, and what could not be loaded.
        """
        known = self.known()
        if name in known:
            return known[name]
        meant = did_you_mean(name, known)
        rest = meant if meant != "." else f"; there are {', '.join(known)}."
        raise ConfigError(f"There is no {self.what} '{name}'{rest}{self.failures()}")

    def failures(self) -> str:
        """What could not be loaded, as the end of an error; empty where all could."""
        parts = [f" {name} could not be loaded ({why})." for name, why in self.broken.items()]
        return "".join(parts)

    def refresh(self) -> None:
        """Look for what other packages offer anew, when next asked."""
        self._offered = None
        self.broken = {}

    def _load_offered(self) -> None:
        assert self._offered is not None
        for entry in importlib.metadata.entry_points(group=self.group):
            try:
                found = entry.load()
                for item in [] if inspect.ismodule(found) else [found]:
                    if item.name in self._known and not _same(self._known[item.name], item):
                        raise ValueError(f"the name {item.name!r} is taken")
                    self._offered[item.name] = item
            except Exception as error:  # whatever a stranger's package raises: the rest must run
                self.broken[entry.name] = f"{type(error).__name__}: {error}"


def _same(one: object, other: object) -> bool:
    """Whether two things are one: a class written down in one place, or equal objects."""
    if inspect.isclass(one) and inspect.isclass(other):
        return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)
    return one == other
