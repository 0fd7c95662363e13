"""Text as a search compares it: without case, accents and width."""

from __future__ import annotations

import unicodedata

_UNDECOMPOSED = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe"}
)
"""Letters whose stroke or ligature Unicode does not decompose."""


def fold(text: str) -> str:
    """The text without case and accents: ``Łukasz Müller`` and ``lukasz muller`` become equal."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold()).translate(_UNDECOMPOSED)
    return "".join(character for character in decomposed if not unicodedata.combining(character))
