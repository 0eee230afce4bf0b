"""PyTorch when it is there, and one clear line when it is not."""

from __future__ import annotations

import importlib
from types import ModuleType

from phenolens.errors import InputError


def require_torch() -> ModuleType:
    """The ``torch`` module.

    Raises
    ------
    InputError
        If PyTorch or transformers is not installed, with the command that installs them.
    """
    return _require("torch")


def require_backbone(folder: str, name: str) -> tuple[type, type]:
    """Configuration and model of a family of transformers; see :func:`require_torch`.

    Parameters
    ----------
    folder, name : str
        As transformers call it: ``resnet`` and ``ResNet``.
    """
    _require("torch")
    module = _require(f"transformers.models.{folder}.modeling_{folder}")
    return getattr(module, f"{name}Config"), getattr(module, f"{name}Model")


def _require(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"Networks need PyTorch and transformers, and '{name}' cannot be imported ({error}). "
            "Run: pip install phenolens[networks]"
        ) from None
