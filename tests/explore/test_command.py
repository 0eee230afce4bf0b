"""The command prints an address that works, and opens no browser that nobody sees."""

from __future__ import annotations

import socket
import webbrowser

import pytest

from phenolens.errors import InputError
from phenolens.explore import server
from phenolens.explore.server import listening, open_browser


def test_the_command_serves_until_it_is_stopped(command, explored, monkeypatch):
    served = []

    def run(self, sockets):
        served.append((self.config.app, sockets[0].getsockname()))
        sockets[0].close()
        raise KeyboardInterrupt

    monkeypatch.setattr(server.uvicorn.Server, "run", run)
    monkeypatch.setattr(webbrowser, "get", lambda: pytest.fail("no browser was asked for"))
    said = command("explore", explored, "--no-browser")
    ((_, (host, port)),) = served
    assert (said.code, host) == (0, "127.0.0.1")
    assert f"http://127.0.0.1:{port}/?token=" in said.out


def test_a_port_that_is_taken_is_named():
    with listening(None) as taken, pytest.raises(InputError, match="cannot be taken"):
        listening(taken.getsockname()[1])


def test_nobody_but_this_machine_is_listened_to():
    with listening(None) as place:
        assert place.getsockname()[0] == "127.0.0.1"
        assert place.family == socket.AF_INET


@pytest.mark.parametrize("kind", [webbrowser.GenericBrowser, webbrowser.BackgroundBrowser])
def test_a_browser_of_the_terminal_is_not_opened(kind, monkeypatch):
    opened = []
    browser = kind("none")
    monkeypatch.setattr(kind, "open", lambda self, address: opened.append(address))
    monkeypatch.setattr(webbrowser, "get", lambda: browser)
    open_browser("http://127.0.0.1:1/")
    assert len(opened) == (kind is webbrowser.BackgroundBrowser)
