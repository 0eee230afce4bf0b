"""Which representations a study asks for or is handed, and whether they can be made."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from phenolens.errors import ConfigError, shown
from phenolens.files import digest
from phenolens.represent.base import REPRESENTATIONS, Options, Representation
from phenolens.represent.networks.network import Network
from phenolens.represent.networks.torches import require_torch


def take_in(
    encoders: Sequence[Representation | type[Representation]],
) -> tuple[type[Representation], ...]:
    """The classes of encoders that Python handed in; nothing is registered.

    Parameters
    ----------
    encoders : sequence of Representation, or of its subclasses
        A class is made with its options in the study file; an object is copied, as it is, for
        every fold.

    Raises
    ------
    ConfigError
        If one is neither, does not say what it must, or has the name of another.
    """
    if not isinstance(encoders, list | tuple):
        raise ConfigError(f"encoders is a list of classes or objects; got {shown(encoders)}.")
    taken: dict[str, type[Representation]] = {}
    REPRESENTATIONS.known()  # ours, and those of other packages
    for one in encoders:
        try:
            kind: Any = one if isinstance(one, type) else kind_of_object(one)
            REPRESENTATIONS.require(kind)
        except ValueError as error:
            raise ConfigError(f"encoders: {error}") from None
        if kind.name in taken:
            raise ConfigError(
                f"encoders: two are called '{kind.name}'; give each a name of its own."
            )
        taken[kind.name] = kind
    return tuple(taken.values())


def kind_of_object(one: Representation) -> type[Representation]:
    """A class that makes copies of an encoder as it was handed in.

    Parameters
    ----------
    one : Representation
        Before it is fitted.

    Raises
    ------
    ValueError
        If it is no representation, or cannot be pickled.
    """
    if not isinstance(one, Representation):
        raise ValueError(f"{one!r} is no object of phenolens.represent.base.Representation.")
    kind = type(one)
    try:
        held = pickle.dumps(one)
    except Exception as error:  # anything may go wrong there
        raise ValueError(f"Representation {one.name!r} cannot be pickled: {error}") from None
    try:
        learns = kind.learns_with(getattr(one, "settings", None))
    except AttributeError:  # its options would say; labels are not shown then
        learns = one.learns
    same = ("kind", "learns", "reads", "needs_measured", "fewest", "rank")
    own = {name: getattr(one, name) for name in same} | {
        "name": one.name,
        "label": one.name,
        "methods": f"The encoder {one.name} is an object of the class {kind.__name__}.",
        "of": classmethod(lambda cls, options, *, level, seed: copy.deepcopy(one)),
        "learns_with": classmethod(lambda cls, options: learns),
        "version": f"{kind.version} {digest(held)}",
        "Options": Options,
        "section": "",
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,  # a notebook may hand in the class, then its object
    }
    return type(kind.__name__, (kind,), own)


def check_names(
    wanted: list[str], given: Collection[str], *, known: Mapping[str, type[Representation]]
) -> None:
    """Refuse representations that cannot be made, and networks where there is no PyTorch.

    Parameters
    ----------
    wanted : list of str
        ``represent.representations``.
    given : collection of str
        Names of profiles that came with the screen, which may be part of a fusion.
    known : mapping of str to type
        What can be made, by name.

    Raises
    ------
    ConfigError
        If a name is unknown, or a fusion names what is not among the representations.
    InputError
        If a network is asked for and PyTorch is not installed.
    """
    there = {*given, *wanted}
    for name in wanted:
        parts = name.split("+")
        if len(parts) == 1 and name not in known:
            raise ConfigError(
                f"represent.representations: '{name}' is not known; choose from "
                f"{', '.join(known)}, or join some as in 'cnn+cellprofiler'."
                f"{REPRESENTATIONS.failures()}"
            )
        if len(parts) > 1:
            _check_fusion(name, parts, there)
    if any(issubclass(known[name], Network) for name in wanted if name in known):
        require_torch()


def _check_fusion(name: str, parts: list[str], there: set[str]) -> None:
    if len(set(parts)) < len(parts) or not all(parts):
        raise ConfigError(
            f"represent.representations: '{name}' must join two or more different representations."
        )
    absent = [part for part in parts if part not in there]
    if absent:
        raise ConfigError(
            f"represent.representations: '{name}' needs '{absent[0]}'; name that one too: a fusion "
            "is compared with what it is made of."
        )
