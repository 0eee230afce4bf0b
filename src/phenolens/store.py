"""Same question, same answer, on disk: content-addressed results that make a study resumable.

A result is kept under the hash of everything it depends on (content of what was read, settings,
the code that makes it). A file appears under its name only when it is complete, so a killed run
leaves nothing half-written, and the next run finds what was finished. What is not as it was
written counts as absent.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd

import phenolens
from phenolens import __version__, files, plugins, profiles
from phenolens.errors import DamagedError
from phenolens.files import file_digest, require_sealed, seal, sealed

_ROOT = Path(phenolens.__file__).parent
_IMPORTED = re.compile(
    r"^[ \t]*(?:from[ \t]+(phenolens[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)"
    r"|import[ \t]+(phenolens[\w.]*))",
    re.MULTILINE,
)


class Store:
    """Results under ``folder``, found again by name and the digest of what they depend on.

    Parameters
    ----------
    folder : path
    force : bool
        Make every table anew instead of reading what an earlier run left.
    verify : bool
        Read every input again, whatever size and times of its file say.
    bring : callable, optional
        Called with the name of an entry before it is looked for: of a store that lies elsewhere
        too, it fetches what is there of it.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        force: bool = False,
        verify: bool = False,
        bring: Callable[[str], None] | None = None,
    ) -> None:
        self.root = Path(folder)
        self._bring = bring
        self.force = force
        self.verify = verify
        self.used: set[str] = set()
        self._emptied: set[Path] = set()

    def folder(self, name: str, *question: object) -> Path:
        """The folder of a result that is many files; the same question gives the same folder.

        With ``force`` it is emptied, once.
        """
        folder = self.root / f"{name}-{digest(__version__, name, *question)}"
        if self._bring is not None and folder.name not in self.used:
            self._bring(folder.name)
        if self.force and folder not in self._emptied:
            shutil.rmtree(folder, ignore_errors=True)
            self._emptied.add(folder)
        self.used.add(folder.name)
        return folder

    def table(self, name: str, *question: object, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """The profile table that ``make`` gives, read back when it was made before."""
        return profiles.from_frame(
            self.frame(name, *question, make=lambda: profiles.to_frame(make()))
        )

    def frame(self, name: str, *question: object, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """The plain frame that ``make`` gives, read back when it was made before."""
        folder = self.folder(name, *question)
        path = folder.with_name(f"{folder.name}.parquet")
        if self.force or not sealed(path):
            write_table(make(), path)
        return read_table(path)


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a plain frame as Parquet with its seal."""
    profiles.write_frame(frame, path)
    seal(path)


def read_table(path: Path) -> pd.DataFrame:
    """Read what :func:`write_table` wrote.

    Raises
    ------
    DamagedError
        If it is not as it was written.
    """
    require_sealed(path)
    return profiles.read_frame(path)


def discard(error: DamagedError) -> None:
    """Take away what is damaged, so that it is made anew."""
    path = Path(error.path)
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def files_named(settings: object) -> list[list[str]]:
    """Path and digest of every file that a setting names, such as weights to start from.

    Of a folder that holds a model, those of its weights.
    """
    if isinstance(settings, dict):
        settings = list(settings.values())
    if isinstance(settings, list | tuple):
        return [found for item in settings for found in files_named(item)]
    if not isinstance(settings, str | Path) or not str(settings) or "\0" in str(settings):
        return []
    path = Path(settings)
    try:
        if (path / "config.json").is_file():
            parts = sorted(path.glob("*.safetensors"))
            return [found for part in parts for found in files_named(part)]
        return [[str(path), file_digest(path)]] if path.is_file() else []
    except OSError:  # too long for a name, or not ours to read
        return []


@cache
def code_of(*modules: str) -> str:
    """Digest of the source of modules and of all of ours that they import, at any depth.

    A module of another distribution counts with its own file and the versions of what plugs in.
    """
    waiting, held, foreign = list(modules), {}, []
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if path is None:
            path = Path(getattr(sys.modules.get(name), "__file__", None) or "")
            foreign += [file_digest(path)] if path.is_file() else [name]
        elif path not in held:
            held[path] = file_digest(path)
            waiting += [found for found in _imports(path) if _source(found) is not None]
    ours = [[path.relative_to(_ROOT).as_posix(), held[path]] for path in sorted(held)]
    return digest(ours, sorted(foreign), plugins.versions() if foreign else {})


def _imports(path: Path) -> set[str]:
    """Names of modules of ours in a file's import statements, and names that may be such."""
    found = set()
    for module, names, plain_import in _IMPORTED.findall(path.read_text(encoding="utf-8")):
        found.add(module or plain_import)
        found |= {f"{module}.{name}" for name in re.findall(r"\w+", names) if module}
    parts = [name.split(".") for name in found]
    return {".".join(part[:depth]) for part in parts for depth in range(2, len(part) + 1)}


def _source(name: str) -> Path | None:
    """The file of a module of ours."""
    first, *parts = name.split(".")
    place = _ROOT.joinpath(*parts)
    candidates = (place / "__init__.py", place.with_suffix(".py")) if parts else ()
    return next((path for path in candidates if first == "phenolens" and path.is_file()), None)


def digest(*parts: object) -> str:
    """As :func:`phenolens.files.digest`, over tables too."""
    return files.digest(*(_frame_bytes(p) if isinstance(p, pd.DataFrame) else p for p in parts))


def _frame_bytes(frame: pd.DataFrame) -> bytes:
    named = profiles.to_frame(frame) if frame.index.names != [None] else frame
    as_text = {name: str for name, kind in named.dtypes.items() if kind.kind == "O"}
    hashes = pd.util.hash_pandas_object(named.astype(as_text), index=False).to_numpy()
    return json.dumps([str(name) for name in named.columns]).encode() + hashes.tobytes()
