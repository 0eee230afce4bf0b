"""Who may ask what of the server: everything else is refused, and says why."""

from __future__ import annotations

import json

import pytest

from phenolens.explore.guard import Guard
from phenolens.explore.look import explore
from phenolens.marks import marks_file

GROUP = {"wells": [0, 1, 2]}
MARK = {"kind": "well", "plate": "P", "well": "A01", "mark": "hit", "note": "<b>look</b>"}


def test_the_token_becomes_a_cookie_and_the_page_goes_on_by_itself(stranger):
    answer, body = stranger.ask("GET", f"/?{stranger.address.partition('?')[2]}")
    cookie = answer.headers["set-cookie"]
    assert answer.status == 200
    assert b'http-equiv="refresh" content="0; url=./"' in body
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    stranger.cookie = cookie.partition(";")[0]
    assert stranger.ask("GET", "/")[0].status == 200
    assert json.loads(stranger.ask("GET", "/data/screen.json")[1])["mode"] == "served"


@pytest.mark.parametrize("path", ["/", "/data/screen.json", "/images/f0/0/0/0-0.bin", "/api/marks"])
def test_without_cookie_or_with_another_nothing_is_answered(stranger, path):
    port = stranger.host.rpartition(":")[2]
    for cookie in ("", f"phenolens-{port}=guess", f"phenolens-{port}=", "other=1"):
        stranger.cookie = cookie
        answer, body = stranger.ask("GET", path)
        assert (answer.status, answer.headers["set-cookie"]) == (403, None)
        assert b"token" in body


def test_a_wrong_token_sets_no_cookie(stranger):
    answer, _ = stranger.ask("GET", "/?token=guess")
    assert (answer.status, answer.headers["set-cookie"]) == (403, None)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil:80", ""]
)
def test_other_hosts_are_refused_even_with_the_cookie_or_the_token(visitor, host):
    """A name that somebody else makes lead to 127.0.0.1 is no address of ours."""
    assert visitor.ask("GET", "/data/screen.json", Host=host)[0].status == 400
    query = visitor.address.partition("?")[2]
    assert visitor.ask("GET", f"/?{query}", Host=host)[0].status == 400


def test_localhost_is_an_address_of_ours(visitor):
    port = visitor.host.rpartition(":")[2]
    assert visitor.ask("GET", "/data/screen.json", Host=f"localhost:{port}")[0].status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_of_another_page_is_refused(visitor, site):
    assert visitor.ask("GET", "/data/screen.json", Sec_Fetch_Site=site)[0].status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/page/../../../site.py",
        "/page/%2e%2e/%2e%2e/site.py",
        "/page/..%2f..%2fsite.py",
        "//etc/passwd",
        "/data/../screen.py",
        "/images/f0/0/0/..%2f..%2fwells.parquet",
        "/data/features/-1.arrow",
        "/data/treatment/t99999999999999999999.json",
        "/page/",
        "/data/",
        "/data/wells.arrow%00",
    ],
)
def test_paths_lead_nowhere_else(visitor, path):
    answer, body = visitor.ask("GET", path)
    assert answer.status == 404
    assert b"root:" not in body
    assert b"import" not in body


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_verbs_that_nothing_needs_are_refused(visitor, method):
    for path in ("/", "/data/screen.json", "/data/marks.json", "/page/app.js"):
        assert visitor.ask(method, path, {})[0].status == 405
    others = {"/api/marks": ("PUT", "DELETE"), "/api/group": ("POST",)}
    for path, known in others.items():
        if method not in known:
            assert visitor.ask(method, path, {})[0].status == 405


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": None}, 403),
        ({"Origin": "https://127.0.0.1"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": None}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"content_length": "99999999"}, 413),
    ],
)
def test_what_writes_or_computes_needs_the_pages_own_origin_and_json(
    visitor, explored, headers, status
):
    path = marks_file(explored)
    before = path.read_bytes() if path.is_file() else None
    for method, asked, body in (("PUT", "/api/marks", MARK), ("POST", "/api/group", GROUP)):
        assert visitor.ask(method, asked, body, **headers)[0].status == status
    assert (path.read_bytes() if path.is_file() else None) == before


def test_answers_forbid_scripts_of_others_and_are_not_kept(visitor):
    for path in ("/", "/data/screen.json", "/nothing"):
        headers = visitor.ask("GET", path)[0].headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "script-src" not in policy
        assert "unsafe-eval" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_two_servers_have_tokens_and_cookies_of_their_own(visitor, explored):
    with explore(explored, browser=False) as other:
        assert other.address != visitor.address
        mine = visitor.cookie
        from .conftest import Browser

        second = Browser(other.address).enter()
        assert second.cookie.partition("=")[0] != mine.partition("=")[0]
        assert second.ask("GET", "/data/screen.json", Cookie=mine)[0].status == 403


def test_tokens_cannot_be_guessed():
    tokens = {Guard.new(1).token for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 43


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b'"x"', b"[" * 100_000, {"wells": "all"}, {"wells": [1.5]},
             {"wells": [True]}, {"wells": []}, {"wells": [-1]}, {"wells": [10**12]}, {}]
)  # fmt: skip
def test_bad_questions_are_refused_in_a_line(visitor, body):
    answer, said = visitor.ask("POST", "/api/group", body)
    assert answer.status == 400
    assert said.count(b"\n") == 1
