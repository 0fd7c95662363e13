"""The fields of a plain form, for the page of the problem that kept them from being saved: nothing typed is lost."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.types import Message, Receive, Scope

_KIND = "application/x-www-form-urlencoded"
_MOST_BYTES = 2**17
_MOST_FIELDS = 500
_SECONDS = 5.0
_IN_SCOPE = "assay.sent_form"
_LEFT_OUT = ("/login", "/lti/")
"""Paths whose forms hold secrets."""
_HIDDEN = frozenset(("member", "missing"))
"""Hidden fields of several words."""

Fields = list[tuple[str, str]]


class SentForm:
    """Records the body of a request while the application reads it."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._body = b""
        self._is_complete = False

    async def receive(self) -> Message:
        """The next message, recorded."""
        message = await self._receive()
        if len(self._body) <= _MOST_BYTES:
            self._body += message.get("body", b"")
        self._is_complete = not message.get("more_body", False)
        return message

    async def fields(self) -> Fields:
        """All fields in their order; none if they are too many or damaged."""
        try:
            async with asyncio.timeout(_SECONDS):
                while not self._is_complete and len(self._body) <= _MOST_BYTES:
                    await self.receive()
            if len(self._body) > _MOST_BYTES:
                return []
            return parse_qsl(self._body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except (TimeoutError, ValueError):
            return []


def record(scope: Scope, receive: Receive) -> Receive:
    """Record the request if it is a plain form. Returns what the application receives from."""
    request = Request(scope)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST" or kind != _KIND or request.url.path.startswith(_LEFT_OUT):
        return receive
    form = scope[_IN_SCOPE] = SentForm(receive)
    return form.receive


async def fields_of(request: Request) -> Fields:
    """The fields of a recorded form; none of any other request."""
    form: SentForm | None = request.scope.get(_IN_SCOPE)
    return [] if form is None else await form.fields()


def texts(fields: Fields) -> list[str]:
    """The values that somebody wrote: they have several words, or letters that no hidden field has."""
    return [value for name, value in fields if name not in _HIDDEN and (" " in value.strip() or not value.isascii())]
