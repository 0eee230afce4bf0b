"""Where what registers itself is found: rooms of ours that the core does not know, and strangers.

A room in `ROOMS` is asked by name, so that nothing else imports it. Another distribution offers an
entry point in the group ``phenolens.<kind>``: ``phenolens.sections``, ``phenolens.words`` ...
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pkgutil import iter_modules

ROOMS = ("phenolens.published",)


def import_all(name: str) -> None:
    """Import a module, and where it is a package also the modules in it."""
    package = import_module(name)
    for module in iter_modules(getattr(package, "__path__", ())):
        import_module(f"{name}.{module.name}")


def load(kind: str) -> list[object]:
    """Import what registers itself under a kind of thing.

    Parameters
    ----------
    kind : str
        What is registered, and how modules of `ROOMS` and groups of entry points are called:
        ``"sections"``.

    Returns
    -------
    list of object
        What the entry points of other distributions name: a module that registered its objects
        when it was imported, or an object itself.
    """
    for room in ROOMS:
        if find_spec(f"{room}.{kind}") is not None:
            import_all(f"{room}.{kind}")
    found = []
    for entry in sorted(entry_points(group=f"phenolens.{kind}"), key=lambda e: (e.name, e.value)):
        try:
            found.append(entry.load())
        except Exception as error:
            error.add_note(f"It was raised by the entry point '{entry.name}' of phenolens.{kind}.")
            raise
    return found
