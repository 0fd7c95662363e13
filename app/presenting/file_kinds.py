"""The kind of a file that is no text, for messages that ask for a text file instead."""

from __future__ import annotations

_SIGNATURES = (
    (b"PK\x03\x04", "an Excel workbook (.xlsx)"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook (.xls)"),
    (b"%PDF", "a PDF file"),
    (b"\xff\xfe", "a file in UTF-16"),
    (b"\xfe\xff", "a file in UTF-16"),
)


def other_kind(data: bytes) -> str | None:
    """The kind of a file by its first bytes, or ``None`` if it may be UTF-8 text."""
    return next((kind for signature, kind in _SIGNATURES if data.startswith(signature)), None)
