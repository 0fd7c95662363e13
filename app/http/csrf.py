"""Requests that another site makes a browser send, refused by what the browser says of their origin.

A request that changes something and is known by its cookie alone must come from our own pages. Browsers tell with
``Sec-Fetch-Site``, older ones with ``Origin``; a client that sends neither is no browser, and nobody can make it send a
cookie. See https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app import problems
from app.http import problem_responses

_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}


class CrossSiteRequest(problems.Forbidden):
    """The request came from another site. Open the page of this service and try again there."""

    slug = "cross-site-request"


class CrossSiteCheck:
    """Middleware that refuses cross-site requests which change something.

    The paths ``expected`` from other sites do not go by the session's cookie; they know their callers otherwise.
    """

    def __init__(self, app: ASGIApp, expected: Collection[str] = ()) -> None:
        self.app = app
        self.expected = frozenset(expected)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        changes = scope["type"] == "http" and scope["method"] not in _SAFE and scope["path"] not in self.expected
        if changes and _from_elsewhere(Headers(scope=scope)):
            await problem_responses.from_problem(CrossSiteRequest())(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _from_elsewhere(headers: Headers) -> bool:
    if "authorization" in headers:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
