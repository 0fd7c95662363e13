"""Requests to a platform that does not behave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.lti import outgoing
from app.lti.outgoing import PlatformAway, PlatformRefused

ASKED: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ASKED.append(self.path)
        status = int(self.path.strip("/").partition("/")[0])
        bodies = {
            "large": b'{"a": "' + b"x" * outgoing._LARGEST + b'"}',
            "list": b"[]",
            "text": b"<html>",
            "object": b'{"a": 1}',
        }
        body = bodies.get(self.path.rpartition("/")[2], b"\x00told \x1b[31m you")
        self.send_response(status)
        self.send_header("Location", "/200/object")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_object_is_read(url: str) -> None:
    assert outgoing.json_object("GET", f"{url}/200/object") == {"a": 1}


@pytest.mark.parametrize("path", ["200/large", "200/list", "200/text", "500/x", "503/x", "429/x", "408/x"])
def test_these_mean_not_now(url: str, path: str) -> None:
    with pytest.raises(PlatformAway):
        outgoing.json_object("GET", f"{url}/{path}")


def test_nobody_there_means_not_now() -> None:
    with pytest.raises(PlatformAway, match=r"127\.0\.0\.1:9"):
        outgoing.request("GET", "http://127.0.0.1:9/x")


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 409, 422])
def test_these_mean_no_and_redirects_are_not_followed(url: str, status: int) -> None:
    ASKED.clear()
    with pytest.raises(PlatformRefused) as refused:
        outgoing.request("GET", f"{url}/{status}/x")
    assert refused.value.status == status
    assert [f"/{status}/x"] == ASKED
    assert "told" in str(refused.value)
    assert str(refused.value).isprintable(), "what it says is shown and logged"
