"""Metrics of requests, counted as they are answered; `app.api.metrics` serves them."""

from __future__ import annotations

import time

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUESTS = Counter("assay_http_requests", "Requests answered", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("assay_http_request_seconds", "Seconds until a response begins", ["route"])
TOKENS_REFUSED = Counter("assay_tokens_refused", "Refused tokens, by where they were sent", ["where"])
for _where in ("bearer", "login"):
    TOKENS_REFUSED.labels(_where)

_API = "/api/v1"


class RequestMetrics:
    """Middleware that counts requests by route, not by path: submissions have ids."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and measure it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()

        async def measuring_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "unknown")
                if scope["path"].startswith(_API):
                    route = _API + route  # the route's path lacks the router's prefix
                REQUESTS.labels(scope["method"], route, message["status"]).inc()
                REQUEST_SECONDS.labels(route).observe(time.perf_counter() - start)
            await send(message)

        await self.app(scope, receive, measuring_send)
