"""Things that register themselves: ours, one a file of a package, and those of other packages.

A registry imports the modules of its own package when it is first asked, so that a new file is all
that a new thing needs. What other packages offer comes through an entry-point group; one that
cannot be loaded is named where it is missed, with a warning, and the rest works.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Generic, TypeVar, cast

from phenolens import plugins
from phenolens.errors import ConfigError, did_you_mean

T = TypeVar("T")
R = TypeVar("R")
LAST = 100


class Registry(Generic[T]):
    """Things of one sort, by name.

    Parameters
    ----------
    what : str
        What one of them is called in errors: ``representation``.
    package : str, optional
        The package whose modules register ours when they are imported.
    check : callable, optional
        Raises ValueError with one line where a thing lacks what all of them must have.
    kind : str, optional
        How modules in the rooms of :data:`phenolens.plugins.ROOMS` are called that register more,
        and, after ``phenolens.``, the entry-point group in which other packages offer theirs: each
        entry is such a thing, or a module that registers some. None: ours only.

    Attributes
    ----------
    broken : dict of str to str
        Entry points that could not be used, and why.
    made : list of Registry
        All that there are in this process.

    Examples
    --------
    >>> from phenolens.represent.base import REPRESENTATIONS
    >>> REPRESENTATIONS.get("pixel-pca").label
    'Pixel PCA'
    """

    made: ClassVar[list[Registry[Any]]] = []

    def __init__(
        self,
        what: str,
        *,
        package: str | None = None,
        kind: str | None = None,
        check: Callable[[Any], None] | None = None,
    ) -> None:
        self.what = what
        self.check = check
        self.package = package
        self.kind = kind
        self.broken: dict[str, str] = {}
        self._items: dict[str, tuple[float, T]] = {}
        self._loaded = False
        self._also: ContextVar[tuple[T, ...]] = ContextVar(f"{what}s", default=())
        Registry.made.append(self)

    def register(self, item: R, *, name: str | None = None, rank: float | None = None) -> R:
        """Take in one thing; returns it, so that it decorates a class.

        Parameters
        ----------
        item : object
        name : str, optional
            By default the thing's own `name`.
        rank : float, optional
            Its place among the others, low first; by default its own `rank`, or behind those that
            have one.

        Raises
        ------
        ValueError
            If it has no name or lacks what it must have, or another thing of that name was
            registered from another place.
        """
        name = self._named(item) if name is None else name
        self.require(item, name=name)
        self._items[name] = (self._rank(item) if rank is None else rank, cast(T, item))
        return item

    def require(self, item: object, *, name: str | None = None) -> None:
        """Refuse what could not be registered.

        Raises
        ------
        ValueError
            As :meth:`register`.
        """
        name = self._named(item) if name is None else name
        if self.check is not None:
            self.check(item)
        if name in self._items and not _same(self._items[name][1], item):
            raise ValueError(f"There is a {self.what} {name!r} already.")

    def _named(self, item: object) -> str:
        name = getattr(item, "name", None)
        if not isinstance(name, str) or not name:
            raise ValueError(f"A {self.what} needs a name; {item!r} has {name!r}.")
        return name

    def _rank(self, item: object) -> float:
        return float(getattr(item, "rank", LAST))

    @contextmanager
    def also(self, items: Sequence[T]) -> Iterator[None]:
        """Within the block, and nowhere else in this process, these are known too.

        Parameters
        ----------
        items : sequence of object
            Each has a name; one that is registered gives way.
        """
        token = self._also.set(tuple(items))
        try:
            yield
        finally:
            self._also.reset(token)

    def at(self, rank: float) -> Callable[[R], R]:
        """Decorate a function: registered under its own name and module, at this place."""

        def register(function: R) -> R:
            made: Any = function
            return self.register(function, name=f"{made.__module__}.{made.__qualname__}", rank=rank)

        return register

    def known(self) -> dict[str, T]:
        """All of them by name: by rank, then by name."""
        if not self._loaded:
            self._loaded = True
            self._load()
        also = {self._named(item): (self._rank(item), item) for item in self._also.get()}
        ranked = sorted((self._items | also).items(), key=lambda entry: (entry[1][0], entry[0]))
        return {name: item for name, (_, item) in ranked}

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
        rest = meant if meant != "." else f"; there are {', '.join(known) or 'none'}."
        raise ConfigError(f"There is no {self.what} '{name}'{rest}{self.failures()}")

    def failures(self) -> str:
        """What could not be loaded, as the end of an error; empty where all could."""
        parts = [f" {name} could not be loaded ({why})." for name, why in self.broken.items()]
        return "".join(parts)

    def refresh(self) -> None:
        """Look for what other packages offer anew, when next asked."""
        self._loaded, self.broken = False, {}

    @contextmanager
    def copied(self) -> Iterator[None]:
        """Within the block what is registered, or offered by others, is forgotten after it."""
        self.known()
        before, broken = dict(self._items), dict(self.broken)
        self.refresh()
        try:
            yield
        finally:
            self._items, self.broken, self._loaded = before, broken, True

    def _load(self) -> None:
        if self.package is not None:
            plugins.import_all(self.package)
        if self.kind is None:
            return
        plugins.import_rooms(self.kind)
        for name, load in plugins.offered(self.kind):
            try:
                found = load()
                if not inspect.ismodule(found):
                    self.register(found)
            except Exception as error:  # whatever a stranger's package raises: the rest must run
                self.broken[name] = f"{type(error).__name__}: {error}"
                warnings.warn(
                    f"The {self.what} that the entry point '{name}' of phenolens.{self.kind} "
                    f"offers could not be loaded: {self.broken[name]}",
                    stacklevel=2,
                )


def _same(one: object, other: object) -> bool:
    """Whether two things are one: written down in one place, or equal objects."""
    places = [
        (getattr(x, "__module__", None), getattr(x, "__qualname__", None)) for x in (one, other)
    ]
    if all(qualname is not None for _, qualname in places):
        return places[0] == places[1]
    return one == other
