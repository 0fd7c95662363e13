"""The languages of the pages, and their texts."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from app.presenting import filters

TEXTS = Path(__file__).parent / "texts"
LANGUAGES: Mapping[str, str] = {"en": "English", "zh-Hant": "正體中文"}
"""The languages by tag, each with its own name; the first is the default."""


@cache
def texts(language: str) -> Mapping[str, str]:
    """All texts of a language by key."""
    return tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))


def text(language: str, key: str, **params: object) -> str:
    """One text with its placeholders filled. Raises ``KeyError`` for an unknown key."""
    return texts(language)[key].format_map(params)


def complaint(language: str, slug: str, detail: str, members: Mapping[str, Any]) -> str:
    """The text of a problem on pages: that of its kind, else its English ``detail``.

    Members that are lists are enumerated; ``limit`` is a number of bytes.
    """
    comma = text(language, "comma")
    shown = {name: comma.join(map(str, value)) if isinstance(value, list) else value for name, value in members.items()}
    if isinstance(members.get("limit"), int):
        shown["limit"] = filters.size(members["limit"])
    try:
        return text(language, f"problem_{slug}", **shown)
    except KeyError:
        return detail
