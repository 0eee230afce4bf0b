"""How long work waits for images that lie at ``s3://``, against the same images in a folder.

    python bench/s3_streaming.py [--size 1080 --latency 50 --plates 2]

A simulated screen (five stains, 14 fields a plate) is prepared and measured by one process from a
folder, and from a small server of S3 in a process of its own, which answers each request after
`latency` milliseconds. Waiting is the time in which the process that works had to stand still for
a file to come; what is fetched ahead meanwhile costs none. The server shares the machine, so its
own processor time is reported beside it. Kernels are compiled before. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from phenolens import prepare as preparing
from phenolens import study
from phenolens.remote import mirror
from phenolens.simulate import ScreenDesign, write_screen
from phenolens.study.step import take

BUCKET = "screen"


@cache
def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def serve(folder: Path, latency: float, ready: Connection) -> None:
    """Answer GET, HEAD and lists of one bucket; when asked, tell the processor time it took."""

    class Bucket(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            time.sleep(latency)
            asked = urlsplit(self.path)
            key = unquote(asked.path).strip("/").removeprefix(BUCKET).strip("/")
            query = {name: values[0] for name, values in parse_qs(asked.query).items()}
            if "list-type" in query:
                self.reply(200, _listed(folder, query.get("prefix", "")), {})
            elif not key or not (folder / key).is_file():
                self.reply(404, b"", {})
            else:
                self.object(folder / key)

        do_HEAD = do_GET

        def object(self, path: Path) -> None:
            data, span = path.read_bytes(), self.headers.get("Range", "")
            told = {"ETag": f'"{_md5(path)}"', "Last-Modified": "Mon, 02 Mar 2026 10:00:00 GMT"}
            if not span:
                self.reply(200, data, told)
                return
            start, _, end = span.removeprefix("bytes=").partition("-")
            part = data[int(start) : int(end or len(data)) + 1]
            told["Content-Range"] = f"bytes {start}-{int(start) + len(part) - 1}/{len(data)}"
            self.reply(206, part, told)

        def reply(self, status: int, data: bytes, told: dict[str, str]) -> None:
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(data)), **told}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ready.send(server.server_port)
    while ready.recv() == "time":
        ready.send(time.process_time())


def _listed(folder: Path, prefix: str) -> bytes:
    """One folder, as ListObjectsV2 with a delimiter gives it."""
    place, parts = folder / prefix, ["<Name>screen</Name><IsTruncated>false</IsTruncated>"]
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        key = escape(path.relative_to(folder).as_posix())
        if path.is_dir():
            parts.append(f"<CommonPrefixes><Prefix>{key}/</Prefix></CommonPrefixes>")
        else:
            when, size = "2026-03-02T10:00:00.000Z", path.stat().st_size
            parts.append(
                f"<Contents><Key>{key}</Key><LastModified>{when}</LastModified>"
                f"<ETag>&quot;{_md5(path)}&quot;</ETag><Size>{size}</Size></Contents>"
            )
    return f"<ListBucketResult>{''.join(parts)}</ListBucketResult>".encode()


class Waiting:
    """Seconds in which the main thread stood still for files to come."""

    def __init__(self) -> None:
        self.seconds, self._inside = 0.0, False
        preparing.fetch_ahead = self.timed(preparing.fetch_ahead)
        mirror._bring = self.timed(mirror._bring)

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if self._inside or threading.current_thread() is not threading.main_thread():
                return function(*arguments, **named)
            self._inside, begun = True, time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self._inside = False
                self.seconds += time.perf_counter() - begun

        return call


def once(source: str, folder: Path, waiting: Waiting) -> dict[str, float]:
    """Prepare and measure a screen: wall time of each, and how much of it was waiting."""
    folder.mkdir(parents=True)
    study.init(source, folder / "study.toml")
    session = study.open_study(folder / "study.toml", out=folder / "out", jobs=1)
    begun = time.perf_counter()
    study.check(session)
    found = {"check_s": time.perf_counter() - begun}
    for step in ("prepare", "measure"):
        waiting.seconds, begun = 0.0, time.perf_counter()
        getattr(study, step)(session)
        found[f"{step}_s"] = time.perf_counter() - begun
        found[f"{step}_waited_s"] = waiting.seconds
    found["fields"] = len(take(session, "prepare"))
    return {name: round(value, 2) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1080, help="pixels of a field's side")
    parser.add_argument("--latency", type=float, default=50, help="milliseconds a request")
    parser.add_argument("--plates", type=int, default=2)
    asked = parser.parse_args()
    with TemporaryDirectory() as made:
        folder = Path(made)
        design = ScreenDesign(
            plates=asked.plates, batches=1, treatments=6, replicates=1, control_wells=8, sites=1,
            mechanisms=2, inactive=1, toxic=1, field_size=asked.size,
        )  # fmt: skip
        write_screen(design, folder / BUCKET)
        small = ScreenDesign(
            plates=1, batches=1, treatments=6, replicates=1, control_wells=8, sites=1,
            mechanisms=2, inactive=1, toxic=1, field_size=256,
        )  # fmt: skip
        write_screen(small, folder / "small")
        waiting = Waiting()
        once(str(folder / "small"), folder / "warm", waiting)
        here = once(str(folder / BUCKET), folder / "here", waiting)
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        server = context.Process(
            target=serve, args=(folder / BUCKET, asked.latency / 1000, theirs), daemon=True
        )
        server.start()
        os.environ |= {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ours.recv()}", "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1",
            "PHENOLENS_CACHE": str(folder / "cache"),
        }  # fmt: skip
        before = time.process_time()
        afar = once(f"s3://{BUCKET}", folder / "afar", waiting)
        own = time.process_time() - before
        ours.send("time")
        served = ours.recv()
        ours.send("end")
        server.join()
    worked = afar["prepare_s"] + afar["measure_s"]
    waited = afar["prepare_waited_s"] + afar["measure_waited_s"]
    said = {
        "size": asked.size, "latency_ms": asked.latency, "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1), "folder": here, "s3": afar,
        "waited_share": round(waited / worked, 4),
        "waited_share_of_prepare": round(afar["prepare_waited_s"] / afar["prepare_s"], 4),
        "server_cpu_s": round(served, 2), "own_cpu_s": round(own, 2),
    }  # fmt: skip
    print(json.dumps(said))


if __name__ == "__main__":
    main()
