"""The largest request that is read, held on the stream itself: whatever the headers say, chunked or not."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import problems
from app.http import problem_responses

_PATIENCE_SECONDS = 5.0


class BodyLimit:
    """Middleware that answers 413 once a request's body has more bytes than allowed.

    A sender that is still sending does not look for an answer, and closing on it would make it see a broken connection
    instead of the 413. So what it sends is thrown away for a few seconds first.
    """

    def __init__(self, app: ASGIApp, largest: int) -> None:
        self.app = app
        self.largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its body counted."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if headers.get("content-length", "0").isdigit() and int(headers.get("content-length", "0")) > self.largest:
            # A sender that waits for "100 Continue" has sent nothing yet and must not be told to.
            if headers.get("expect", "").lower() != "100-continue":
                await _throw_away(receive)
            await self._refuse(scope, receive, send)
            return
        seen = 0
        exceeded = answered = False

        async def counted() -> Message:
            nonlocal seen, exceeded
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.largest:
                exceeded = True
                raise problems.TooLarge(self._detail())
            return message

        async def guarded(message: Message) -> None:
            nonlocal answered
            if exceeded and not answered:
                # Whatever the application made of the cut-off body, the sender is told the reason.
                return
            answered = True
            await send(message)

        try:
            await self.app(scope, counted, guarded)
        except problems.TooLarge:
            if answered:
                raise
        if exceeded and not answered:
            await _throw_away(receive)
            await self._refuse(scope, receive, send)

    def _detail(self) -> str:
        return f"The request is larger than {self.largest:,} bytes."

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = problems.TooLarge(self._detail(), headers={"Connection": "close"}, limit=self.largest)
        await problem_responses.from_problem(problem)(scope, receive, send)


async def _throw_away(receive: Receive) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while (await receive()).get("more_body", False):
                pass
