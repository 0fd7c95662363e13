"""Requests to a platform that does not behave."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote

import pytest

from app.lti import outgoing
from app.lti.outgoing import PlatformAway, PlatformRefused

ASKED: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ASKED.append(self.path)
        status = int(self.path.strip("/").partition("/")[0])
        bodies = {
            "large": b'{"a": "' + b"x" * outgoing._MAX_BYTES + b'"}',
            "list": b"[]",
            "text": b"<html>",
            "object": b'{"a": 1}',
        }
        body = bodies.get(self.path.rpartition("/")[2], b"\x00told \x1b[31m you")
        self.send_response(status)
        self.send_header("Location", "/200/object")
        if "/after=" in self.path:
            self.send_header("Retry-After", unquote(self.path.rpartition("=")[2]))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # nobody reads more of it than is wanted
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


@pytest.mark.parametrize("path", ["200/large", "200/list", "200/text", "503/x", "429/x", "408/x"])
def test_these_mean_not_now(url: str, path: str) -> None:
    with pytest.raises(PlatformAway):
        outgoing.json_object("GET", f"{url}/{path}")


_TOMORROW = datetime.now(UTC) + timedelta(days=1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", (0, 0)),
        ("30", (30, 30)),
        ("Wed, 21 Oct 2015 07:28:00 GMT", (0, 0)),
        pytest.param(format_datetime(_TOMORROW, usegmt=True), (80_000, 86_400), id="tomorrow"),
        pytest.param(_TOMORROW.strftime("%d %b %Y %H:%M:%S -0000"), (80_000, 86_400), id="tomorrow without a zone"),
        ("-5", None),
        ("soon", None),
        ("²", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_platform_says_when_it_wants_to_be_asked_again(
    url: str, status: int, header: str, seconds: tuple[float, float] | None
) -> None:
    with pytest.raises(PlatformAway) as away:
        outgoing.request("GET", f"{url}/{status}/after={quote(header.encode('latin-1'))}")
    retry_after = away.value.retry_after
    assert (
        retry_after is None if seconds is None else retry_after is not None and seconds[0] <= retry_after <= seconds[1]
    )


def test_a_refusal_of_any_length_is_one(url: str) -> None:
    with pytest.raises(PlatformRefused) as refused:
        outgoing.request("GET", f"{url}/500/large")
    assert len(str(refused.value)) < 300


def test_an_address_that_is_none_is_no_outage() -> None:
    with pytest.raises(PlatformRefused):
        outgoing.request("GET", "https://school.example.edu:port/1")


def test_nobody_there_means_not_now() -> None:
    with pytest.raises(PlatformAway, match=r"127\.0\.0\.1:9"):
        outgoing.request("GET", "http://127.0.0.1:9/x")


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 409, 422, 500, 501, 502, 504])
def test_these_mean_no_and_redirects_are_not_followed(url: str, status: int) -> None:
    ASKED.clear()
    with pytest.raises(PlatformRefused) as refused:
        outgoing.request("GET", f"{url}/{status}/x")
    assert refused.value.status == status
    assert [f"/{status}/x"] == ASKED
    assert "told" in str(refused.value)
    assert str(refused.value).isprintable(), "what it says is shown and logged"


@contextlib.contextmanager
def _dribbling(answer: bytes) -> Iterator[str]:
    """A platform that sends its answer byte by byte, and so meets every limit on a single read."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                for byte in answer:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.05)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b" " * 1_000],
    ids=["headers", "body"],
)
def test_a_platform_that_never_finishes_is_left(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "_TOTAL_SECONDS", 0.5)
    with _dribbling(answer) as url, pytest.raises(PlatformAway, match=r"more than 0\.5 seconds"):
        outgoing.request("GET", url)
