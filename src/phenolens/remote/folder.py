"""A folder at a URL as plain calls: what lies in it, one file up, one file down, one away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

from phenolens.remote.asking import ObjectStat, about_of, asked, filesystem
from phenolens.remote.fetching import fetch
from phenolens.remote.urls import plain_url


@contextmanager
def sent_to(url: str | PurePath) -> Iterator[Path]:
    """A path of this machine to write a file to, which is sent to a URL when the block ends well.

    Raises
    ------
    UnreachableError
        If it could not be sent.
    """
    above, _, name = plain_url(url).rpartition("/")
    with TemporaryDirectory(prefix="phenolens-") as folder:
        file = Path(folder, name)
        yield file
        RemoteFolder(above).send(file, name)


class RemoteFolder:
    """A folder at a URL. Calls are tried again and refused as :func:`phenolens.remote.asked` does.

    Parameters
    ----------
    url : str
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def __truediv__(self, name: str) -> str:
        """The URL of a file in it."""
        return f"{self.url}/{name}"

    @cached_property
    def _place(self) -> tuple[Any, str]:
        fs, root = filesystem(self.url)
        return fs, root.rstrip("/")

    def _path(self, name: str) -> str:
        return f"{self._place[1]}/{name}"

    def files(self, begin: str = "") -> dict[str, ObjectStat]:
        """Every file by its path below the folder, as the store lists it now; may be none.

        Parameters
        ----------
        begin : str
            How the paths begin that are listed.
        """
        fs, root = self._place
        above, slash, first = begin.rpartition("/")

        def look() -> dict[str, dict[str, Any]]:
            try:
                found: dict[str, dict[str, Any]] = fs.find(
                    f"{root}{slash}{above}", prefix=first, detail=True
                )
            except FileNotFoundError as error:
                if "bucket" in str(error):
                    raise
                return {}
            return found

        listed = asked(self.url, look, doing="listed")
        below = f"{root}/"
        return {
            path.removeprefix(below): about_of(held)
            for path, held in sorted(listed.items())
            if path.startswith(below) and not path.endswith("/") and held.get("type") == "file"
        }

    def read(self, name: str) -> bytes | None:
        """The bytes of a small file; None where there is none."""
        fs, path = self._place[0], self._path(name)

        def look() -> bytes | None:
            with suppress(FileNotFoundError):
                found: bytes = fs.cat_file(path)
                return found
            return None

        return asked(self / name, look)

    def write(self, name: str, content: bytes, *, new: bool = False) -> bool:
        """Write a small file; with `new` only where there is none, which the store itself decides.

        Returns
        -------
        bool
            False if there was one, with `new`.
        """
        fs = self._place[0]
        return self._written(name, lambda path, how: fs.pipe_file(path, content, mode=how), new=new)

    def send(self, file: Path, name: str, *, new: bool = False) -> bool:
        """Send a file of this machine; it appears when it is whole.

        Returns
        -------
        bool
            False if there was one, with `new`.
        """
        fs, given = self._place[0], str(file)
        return self._written(name, lambda path, how: fs.put_file(given, path, mode=how), new=new)

    def _written(self, name: str, put: Callable[[str, str], object], *, new: bool) -> bool:
        path, mode = self._path(name), "create" if new else "overwrite"

        def write() -> bool:
            try:
                put(path, mode)
            except FileExistsError:
                return False
            return True

        return asked(self / name, write, doing="written")

    def fetch(self, name: str, to: Path, *, known: ObjectStat) -> None:
        """Fetch a file, part by part, to where it does not yet have its name."""
        fetch(self / name, to, known=known)

    def remove(self, name: str) -> None:
        """Take a file away, where it is there."""
        fs, path = self._place[0], self._path(name)

        def away() -> None:
            with suppress(FileNotFoundError):
                fs.rm_file(path)

        asked(self / name, away, doing="written")
