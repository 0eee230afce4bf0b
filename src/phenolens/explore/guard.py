"""Who may ask: this machine's browser that was given the token, and no page from elsewhere.

A server on loopback can be reached by every page that a browser has open (by a name that leads to
127.0.0.1, or by a request across origins) and by every user of the machine. So every request needs
the right ``Host`` and the cookie that only the address with the token sets; what writes or computes
needs the page's own ``Origin`` too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from secrets import compare_digest, token_urlsafe

from starlette.datastructures import URL, Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MOST_BYTES = 4 * 2**20
_ENTER = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" '
    'content="0; url=./"><title>phenolens explore</title><p><a href="./">Go on</a></p>'
)


@dataclass(frozen=True)
class Guard:
    """The token of one server, and what must be true of a request to it.

    Attributes
    ----------
    port : int
    token : str
    """

    port: int
    token: str

    @classmethod
    def new(cls, port: int) -> Guard:
        """One with a token that nobody can guess."""
        return cls(port, token_urlsafe(32))

    @property
    def address(self) -> str:
        """Where a browser begins."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """Name of the cookie: browsers share cookies between the ports of a host."""
        return f"phenolens-{self.port}"

    def refusal(self, headers: Headers, cookie: str | None) -> Response | None:
        """Why a request is refused; None where it is not."""
        hosts = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        if len(headers.getlist("host")) != 1 or headers["host"] not in hosts:
            return told(400, "This server answers to 127.0.0.1 and localhost only.")
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return told(403, "Another page may not ask here.")
        if cookie is None or not compare_digest(cookie.encode(), self.token.encode()):
            return told(403, "Open the address that phenolens explore printed, with its token.")
        return None

    def entering(self, request: Request) -> Response | None:
        """The page that sets the cookie where the token is right; None where none is given.

        It goes on by itself, for a browser that came from another site would not send a strict
        cookie along with a redirect.
        """
        given = request.query_params.get("token")
        if given is None or request.url.path != "/" or request.method != "GET":
            return None
        if request.headers.get("host") not in (f"127.0.0.1:{self.port}", f"localhost:{self.port}"):
            return told(400, "This server answers to 127.0.0.1 and localhost only.")
        if not compare_digest(given.encode(), self.token.encode()):
            return told(403, "This is not the token of this server; it was started again.")
        answer = Response(_ENTER, media_type="text/html", headers=HEADERS)
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", path="/")
        return answer

    def writing_refusal(self, headers: Headers) -> Response | None:
        """Why a request that writes or computes is refused; None where it is not."""
        origin = headers.get("origin", "")
        if origin != str(URL(f"http://{headers['host']}")):
            return told(403, "Only the page itself may do this.")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return told(415, "Send application/json.")
        if not headers.get("content-length", "").isdecimal():
            return told(411, "Say how long it is.")
        if int(headers["content-length"]) > MOST_BYTES:
            return told(413, "This is too much at once.")
        return None


def told(status: int, text: str) -> Response:
    """A line of text with a status."""
    return PlainTextResponse(f"{text}\n", status_code=status, headers=HEADERS)


async def json_of(request: Request) -> dict | None:
    """The object of a request's body; None where it is none."""
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
