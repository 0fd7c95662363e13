"""A request that its own headers call too large is refused; a sender that asks first is refused before it sends."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.types import Message, Receive, Scope, Send

from app.http.body_limit import BodyLimit

LARGEST = 10


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("it is not asked")


def refused(headers: dict[bytes, bytes]) -> tuple[dict[str, object], int]:
    """The problem that a request of three pieces is answered, and how many of them were asked for."""
    pieces = [{"type": "http.request", "body": b"x" * 6, "more_body": more} for more in (True, True, False)]
    reads = 0
    answers: list[Message] = []

    async def receive() -> Message:
        nonlocal reads
        reads += 1
        return pieces[reads - 1]

    async def send(message: Message) -> None:
        answers.append(message)

    scope = {"type": "http", "headers": [(b"content-length", b"18"), *headers.items()]}
    asyncio.run(BodyLimit(application, LARGEST)(scope, receive, send))
    return json.loads(answers[1]["body"]), reads


@pytest.mark.parametrize(
    ("headers", "reads"),
    [({}, 3), ({b"expect": b"100-continue"}, 0), ({b"expect": b"100-Continue"}, 0)],
    ids=["sends", "asks first", "asks first, in capitals"],
)
def test_a_sender_that_asks_first_is_refused_before_it_sends(headers: dict[bytes, bytes], reads: int) -> None:
    """The server tells a sender to go on as soon as the application asks for the body."""
    problem, actual_reads = refused(headers)
    assert (problem["status"], problem["limit"]) == (413, LARGEST)
    assert actual_reads == reads
