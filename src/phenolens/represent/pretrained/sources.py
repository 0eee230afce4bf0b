"""Where weights lie: a file, a folder, a mirror of the hub, or the hub; never a pickle."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phenolens.errors import InputError
from phenolens.files import digest, file_digest, identity
from phenolens.represent.networks.checkpoint import load_tensors, refuse_pickle

if TYPE_CHECKING:
    import torch

MIRROR = "PHENOLENS_MODELS"
_HUB_NAME = re.compile(r"[\w][\w.-]*/[\w.-]+")
_WANTED = ("config.json", "preprocessor_config.json", "README.md", "*.safetensors", "*.json")
_PICKLES = ("*.bin", "*.pth", "*.pt", "*.ckpt")
_LICENCE = re.compile(r"^license(_name)?:\s*[\"']?([^\"'\n]+?)[\"']?\s*$", re.MULTILINE)


@dataclass(frozen=True)
class FoundWeights:
    """Weights that were found.

    Attributes
    ----------
    files : tuple of Path
        Safetensors files; large models have several.
    folder : Path, optional
        Where ``config.json`` and ``preprocessor_config.json`` lie, if they do.
    origin, revision, licence : str
        What they are called, which version of it, and what its page says; empty where unknown.
    """

    files: tuple[Path, ...]
    folder: Path | None
    origin: str
    revision: str = ""
    licence: str = ""

    def beside(self, name: str) -> Path | None:
        """A file that lies beside the weights."""
        path = None if self.folder is None else self.folder / name
        return path if path is not None and path.is_file() else None

    def config(self) -> dict[str, Any] | None:
        """The architecture as ``config.json`` says.

        Raises
        ------
        InputError
            If it is damaged.
        """
        path = self.beside("config.json")
        if path is None:
            return None
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise InputError(f"{path} cannot be read ({error}). Fetch the model again.") from None
        if not isinstance(told, dict):
            raise InputError(f"{path} holds no description of a model. Fetch the model again.")
        return told

    def tensors(self) -> dict[str, torch.Tensor]:
        """All tensors by name.

        Raises
        ------
        InputError
            If a file is a pickle or damaged.
        """
        return {k: t for path in self.files for k, t in load_tensors(path)[0].items()}

    @property
    def digest(self) -> str:
        """Names the content of weights and architecture, wherever they lie."""
        read = [*self.files, self.beside("config.json")]
        return digest(*sorted(_digest(str(p), *identity(p)) for p in read if p is not None))


@lru_cache(maxsize=64)
def _digest(path: str, *_: int) -> str:
    """Of a file's bytes; size, times and inode say when it must be read again."""
    return file_digest(path)


def find(weights: str, *, revision: str = "") -> FoundWeights:
    """Weights by file, folder or identifier on the model hub.

    An identifier is looked for in the folder that the environment variable ``PHENOLENS_MODELS``
    names (``OWNER/NAME`` or ``OWNER--NAME`` within it), then in the hub's cache and on the hub.

    Parameters
    ----------
    weights : str
    revision : str
        Branch, tag or commit on the hub; by default its main branch.

    Raises
    ------
    InputError
        If there are none, or none that can be read without running code.
    """
    path = Path(weights).expanduser()
    if path.is_dir():
        return _in_folder(path, origin=path.name)
    if path.is_file():
        refuse_pickle(path)
        return FoundWeights((path,), path.parent, path.name, licence=_licence(path.parent))
    mirror = os.environ.get(MIRROR, "")
    for name in (weights, weights.replace("/", "--")) if mirror else ():
        if (Path(mirror).expanduser() / name).is_dir():
            return _in_folder(Path(mirror).expanduser() / name, origin=weights, revision=revision)
    if not _HUB_NAME.fullmatch(weights):
        raise InputError(
            f"There are no weights '{weights}': it is neither a file or folder nor an identifier "
            "of the model hub (OWNER/NAME)."
        )
    return _from_hub(weights, revision)


def _in_folder(folder: Path, *, origin: str, revision: str = "") -> FoundWeights:
    """The safetensors of a folder: ``model.safetensors``, its parts, or the only one."""
    files = sorted(folder.glob("*.safetensors"))
    if (folder / "model.safetensors").is_file():
        files = [folder / "model.safetensors"]
    elif (parts := folder / "model.safetensors.index.json").is_file():
        try:
            named = json.loads(parts.read_text(encoding="utf-8"))["weight_map"].values()
            files = [folder / Path(name).name for name in sorted(set(named))]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{parts} cannot be read ({error}). Fetch the model again.") from None
    pickles = [path for pattern in _PICKLES for path in sorted(folder.glob(pattern))]
    if not files and pickles:
        raise InputError(
            f"{folder} holds its weights as a Python pickle only ({pickles[0].name}), which is "
            f"refused. Convert it: phenolens convert-weights {pickles[0]} "
            f"{folder / 'model.safetensors'}"
        )
    if not files:
        raise InputError(f"{folder} holds no weights (*.safetensors).")
    if len(files) > 1 and not (folder / "model.safetensors.index.json").is_file():
        names = ", ".join(path.name for path in files[:3])
        raise InputError(f"{folder} holds {len(files)} weight files ({names}); name one of them.")
    for path in files:
        refuse_pickle(path)
    return FoundWeights(tuple(files), folder, origin, revision, _licence(folder))


def _from_hub(name: str, revision: str) -> FoundWeights:
    page = f"https://huggingface.co/{name}"
    elsewhere = (
        f"On a machine with a connection: hf download {name} --local-dir MODELS/{name}; then set "
        f"{MIRROR}=MODELS here, or give that folder as weights."
    )
    try:
        from huggingface_hub import snapshot_download

        found = snapshot_download(name, revision=revision or None, allow_patterns=list(_WANTED))
    except Exception as error:  # the hub's client raises many kinds; each means: not to be had
        kind = type(error).__name__
        said = {
            "GatedRepoError": f"is gated: accept its licence at {page}, and log in (hf auth login)",
            "RepositoryNotFoundError": f"is no file here, nor on the hub, unless private ({page})",
            "RevisionNotFoundError": f"has no revision '{revision}' (see {page}/commits/main)",
        }.get(kind, f"cannot be fetched from the hub ({kind}), and is no file or folder here")
        raise InputError(f"'{name}' {said}. {elsewhere}") from None
    folder = Path(found)
    if not any(folder.glob("*.safetensors")):
        raise InputError(
            f"'{name}' has no safetensors on the hub. Fetch its pytorch_model.bin and config.json "
            f"into a folder, then: phenolens convert-weights pytorch_model.bin model.safetensors; "
            "give that folder as weights."
        )
    return _in_folder(folder, origin=name, revision=folder.name)


def _licence(folder: Path) -> str:
    """What the front matter of a model's page says; empty where it says nothing."""
    page = folder / "README.md"
    if not page.is_file():
        return ""
    text = page.read_text(encoding="utf-8", errors="replace")
    if not text.startswith("---"):
        return ""
    told = {bool(named): value for named, value in _LICENCE.findall(text.split("---")[1])}
    plain = told.get(False, "")
    return told.get(True, plain) if plain in ("", "other") else plain
