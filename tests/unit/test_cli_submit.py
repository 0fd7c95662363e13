"""What `assay submit` makes of a server's answers."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator

import pytest

from app.commands.failures import CommandError, Refused, UnusableInput
from app.commands.submit import Client
from grader.submission import Part, SubmittedParts

HANDIN = SubmittedParts({"model": Part(b"x = 1", "model.py")})
Answer = tuple[int, dict[str, str], bytes]
Serve = Callable[[Answer], Client]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server on the loopback that gives one answer to everything."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(answer: Answer) -> Client:
        class Handler(http.server.BaseHTTPRequestHandler):
            def respond(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, body = answer
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = respond  # noqa: N815 - the names that http.server looks for

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return Client(f"http://127.0.0.1:{server.server_port}", "secret", "en")

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def problem(status: int, detail: str, **headers: str) -> Answer:
    body = {"type": "urn:x", "title": "No", "status": status, "detail": detail}
    return status, {"Content-Type": "application/problem+json", **headers}, json.dumps(body).encode()


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (problem(401, "who?"), Refused, "ASSAY_TOKEN"),
        (problem(422, "two\nlines"), UnusableInput, "two lines"),
        (problem(429, "spent", **{"Retry-After": "60"}), Refused, "again in 60 s"),
        ((502, {}, b"<html>"), Refused, "502"),
    ],
)
def test_a_refusal_is_told_in_one_line(serve: Serve, answer: Answer, kind: type[CommandError], words: str) -> None:
    with serve(answer) as service, pytest.raises(kind, match=words) as caught:
        service.submit("hw13", HANDIN)
    assert "\n" not in str(caught.value)


def test_events_are_read_until_the_stream_ends(serve: Serve) -> None:
    stream = b': hello\n\nevent: progress\ndata: {"done": 1,\ndata: "total": 2}\n\nevent: done\ndata:{}\n\nevent: x\n\n'
    with serve((200, {"Content-Type": "text/event-stream"}, stream)) as service:
        assert list(service.events("1")) == [("progress", {"done": 1, "total": 2}), ("done", {})]


def test_refused_events_are_told(serve: Serve) -> None:
    with serve(problem(404, "gone")) as service, pytest.raises(Refused, match="gone"):
        list(service.events("1"))
