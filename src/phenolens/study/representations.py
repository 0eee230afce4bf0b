"""Which representations a study asks for, and whether they can be made."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from phenolens.errors import ConfigError
from phenolens.represent.base import REPRESENTATIONS, Representation
from phenolens.represent.networks.network import Network
from phenolens.represent.networks.torches import require_torch


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
                f"{', '.join(known)}, or join two as in 'cnn+cellprofiler'."
                f"{REPRESENTATIONS.failures()}"
            )
        if len(parts) > 1:
            _check_fusion(name, parts, there)
    if any(issubclass(known[name], Network) for name in wanted if name in known):
        require_torch()


def _check_fusion(name: str, parts: list[str], there: set[str]) -> None:
    if len(parts) != 2 or parts[0] == parts[1]:
        raise ConfigError(f"represent.representations: '{name}' must join two representations.")
    absent = [part for part in parts if part not in there]
    if absent:
        raise ConfigError(
            f"represent.representations: '{name}' needs '{absent[0]}'; name that one too: a fusion "
            "is compared with what it is made of."
        )
