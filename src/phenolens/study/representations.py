"""Which representations a study asks for, and whether they can be made."""

from __future__ import annotations

from phenolens.errors import ConfigError
from phenolens.represent.base import REPRESENTATIONS
from phenolens.represent.networks.network import Network
from phenolens.represent.networks.torches import require_torch


def check_names(wanted: list[str], given: list[str]) -> None:
    """Refuse representations that cannot be made, and networks where there is no PyTorch.

    Parameters
    ----------
    wanted : list of str
        ``represent.representations``.
    given : list of str
        Names of profiles that came with the screen, which may be part of a fusion.

    Raises
    ------
    ConfigError
        If a name is unknown, or a fusion names what is not among the representations.
    InputError
        If a network is asked for and PyTorch is not installed.
    """
    known = REPRESENTATIONS.known()
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
