"""Decodes an upload once, whatever encoding the editor or the clipboard chose.

A ``# coding:`` line has no effect, because Python receives text.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from grader.evidence import Observation
from grader.intake.facts import IntakeFact

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNATURES = (
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP, Word or PyTorch"),
    (b"\x1f\x8b", "gzip"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"{\\rtf", "RTF"),
    (b"\x80\x02", "pickle"),
    (b"\x80\x04", "pickle"),
    (b"\xd0\xcf\x11\xe0", "Word or Excel"),
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
)
_BIG5_COMMON = range(0xA1, 0xC7)
"""Lead bytes of punctuation and of Big5's 5,401 common characters; accented Latin letters lie above them."""

_MARK_LIMIT = 30
"""Marks on one letter, as in the Stream-Safe Text Format of Unicode (UAX 15, 13)."""
# Half-width Japanese sound marks are letters that normalisation turns into marks.
_MARKED_LETTER = re.compile(rf"(?:[^\w\x00-\x7f]|[\uff9e\uff9f]){{{_MARK_LIMIT + 1},}}")


@dataclass(frozen=True)
class DecodedText:
    """Text with ``\\n`` line ends and no byte order mark; ``notes`` names an encoding other than UTF-8."""

    text: str
    notes: tuple[Observation, ...] = ()


def decode(data: bytes) -> DecodedText | Observation:
    """Decode an upload, or return a note that says why it is no text."""
    if not data.strip():
        return Observation(id=IntakeFact.EMPTY)
    head = data[:64].lstrip().lower()
    for signature, kind in _SIGNATURES:
        if head.startswith(signature.lower()):
            return Observation(id=IntakeFact.NOT_TEXT, params={"kind": kind})
    text, source_encoding = _decode(data)
    if text is None or "\0" in text:
        return Observation(id=IntakeFact.NOT_TEXT, params={"kind": "binary"})
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    if not text.strip():
        return Observation(id=IntakeFact.EMPTY)
    note = Observation(id=IntakeFact.ENCODING, params={"encoding": source_encoding})
    return DecodedText(limit_marks(text), () if source_encoding == "utf-8" else (note,))


def limit_marks(text: str) -> str:
    """The text with at most 30 combining marks on one letter.

    Python normalises every name, which takes quadratic time in the number of marks: hours for a megabyte of them.
    """
    return text if text.isascii() else _MARKED_LETTER.sub(lambda letter: _with_few_marks(letter[0]), text)


def _with_few_marks(characters: str) -> str:
    result: list[str] = []
    marks = 0
    for character in characters:
        is_mark = unicodedata.combining(unicodedata.normalize("NFKD", character)[0]) > 0
        marks = marks + 1 if is_mark else 0
        if marks <= _MARK_LIMIT:
            result.append(character)
    return "".join(result)


def _decode(data: bytes) -> tuple[str | None, str]:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _strict(data[len(mark) :], encoding), encoding
    if b"\0" in data:
        wide = _unmarked_utf16(data)
        return (_strict(data, wide) if wide else None), wide or "binary"
    attempts = ["utf-8", "cp950", "cp1252"] if _looks_big5(data) else ["utf-8", "cp1252"]
    for encoding in attempts:
        text = _strict(data, encoding)
        if text is not None:
            return text, encoding
    return data.decode("latin-1"), "latin-1"


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _unmarked_utf16(data: bytes) -> str | None:
    """The encoding of UTF-16 without its mark: source is mostly ASCII, so every second byte is zero."""
    half = len(data) // 2
    if len(data) % 2:
        return None
    even, odd = data[0::2].count(0) / half, data[1::2].count(0) / half
    # A few of the other bytes may be zero too: U+5C00 in a comment.
    if odd > 0.6 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.6 and odd < 0.05 else None


def _looks_big5(data: bytes) -> bool:
    """Whether most byte pairs begin with a lead byte of Big5's common characters."""
    pairs = common = position = 0
    while position < len(data):
        if data[position] < 0x80:
            position += 1
            continue
        pairs += 1
        common += data[position] in _BIG5_COMMON
        position += 2
    return common > 0.8 * pairs
