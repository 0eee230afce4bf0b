"""Asking a store of objects: its file system, retries, and what went wrong as one line."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from phenolens.errors import InputError, PhenolensError, UnreachableError
from phenolens.remote.urls import plain_url, scheme_of

Result = TypeVar("Result")

TRIES = 6
tries: ContextVar[int] = ContextVar("tries", default=TRIES)
"""How often what fails is asked for."""
PAUSE = 0.5
"""Seconds before the second try; doubled before each further one, with jitter, up to `LONGEST`."""
LONGEST = 8.0
CONNECT, SILENT = 10, 30
"""Seconds until a connection counts as refused, and until a silent one counts as cut."""
CONNECTIONS = 32
ANONYMOUS = "PHENOLENS_ANONYMOUS"
"""Environment variable: set to 1, objects are asked for without the credentials that are found."""

_EXTRAS = {"s3": "s3", "gs": "gcs", "https": "https", "http": "https"}
_ASKED_BY = re.compile(r"(AWS|GOOGLE|GCE|GCSFS|FSSPEC|PHENOLENS)_|XDG_CACHE_HOME$|(?i:\w+_proxy)$")
_systems: dict[tuple[str, int, frozenset[tuple[str, str]]], Any] = {}
_lock = threading.Lock()


class InterruptedTransferError(OSError):
    """Fewer or other bytes came than were told: asked again."""


@dataclass(frozen=True)
class Stamp:
    """What tells one content of an object from another, in what a file system keeps of a file.

    Attributes
    ----------
    size : int or None
        Bytes.
    nanoseconds : int
        Time of change (since 1970), in which the last nine digits stand for ETag and size.
    """

    size: int | None
    nanoseconds: int

    def is_of(self, md5: str) -> bool:
        """Whether an object whose ETag is the MD5 of its content has this one."""
        return ObjectStat(self.size, md5, self.nanoseconds // 10**9).stamp == self


@dataclass(frozen=True)
class ObjectStat:
    """What a store says of one object.

    Attributes
    ----------
    size : int or None
        Bytes; None where the server does not say.
    etag : str
        Changes with the object's content; empty where the server has none.
    modified : int
        Seconds since 1970 (UTC); 0 where the server does not say.
    md5 : str
        Of the content, hexadecimal, where the store tells it.
    """

    size: int | None
    etag: str = ""
    modified: int = 0
    md5: str = ""

    @property
    def stamp(self) -> Stamp:
        """What tells this content from another."""
        told = f"{self.etag} {self.size}".encode()
        part = int.from_bytes(hashlib.sha256(told).digest()[:8]) % 10**9
        return Stamp(self.size, self.modified * 10**9 + part)


def anonymous(scheme: str) -> bool:
    """Whether a kind of store is asked without credentials: none are found, or none are wanted."""
    if os.environ.get(ANONYMOUS, "") not in ("", "0"):
        return True
    if scheme == "s3":
        from botocore.session import get_session

        return get_session().get_credentials() is None
    if scheme == "gs":
        import google.auth
        from google.auth.exceptions import DefaultCredentialsError

        try:
            google.auth.default()
        except DefaultCredentialsError:
            return True
    return False


def filesystem(url: str) -> tuple[Any, str]:
    """The file system of fsspec that a URL belongs to, and the URL's path in it.

    One of a kind a process, and another when :func:`environment` changed. Credentials are those
    that the library of the store finds (environment, profile, role); without any, what is public is
    read anonymously.

    Parameters
    ----------
    url : str

    Returns
    -------
    fs : fsspec.AbstractFileSystem
        Its own retries are off and it remembers no listing: call it through :func:`asked`.
    path : str
        As ``fs`` wants it.

    Raises
    ------
    InputError
        If the kind is unknown, or what reads it is not installed.
    """
    url = plain_url(url)
    scheme = scheme_of(url)
    with _lock:
        key = (scheme, os.getpid(), frozenset(environment().items()))
        if key not in _systems:
            try:
                _systems[key] = _opened(scheme)
            except ImportError as error:
                raise InputError(
                    f"{url} needs the package {error.name or _EXTRAS[scheme]}. Install it: "
                    f"pip install 'phenolens[{_EXTRAS[scheme]}]'"
                ) from None
        fs = _systems[key]
    return fs, url if scheme.startswith("http") else url.partition("://")[2]


def environment() -> dict[str, str]:
    """Variables of the environment by which stores are asked, and where the cache is."""
    return {name: value for name, value in os.environ.items() if _ASKED_BY.match(name)}


def forget() -> None:
    """Ask for credentials and addresses anew at the next call."""
    with _lock:
        _systems.clear()


def _opened(scheme: str) -> Any:
    if scheme == "s3":
        from s3fs import S3FileSystem

        fs = S3FileSystem(
            anon=anonymous(scheme),
            use_listings_cache=False,
            skip_instance_cache=True,
            config_kwargs={
                "connect_timeout": CONNECT,
                "read_timeout": SILENT,
                "retries": {"mode": "standard", "total_max_attempts": 1},
                "max_pool_connections": CONNECTIONS,
            },
        )
        fs.retries = 1
        return fs
    if scheme == "gs":
        from gcsfs import GCSFileSystem

        token = {"token": "anon"} if anonymous(scheme) else {}
        return GCSFileSystem(use_listings_cache=False, skip_instance_cache=True, **token)
    from aiohttp import ClientTimeout
    from fsspec.implementations.http import HTTPFileSystem

    timeout = ClientTimeout(total=None, sock_connect=CONNECT, sock_read=SILENT)
    return HTTPFileSystem(
        use_listings_cache=False,
        skip_instance_cache=True,
        headers={"Accept-Encoding": "identity"},
        client_kwargs={"timeout": timeout, "trust_env": True},
    )


def about(url: str) -> ObjectStat:
    """What the store says of one object.

    Raises
    ------
    InputError
        If it is not there.
    UnreachableError
        See :func:`asked`.
    """
    fs, path = filesystem(url)
    told = asked(url, lambda: fs.info(path))
    if told.get("type") == "directory":
        raise InputError(f"{plain_url(url)} is a folder; give a file of it.")
    return about_of(told)


def about_of(told: Mapping[str, Any]) -> ObjectStat:
    """An entry of fsspec as :class:`ObjectStat`; stores name the same things differently."""
    changed: Any = told.get("LastModified") or told.get("updated") or told.get("Last-Modified")
    if isinstance(changed, str):
        try:
            changed = datetime.fromisoformat(changed)
        except ValueError:
            changed = parsedate_to_datetime(changed)
    etag = str(told.get("ETag") or told.get("etag") or told.get("generation") or "").strip('"')
    md5 = etag if len(etag) == 32 and not etag.strip("0123456789abcdef") else ""
    if told.get("md5Hash"):
        import base64

        md5 = base64.b64decode(told["md5Hash"]).hex()
    size = told.get("size")
    seconds = int(changed.timestamp()) if changed else 0
    return ObjectStat(None if size is None else int(size), etag, seconds, md5)


def asked(url: str, call: Callable[[], Result], *, doing: str = "read") -> Result:
    """What a call to a store gives; asked again where the store or the way to it failed.

    Between tries the pause doubles, with jitter, so that many processes do not come back at once.

    Parameters
    ----------
    url : str
        For messages.
    call : callable
        To be called up to six times, or as often as ``tries`` says.
    doing : str
        What is tried, for messages: ``read``, ``listed``, ``written``.

    Raises
    ------
    InputError
        If it is not there.
    UnreachableError
        If it cannot be reached: not allowed, no credentials, or not after all tries.
    """
    begun, most = time.monotonic(), tries.get()
    for attempt in range(most):
        try:
            return call()
        except Exception as error:  # three libraries raise many kinds
            if _final(error):
                raise refusal(url, error, doing=doing) from error
            last = error
        if attempt + 1 < most:
            time.sleep(min(PAUSE * 2**attempt, LONGEST) * random.uniform(0.5, 1.0))
    spent = time.monotonic() - begun
    raise UnreachableError(
        f"{plain_url(url)} could not be {doing} in {most} tries over {spent:.0f} s; the last: "
        f"{_words(last)}. Run again when the connection is back; what was finished is kept."
    ) from last


def status_of(error: BaseException) -> int:
    """The status of HTTP behind an error; 0 where none is known."""
    told = getattr(error, "status", None) or getattr(error, "code", None)
    if isinstance(told, int):
        return told
    for one in (error, error.__cause__):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return 0


def _code(error: BaseException) -> str:
    """The code of S3 behind an error, such as ``NoSuchBucket``."""
    for one in (error, error.__cause__):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


_PASSING = {errno.EBUSY, errno.ETIMEDOUT, errno.ECONNRESET, errno.EPIPE, errno.ECONNREFUSED,
            getattr(errno, "EREMOTEIO", errno.EIO)}  # fmt: skip


def _final(error: Exception) -> bool:
    """Whether asking again can change nothing."""
    if isinstance(error, PhenolensError | ImportError | TypeError | AttributeError):
        return True
    if isinstance(error, InterruptedTransferError):
        return False
    status = status_of(error)
    if status:
        return status < 500 and status not in (408, 425, 429) and _code(error) != "RequestTimeout"
    if isinstance(error, PermissionError | FileNotFoundError | FileExistsError | IsADirectoryError):
        return True
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"):
        return True
    if isinstance(error, TimeoutError | ConnectionError | EOFError):
        return False
    passing = isinstance(error, OSError) and error.errno in _PASSING
    of_transport = type(error).__module__.partition(".")[0] in (
        "aiohttp", "botocore", "aiobotocore", "urllib3", "requests", "fsspec", "gcsfs"
    )  # fmt: skip
    return not (passing or of_transport)


def refusal(url: str, error: Exception, *, doing: str = "read") -> PhenolensError:
    """What a store refused for good, as one line that says what to do."""
    if isinstance(error, PhenolensError):
        return error
    url = plain_url(url)
    scheme, status, code = scheme_of(url), status_of(error), _code(error)
    bucket = f"{scheme}://{url.partition('://')[2].partition('/')[0]}"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise error
    if code == "NoSuchBucket" or "The specified bucket does not exist" in str(error):
        return InputError(f"There is no bucket {bucket}. Is its name spelled right?")
    if isinstance(error, FileNotFoundError) or status in (404, 410):
        return InputError(f"There is no file or folder {url}.")
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"):
        return UnreachableError(
            f"{url} could not be {doing}: {_words(error)}. {_credentials(scheme)}"
        )
    if isinstance(error, PermissionError) or status in (401, 403, 407):
        denied = f"{url} could not be {doing}: access is denied ({_words(error)})."
        return UnreachableError(f"{denied} {_credentials(scheme)}")
    return UnreachableError(f"{url} could not be {doing}: {_words(error)}.")


def _credentials(scheme: str) -> str:
    """What to do where access is denied."""
    if scheme.startswith("http"):
        return "Give an address that can be read without signing in."
    where = {
        "s3": "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        "gs": "GOOGLE_APPLICATION_CREDENTIALS, or 'gcloud auth application-default login'",
    }[scheme]
    if anonymous(scheme):
        return f"No credentials were found, so it was asked anonymously; set {where}."
    return f"It was asked with the credentials found; set others ({where}), or {ANONYMOUS}=1."


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")[:200]
    return text or type(error).__name__
