"""A small server on this machine's loopback: the site, marks, and questions about a selection."""

from __future__ import annotations

import socket
import threading
import webbrowser
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from phenolens import marks
from phenolens.errors import InputError
from phenolens.explore.groups import group
from phenolens.explore.guard import HEADERS, Guard, json_of, told
from phenolens.explore.opening import refreshed
from phenolens.explore.site import JSON, NotThereError, Site, as_json_bytes

LOOPBACK = "127.0.0.1"
_READING = ("GET", "HEAD")
_WRITING = {"/api/marks": ("PUT", "DELETE"), "/api/group": ("POST",)}


class Guarded:
    """An application that nobody reaches past a guard."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] != "http":
            raise RuntimeError("This server speaks HTTP only.")
        request = Request(scope, receive)
        answer = self._refusal(request)
        if answer is None:
            await self._app(scope, receive, send)
        else:
            await answer(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        if (answer := self._guard.entering(request)) is not None:
            return answer
        refused = self._guard.refusal(request.headers, request.cookies.get(self._guard.cookie))
        if refused is not None:
            return refused
        path, method = request.url.path, request.method
        if method in _READING and path != "/api/group":
            return None
        if method not in _WRITING.get(path, ()):
            return told(405, "This cannot be done here.")
        return self._guard.writing_refusal(request.headers)


class Shown:
    """The site that is shown now; read anew when the page asks and the results have changed."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._lock = threading.Lock()

    def refresh(self) -> Site:
        """The site as its files are now."""
        with self._lock:
            self.site = refreshed(self.site)
            return self.site


def application(shown: Shown, guard: Guard) -> ASGIApp:
    """The server's application.

    Parameters
    ----------
    shown : Shown
    guard : Guard
    """

    def read(request: Request) -> Response:
        path = request.path_params["path"] or "index.html"
        site = shown.refresh() if path == "data/screen.json" else shown.site
        try:
            found = site.answer(path)
        except NotThereError as error:
            return told(404, str(error))
        return Response(found.body, media_type=found.kind, headers=HEADERS)

    async def change_marks(request: Request) -> Response:
        if request.method in _READING:
            return await run_in_threadpool(_marks_now, shown.site)
        body = await json_of(request)
        if body is None:
            return told(400, "Send a JSON object.")
        return await run_in_threadpool(_changed_marks, shown.site, body, request.method)

    async def ask(request: Request) -> Response:
        body = await json_of(request)
        wells = None if body is None else body.get("wells")
        if not isinstance(wells, list) or not all(type(one) is int for one in wells):
            return told(400, "Send {'wells': [numbers]}.")
        return await run_in_threadpool(_asked, shown.site, wells)

    routes = [
        Route("/api/marks", change_marks, methods=["GET", "PUT", "DELETE"]),
        Route("/api/group", ask, methods=["POST"]),
        Route("/{path:path}", read, methods=["GET"]),
    ]
    return Guarded(Starlette(routes=routes, exception_handlers={Exception: _failed}), guard)


def _failed(_: Request, error: Exception) -> Response:
    """What nobody foresaw, said in the page too."""
    return told(500, f"This could not be made: {type(error).__name__}: {error}")


def _json(value: object) -> Response:
    return Response(as_json_bytes(value), media_type=JSON, headers=HEADERS)


def _marks_now(site: Site) -> Response:
    try:
        found = site.answer("data/marks.json")
    except NotThereError as error:
        return told(404, str(error))
    return Response(found.body, media_type=JSON, headers=HEADERS)


def _changed_marks(site: Site, body: dict[str, Any], method: str) -> Response:
    if site.marks is None:
        return told(409, "Profiles without a file have no place for marks; download them instead.")
    try:
        one = marks.mark_of(body, removing=method == "DELETE")
        change = marks.remove if method == "DELETE" else marks.put
        found = change(site.marks, one)
    except InputError as error:
        return told(400, str(error))
    except OSError as error:  # a folder that cannot be written, a full disk, a lock that stays
        return told(409, f"{site.marks} cannot be written: {error.strerror or error}.")
    return Response(marks.as_json(found), media_type=JSON, headers=HEADERS)


def _asked(site: Site, wells: list[int]) -> Response:
    try:
        return _json(group(site.screen, wells))
    except InputError as error:
        return told(400, str(error))


@dataclass
class Explorer:
    """A running server; :meth:`close` ends it.

    Attributes
    ----------
    address : str
        With the token, for a browser on this machine.
    """

    address: str
    _server: uvicorn.Server = field(repr=False)
    _thread: threading.Thread = field(repr=False)

    def close(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join(timeout=10)

    def __enter__(self) -> Explorer:
        """The server itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self.close()

    def _repr_html_(self) -> str:
        return f'<a href="{self.address}" target="_blank" rel="noopener">Open the explorer</a>'


def listening(port: int | None) -> socket.socket:
    """A socket on loopback.

    Parameters
    ----------
    port : int or None
        By default one that is free.

    Raises
    ------
    InputError
        If another program has this port, or it may not be taken.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((LOOPBACK, port or 0))
        found.listen(128)
    except (OSError, OverflowError) as error:
        found.close()
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"Port {port} cannot be taken ({why}). Name another, or leave --port away."
        ) from None
    return found


def prepared(site: Site, port: int | None) -> tuple[uvicorn.Server, socket.socket, Guard]:
    """A server that has its port, and does not run yet."""
    place = listening(port)
    guard = Guard.new(place.getsockname()[1])
    config = uvicorn.Config(
        application(Shown(site), guard), log_level="critical", access_log=False, lifespan="off",
        ws="none", server_header=False, timeout_graceful_shutdown=2,
    )  # fmt: skip
    return uvicorn.Server(config), place, guard


def start(site: Site, *, port: int | None = None, browser: bool = False) -> Explorer:
    """Serve in a thread until it is closed, or the process ends."""
    server, place, guard = prepared(site, port)
    thread = threading.Thread(target=server.run, args=([place],), daemon=True)
    thread.start()
    if browser:
        open_browser(guard.address)
    return Explorer(guard.address, server, thread)


def open_browser(address: str) -> None:
    """Open a page where there is a browser with windows; one of the terminal would take it over."""
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return
    if type(found) is not webbrowser.GenericBrowser:
        found.open(address)
