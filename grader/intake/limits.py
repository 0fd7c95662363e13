"""Limits on the size of an upload."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from grader.evidence import Observation
from grader.intake.facts import IntakeFact

BYTE_LIMIT = 1024 * 1024
"""Bytes of source. Notebooks may be larger (`notebook.BYTE_LIMIT`), their code may not."""
TOKEN_LIMIT = 50_000
"""Words, signs and line breaks: five times the course notebook. A megabyte of one-letter statements would otherwise
take a gigabyte as a syntax tree and half a minute to read."""
LINE_LIMIT = 20_000
"""Lines of code: eight times the course notebook. Some steps keep a list of them."""
_TOKENS = re.compile("\\w+|[^\\w\\s]|[\n\u2028\u2029\u0085\u000b]")
_UNITS = {
    "bytes": "位元組",
    "characters": "個字元",
    "lines": "行",
    "words": "個字詞",
    "code cells": "個程式碼儲存格",
    "brackets": "個括號",
}
"""The units in Chinese."""


def too_large(size: int, limit: int, unit: str) -> Observation:
    """The note on an upload that exceeds a limit; ``unit`` is one of the units above."""
    names = {"en": unit, "zh-Hant": _UNITS[unit]}
    return Observation(id=IntakeFact.TOO_LARGE, params={"size": size, "limit": limit, "unit": names})


def excess(texts: Sequence[str]) -> Observation | None:
    """The note on the first limit that these texts exceed. Counting comes first, because parsing costs more."""
    for unit, limit, count in _COUNTS:
        size = sum(map(count, texts))
        if size > limit:
            return too_large(size, limit, unit)
    return None


def _lines(text: str) -> int:
    return text.count("\n") + 1


def _tokens(text: str) -> int:
    return sum(1 for _ in _TOKENS.finditer(text))


_COUNTS: tuple[tuple[str, int, Callable[[str], int]], ...] = (
    ("characters", BYTE_LIMIT, len),
    ("lines", LINE_LIMIT, _lines),
    ("words", TOKEN_LIMIT, _tokens),
)
"""The cheapest count first."""
