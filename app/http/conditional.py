"""Conditional requests (RFC 9110, 13.1) by entity tags.

``If-None-Match``: a body that has not changed is not sent again (304). ``If-Match``: a resource that has changed is not
overwritten (412).
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
_BODY_HEADERS = ("content-length", "content-type")


def tag(model: BaseModel) -> str:
    """The entity tag of an answer: equal for equal content. It is strong, as ``If-Match`` requires."""
    return f'"{hashlib.sha256(model.model_dump_json().encode()).hexdigest()[:32]}"'


def matches(if_match: Sequence[str], tags: AbstractSet[str]) -> bool:
    """Whether the lines of ``If-Match`` name one of the current tags of an existing resource (RFC 9110, 13.1.1).

    The comparison is strong: a weak or malformed tag matches none. Splitting at commas is safe, because no tag of this
    service contains one.
    """
    names = [item.strip(" \t") for line in if_match for item in line.split(",")]
    return names == ["*"] or not tags.isdisjoint(names)


class ConditionalRequests:
    """Middleware that replaces an answer whose ``ETag`` the client knows with a 304 without a body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and drop the body of an answer that the client has."""
        if_none_match = Headers(scope=scope).get("if-none-match") if scope["type"] == "http" else None
        if if_none_match is None or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        client_tags = {_opaque(item) for item in if_none_match.split(",")}
        unchanged = False

        async def conditional_send(message: Message) -> None:
            nonlocal unchanged
            if message["type"] == "http.response.start" and message["status"] == 200:
                headers = MutableHeaders(raw=list(message["headers"]))
                etag = headers.get("etag")
                unchanged = etag is not None and ("*" in client_tags or _opaque(etag) in client_tags)
                if unchanged:
                    for name in _BODY_HEADERS:
                        del headers[name]
                    message = {**message, "status": 304, "headers": headers.raw}
            elif message["type"] == "http.response.body" and unchanged:
                message = {"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)}
            await send(message)

        await self.app(scope, receive, conditional_send)


def _opaque(entity_tag: str) -> str:
    """The tag without its weakness, for the weak comparison (RFC 9110, 8.8.3.2)."""
    return entity_tag.strip().removeprefix("W/")
