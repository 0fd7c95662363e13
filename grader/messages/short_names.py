"""Short names of mistakes for charts and filters: a check's own, else the first clause of what students read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from grader import messages

_FILES = sorted(Path(__file__).parents[1].glob("checks/*/short_names.toml"))
_CLAUSE = re.compile(r"(?:[.:;,](?=\s)|[。：；，]|[.。]$)")
_SHORTEST = 12
"""Characters. A shorter beginning, such as "Hard term", names no mistake."""


@cache
def names() -> Mapping[str, Mapping[str, str]]:
    """The names that checks give: message id to language to name."""
    return {key: texts for path in _FILES for key, texts in tomllib.loads(path.read_text(encoding="utf-8")).items()}


def short_name(key: str, language: str) -> str:
    """The short name of a message in a language."""
    if key in names():
        return names()[key].get(language) or names()[key]["en"]
    text = messages.without_values(key, language)
    end = _CLAUSE.search(text, _SHORTEST)
    return text[: end.start()] if end else text
