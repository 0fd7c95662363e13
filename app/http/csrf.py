"""A check against cross-site request forgery, by the origin that browsers report.

A request that changes something and is authenticated by its cookie alone must come from a page of this service.
Browsers report the origin in ``Sec-Fetch-Site``, older ones in ``Origin``; a client that sends neither is not a
browser, and no other site can make it send a cookie. See https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site.
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

    The ``exempt`` paths are called from other sites: they authenticate their callers without the session cookie.
    """

    def __init__(self, app: ASGIApp, exempt: Collection[str] = ()) -> None:
        self.app = app
        self.exempt = frozenset(exempt)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        changes = scope["type"] == "http" and scope["method"] not in _SAFE and scope["path"] not in self.exempt
        if changes and _is_cross_site(Headers(scope=scope)):
            await problem_responses.from_problem(CrossSiteRequest())(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _is_cross_site(headers: Headers) -> bool:
    if "authorization" in headers:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
