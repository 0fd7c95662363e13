"""A check for NUL characters in addresses. PostgreSQL cannot store them, so no name in an address has one."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from app import problems
from app.http import problem_responses


class NulCheck:
    """Middleware that answers 400 to a path or query with a NUL character."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and ("\0" in scope["path"] or b"\0" in unquote_to_bytes(scope["query_string"])):
            problem = problems.BadRequest("The address holds a NUL character.")
            await problem_responses.from_problem(problem)(scope, receive, send)
            return
        await self.app(scope, receive, send)
