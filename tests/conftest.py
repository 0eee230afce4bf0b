"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.machinery import ModuleSpec
from pathlib import Path
from threading import Lock, Thread
from time import sleep
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import hypothesis
import numpy as np
import pytest

from phenolens.readers import vendor

# How long an example takes says how busy the machine is. The same examples every time, so that a
# failure belongs to the change that made it; `make explore` looks for new ones.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@dataclass(frozen=True)
class Answer:
    """What the command left: exit code, what it printed, what it said on standard error."""

    code: int
    out: str
    err: str

    def refused(self) -> str:
        """The one line of a refusal; fails on anything else."""
        lines = [line for line in self.err.splitlines() if line.startswith("phenolens: ")]
        assert self.code == 2, (self.code, self.err)
        assert "Traceback" not in self.err
        assert self.err.rstrip().splitlines()[-1:] == lines, self.err
        return lines[0].removeprefix("phenolens: ")


@pytest.fixture
def command(monkeypatch, capsys) -> Callable[..., Answer]:
    """``command("run", "study.toml")`` in this process, with its exit code and output.

    Warnings stay errors, as everywhere in the tests: the command hides those of other libraries
    unless Python was started with ``-W``.
    """
    from phenolens.cli import main

    monkeypatch.setattr("sys.warnoptions", ["error"])

    def call(*arguments: object) -> Answer:
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["phenolens", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return Answer(left.value.code or 0, said.out, said.err)

    return call


REAL_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Path of a folder of real data, or a skip that says what is missing."""

    def find(name: str) -> Path:
        folder = REAL_DATA / name
        if not folder.is_dir():
            pytest.skip(f"real data folder '{name}' is not on this machine")
        return folder

    return find


class BioImage:
    """The part of bioio's face that is used: scenes of T, C, Z, Y, X, read lazily."""

    pixels = np.random.default_rng(0).integers(0, 4096, (2, 1, 3, 4, 8, 9)).astype(np.uint16)
    scenes = ("A01", "A02")
    dims = SimpleNamespace(order="TCZYX")
    dtype = np.dtype(np.uint16)
    channel_names = ("DNA", "ER", "AGP")
    physical_pixel_sizes = SimpleNamespace(Z=1.0, Y=0.3, X=0.3)

    def __init__(self, path):
        if path.stat().st_size < 2:
            raise RuntimeError("no such image")
        self.scene = 0

    def set_scene(self, number):
        self.scene = number

    @property
    def shape(self):
        return self.pixels[self.scene].shape

    def get_image_dask_data(self, order, **fixed):
        assert order.startswith("YX") or not fixed
        picked = self.pixels[self.scene]
        for axis in "ZCT":
            if axis in fixed:
                picked = picked.take(fixed[axis], axis="TCZYX".index(axis))
        return SimpleNamespace(compute=lambda scheduler: picked)


@pytest.fixture
def bioio(monkeypatch):
    """A bioio with readers of .czi and .nd2, and none of .lif."""
    for name in ("bioio", "bioio_czi", "bioio_nd2"):
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules["bioio"].BioImage = BioImage
    vendor._opened.cache_clear()
    yield BioImage
    vendor._opened.cache_clear()


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a request: a status, a pause, a cut, a byte too few, another byte."""

    status: int = 0
    seconds: float = 0.0
    cut: int = -1
    short: bool = False
    flip: bool = False


@dataclass
class Store:
    """A server of S3 behind a way that fails as a test wants it.

    ``faults`` is asked before each request with its method, path and how often that was asked for
    already; ``asked`` lists what was, with the range.
    """

    fault: ClassVar[type[Fault]] = Fault
    address: str = ""
    faults: Callable[[str, str, int], Fault | None] = lambda method, path, before: None
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    @cached_property
    def client(self):
        """A client of boto3 that goes to the server."""
        import boto3

        return boto3.client(
            "s3", endpoint_url=self.address, region_name="us-east-1",
            aws_access_key_id="testing", aws_secret_access_key="testing",
        )  # fmt: skip

    def upload(self, folder: Path, bucket: str, prefix: str = "") -> str:
        """All files of a folder as objects of a new bucket; their URL."""
        self.client.create_bucket(Bucket=bucket)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                key = f"{prefix}{path.relative_to(folder).as_posix()}"
                self.client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        return f"s3://{bucket}/{prefix}".rstrip("/")

    def fault_of(self, method: str, path: str, span: str) -> Fault:
        """What goes wrong with a request, which is noted."""
        with self.lock:
            before = sum((m, p) == (method, path) for m, p, _ in self.asked)
            self.asked.append((method, path, span))
        return self.faults(method, path, before) or Fault()


def _way_to(store: Store, port: int) -> ThreadingHTTPServer:
    """A server that hands requests on to the one at `port`, but for what a store's faults say."""

    class Way(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            path = self.path.partition("?")[0]
            fault = store.fault_of(self.command, path, self.headers.get("Range", ""))
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sleep(fault.seconds)
            if fault.status:
                self.send_response(fault.status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            onward = HTTPConnection("127.0.0.1", port, timeout=30)
            onward.request(self.command, self.path, body=sent, headers=dict(self.headers))
            reply = onward.getresponse()
            data = reply.read()
            told = {name.lower(): value for name, value in reply.getheaders()}
            onward.close()
            if fault.short:
                data = data[:-1]
            if fault.flip:
                data = data[:-1] + bytes([data[-1] ^ 1])
            length = told.pop("content-length", "0") if self.command == "HEAD" else str(len(data))
            told.pop("transfer-encoding", None)
            told.pop("connection", None)
            self.send_response_only(reply.status)
            for name, value in (told | {"content-length": length}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data if fault.cut < 0 else data[: fault.cut])
            if fault.cut >= 0:
                self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Way)


@pytest.fixture(scope="session")
def _stores() -> Iterator[Store]:
    """A server for all tests."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    found = Store()
    way = _way_to(found, server.get_host_and_port()[1])
    found.address = f"http://127.0.0.1:{way.server_port}"
    Thread(target=way.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield found
    way.shutdown()
    way.server_close()
    server.stop()


@pytest.fixture
def store(_stores: Store, tmp_path: Path, monkeypatch) -> Store:
    """An empty store of objects at ``s3://``, with credentials, and a cache of its own."""
    from phenolens.remote import asking

    _stores.faults = lambda method, path, before: None
    clear = HTTPConnection(_stores.address.removeprefix("http://"))
    clear.request("POST", "/moto-api/reset")
    clear.getresponse().read()
    clear.close()
    _stores.asked.clear()
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "PHENOLENS_ANONYMOUS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": _stores.address,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PHENOLENS_CACHE": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(asking, "PAUSE", 0.01)
    return _stores
