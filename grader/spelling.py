"""The name that a misspelt one probably stands for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggestion(name: str, names: Iterable[str]) -> str:
    """The end of a sentence that asks for the closest of ``names``; empty if none is close."""
    close = difflib.get_close_matches(name[:100], list(names), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""
