"""Where what registers itself is found: rooms of ours that the core does not know, and strangers.

A room in `ROOMS` is asked by name, so that nothing else imports it. Another distribution offers an
entry point in the group ``phenolens.<kind>``: ``phenolens.sections``, ``phenolens.words`` ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any

ROOMS = ("phenolens.published",)
EXTRAS = ("bioio", "cellpose", "harmonypy", "igraph", "leidenalg")
KINDS = (
    "audits", "checks", "formats", "metrics", "representations", "schema", "sections", "steps",
    "words",
)  # fmt: skip


def import_all(name: str) -> None:
    """Import a module, and where it is a package also the modules in it."""
    package = import_module(name)
    for module in iter_modules(getattr(package, "__path__", ())):
        import_module(f"{name}.{module.name}")


def import_rooms(kind: str) -> None:
    """Import what registers itself under a kind of thing in the rooms that the core does not know.

    Parameters
    ----------
    kind : str
        How modules of `ROOMS` are called: ``"sections"``.
    """
    for room in ROOMS:
        if find_spec(f"{room}.{kind}") is not None:
            import_all(f"{room}.{kind}")


def offered(kind: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What other distributions offer: the name of each entry point, and what loads it."""
    for entry in sorted(entry_points(group=f"phenolens.{kind}"), key=lambda e: (e.name, e.value)):
        yield entry.name, entry.load


def versions() -> dict[str, str]:
    """Versions of the distributions that offer something, by group and entry point."""
    return {
        f"{entry.group} {entry.value}": entry.dist.version if entry.dist else ""
        for kind in KINDS
        for entry in entry_points(group=f"phenolens.{kind}")
    }


def extras() -> dict[str, str]:
    """Versions of the optional libraries that are here: with one more, a study finds more."""
    found = {}
    for name in EXTRAS:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
