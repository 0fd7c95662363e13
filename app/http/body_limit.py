"""A limit on the size of requests. It counts the bytes of the stream, so that no header can get around it."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import problems
from app.http import problem_responses

_DRAIN_SECONDS = 5.0
_TEXT_BYTES = 2**20
"""A body that is no form with files, such as a roster."""
_FIELDS_BYTES = 2**17
"""JSON and plain forms: every unknown field of them costs a check and a message, on the thread that answers all."""


class BodyLimit:
    """Middleware that answers 413 once a request's body has more bytes than its kind may have.

    ``largest`` is the limit of forms with files.

    A client that is still sending reads no answer, and a closed connection would hide the 413 from it. So the rest of
    the body is read and dropped for a few seconds first.
    """

    def __init__(self, app: ASGIApp, largest: int) -> None:
        self.app = app
        self.largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count its body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        largest = self._largest(headers.get("content-type", ""))
        if headers.get("content-length", "0").isdigit() and int(headers.get("content-length", "0")) > largest:
            # Reading would send "100 Continue" to a client that waits for it before it sends its body.
            if headers.get("expect", "").lower() != "100-continue":
                await _drain(receive)
            await self._refuse(scope, receive, send, largest)
            return
        received = 0
        exceeded = started = False

        async def counting_receive() -> Message:
            nonlocal received, exceeded
            message = await receive()
            received += len(message.get("body", b""))
            if received > largest:
                exceeded = True
                raise problems.TooLarge(_detail(largest))
            return message

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if exceeded and not started:
                # Drop the answer that the application gives to a cut-off body: the client gets the 413.
                return
            started = True
            await send(message)

        try:
            await self.app(scope, counting_receive, guarded_send)
        except problems.TooLarge:
            if started:
                raise
        if exceeded and not started:
            await _drain(receive)
            await self._refuse(scope, receive, send, largest)

    def _largest(self, content_type: str) -> int:
        kind = content_type.partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            return self.largest
        is_fields = kind.endswith("json") or kind == "application/x-www-form-urlencoded"
        return min(self.largest, _FIELDS_BYTES if is_fields else _TEXT_BYTES)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, largest: int) -> None:
        problem = problems.TooLarge(_detail(largest), headers={"Connection": "close"}, limit=largest)
        await problem_responses.from_problem(problem)(scope, receive, send)


def _detail(largest: int) -> str:
    return f"The request is larger than {largest:,} bytes."


async def _drain(receive: Receive) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while (await receive()).get("more_body", False):
                pass
