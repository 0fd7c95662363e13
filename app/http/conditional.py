"""Requests on a condition (RFC 9110, 13.1), by the entity tag of what a client has already.

``If-None-Match``: what has not changed need not be sent again, 304. ``If-Match``: what has changed must not be
overwritten, 412.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from pydantic import BaseModel
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "What the `If-None-Match` names has not changed"}}
_OF_THE_BODY = ("content-length", "content-type")


def tag(model: BaseModel) -> str:
    """An entity tag of an answer: equal for equal content. Strong, because ``If-Match`` takes no other."""
    return f'"{hashlib.sha256(model.model_dump_json().encode()).hexdigest()[:32]}"'


def matches(if_match: Sequence[str], tags: AbstractSet[str]) -> bool:
    """Whether ``If-Match``, given as its lines, names one of these current tags of what exists (RFC 9110, 13.1.1).

    The comparison is strong: a weak tag equals none. What is no tag at all equals none either. A comma inside another
    tag does no harm, because no tag of this service has one.
    """
    listed = [item.strip(" \t") for line in if_match for item in line.split(",")]
    return listed == ["*"] or not tags.isdisjoint(listed)


class Conditional:
    """Middleware: an answer with an ``ETag`` that the client has already becomes 304 without a body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer shortly where nothing changed."""
        wanted = Headers(scope=scope).get("if-none-match") if scope["type"] == "http" else None
        if wanted is None or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        known = {_opaque(item) for item in wanted.split(",")}
        silent = False

        async def shortly(message: Message) -> None:
            nonlocal silent
            if message["type"] == "http.response.start" and message["status"] == 200:
                headers = MutableHeaders(raw=list(message["headers"]))
                found = headers.get("etag")
                silent = found is not None and ("*" in known or _opaque(found) in known)
                if silent:
                    for name in _OF_THE_BODY:
                        del headers[name]
                    message = {**message, "status": 304, "headers": headers.raw}
            elif message["type"] == "http.response.body" and silent:
                message = {"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)}
            await send(message)

        await self.app(scope, receive, shortly)


def _opaque(entity_tag: str) -> str:
    """A tag as the weak comparison reads it (RFC 9110, 8.8.3.2)."""
    return entity_tag.strip().removeprefix("W/")
