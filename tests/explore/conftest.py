"""A small finished study with images, and a server over it, shared by the tests of the room."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from phenolens.explore.look import explore
from phenolens.explore.opening import site_of
from phenolens.explore.site import Site
from phenolens.simulate import ScreenDesign, write_screen

QUICK = """
[evaluate]
permutations = 200
bootstrap = 20

[represent]
representations = ["cellprofiler"]

[measure]
families = ["AreaShape", "Intensity"]
"""


@pytest.fixture(scope="session")
def explored(tmp_path_factory) -> Path:
    """Results of a study of two plates of 14 wells with one field each."""
    from phenolens import study

    folder = tmp_path_factory.mktemp("explored")
    design = ScreenDesign(
        plates=2, batches=1, treatments=6, replicates=1, control_wells=8, sites=1, mechanisms=2,
        inactive=1, toxic=1, field_size=160,
    )  # fmt: skip
    write_screen(design, folder / "screen")
    study.init(folder / "screen", folder / "study.toml")
    with (folder / "study.toml").open("a") as stream:
        stream.write(QUICK)
    study.interpret(study.open_study(folder / "study.toml", out=folder / "out"))
    (folder / "out" / "report.html").write_text("")  # drawing it takes longer than all the rest
    return folder / "out"


@pytest.fixture(scope="session")
def site(explored) -> Site:
    return site_of(explored)


def arrow(body: bytes) -> dict:
    """Columns of an Arrow stream, and under ``about`` the metadata of its schema."""
    table = pa.ipc.open_stream(body).read_all()
    about = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
    assert all(column.null_count == 0 for column in table.columns)
    return {name: table[name].to_pylist() for name in table.column_names} | {"about": about}


@dataclass
class Browser:
    """What asks a server, with headers that a browser would send, or that it would not."""

    address: str
    cookie: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return urlsplit(self.address).netloc

    def enter(self) -> Browser:
        """Take the cookie."""
        answer, _ = self.ask("GET", "/?" + urlsplit(self.address).query)
        assert answer.status == 200
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return self

    def ask(self, method: str, path: str, body: object = None, **headers: str | None):
        """Status and headers, and the body; a header of None is not sent."""
        said = {"Host": self.host, "Cookie": self.cookie}
        if body is not None:
            said |= {"Origin": f"http://{self.host}", "Content-Type": "application/json"}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", int(self.host.rpartition(":")[2]))
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = b"" if body is None else sent
        for name, value in said.items():
            if value:
                connection.putheader(name, value)
        if body is not None and "content_length" not in headers:
            connection.putheader("Content-Length", str(len(sent)))
        connection.endheaders(sent)
        answer = connection.getresponse()
        found = answer.read()
        connection.close()
        return answer, found


@pytest.fixture
def stranger(explored) -> Iterator[Browser]:
    """Who knows the port of a server and has no cookie yet."""
    with explore(explored, browser=False) as page:
        yield Browser(page.address)


@pytest.fixture
def visitor(stranger) -> Browser:
    """A browser that entered with the token."""
    return stranger.enter()
