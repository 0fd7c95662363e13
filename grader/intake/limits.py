"""What an upload has too much of."""

from __future__ import annotations

from grader.evidence import Note

_UNITS = {
    "bytes": "位元組",
    "characters": "個字元",
    "lines": "行",
    "words": "個字詞",
    "code cells": "個程式碼儲存格",
    "brackets": "個括號",
}
"""Each in Chinese."""


def too_large(size: int, limit: int, unit: str) -> Note:
    """Tells the limit and what was seen, the unit in the reader's language."""
    return Note(
        id="code.too_large", params={"size": size, "limit": limit, "unit": {"en": unit, "zh-Hant": _UNITS[unit]}}
    )
