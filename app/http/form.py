"""Reading a multipart form as it streams in, with a limit for every field (RFC 7578)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.problems import BadRequest, Problem, Unprocessable
from app.submissions.parts import Field, PartTooLarge, UnknownPart

MOST_FIELDS = 200
"""Fields of a form. The web form has two for each part and one for each choice."""


class NotAForm(Problem):
    """A submission is sent as `multipart/form-data`."""

    status = 415
    slug = "not-a-form"


class UnreadableForm(BadRequest):
    """The form cannot be read: it is incomplete, or its boundaries do not match."""

    slug = "unreadable-form"


class DuplicatePart(Unprocessable):
    """The form has the same part twice."""

    slug = "duplicate-part"


class _Reader:
    """Receives the parser's callbacks. It keeps the first fault and skips the rest of the form."""

    def __init__(self, limit_of: Callable[[str], int | None], repeatable: str | None) -> None:
        self._limit_of = limit_of
        self._repeatable = repeatable
        self._limit = 0
        self.fields: dict[str, Field] = {}
        self.fault: Problem | None = None
        self.ended = False
        self._headers: dict[bytes, bytes] = {}
        self._header = (b"", b"")
        self._name: str | None = None
        self._filename: str | None = None
        self._data = bytearray()

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._on_part_begin,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_end": self._on_end,
        }

    def _on_part_begin(self) -> None:
        self._headers, self._header = {}, (b"", b"")
        self._name, self._filename, self._data = None, None, bytearray()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0] + data[start:end], self._header[1])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0], self._header[1] + data[start:end])

    def _on_header_end(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = (b"", b"")

    def _on_headers_finished(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"").decode("latin-1")
        kind, options = parse_options_header(disposition)
        if kind != b"form-data" or b"name" not in options:
            self._record_fault(UnreadableForm("A part of the form has no name."))
            return
        name = options[b"name"].decode("utf-8", "replace")
        limit = self._limit_of(name)
        if name == self._repeatable:
            name = f"{name}-{len(self.fields)}"
        if limit is None:
            self._record_fault(UnknownPart(f"There is no part {name[:60]!r}."))
        elif len(self.fields) >= MOST_FIELDS:
            self._record_fault(UnknownPart(f"The form has more than {MOST_FIELDS} fields."))
        elif name in self.fields:
            self._record_fault(DuplicatePart(f"The form has the part {name} twice; send each part once."))
        else:
            self._name, self._limit = name, limit
            self._filename = options[b"filename"].decode("utf-8", "replace") if b"filename" in options else None

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name is None:
            return
        if len(self._data) + end - start > self._limit:
            self._record_fault(PartTooLarge.of(self._name, self._limit))
            self._name, self._data = None, bytearray()
        else:
            self._data += data[start:end]

    def _on_part_end(self) -> None:
        if self._name is not None:
            self.fields[self._name] = Field(bytes(self._data), self._filename)

    def _on_end(self) -> None:
        self.ended = True

    def _record_fault(self, fault: Problem) -> None:
        self.fault = self.fault or fault


async def read(
    stream: AsyncIterator[bytes],
    content_type: str,
    limit_of: Callable[[str], int | None],
    repeatable: str | None = None,
) -> dict[str, Field]:
    """The fields of a form by name. ``limit_of`` gives the limit of a field in bytes, ``None`` if it is not allowed.

    The form may have the field ``repeatable`` many times; each is returned as ``repeatable-N`` with an own number.
    The stream is read to its end even after a fault, so that the client reads the answer. Raises `NotAForm`,
    `UnreadableForm`, `UnknownPart`, `DuplicatePart` or `PartTooLarge`.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise NotAForm
    reader = _Reader(limit_of, repeatable)
    try:
        parser = MultipartParser(options[b"boundary"], reader.callbacks())
    except FormParserError:
        raise UnreadableForm from None
    unreadable = False
    async for chunk in stream:
        try:
            # Stop parsing after a fault: millions of empty parts would block the event loop.
            if not unreadable and reader.fault is None:
                parser.write(chunk)
        except FormParserError:
            unreadable = True
    if unreadable:
        raise UnreadableForm
    if reader.fault is not None:
        raise reader.fault
    if not reader.ended:
        raise UnreadableForm
    return reader.fields
