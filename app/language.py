"""The choice of a reader's language."""

from __future__ import annotations

DEFAULT = "en"
CHINESE = "zh-Hant"
LANGUAGES = (DEFAULT, CHINESE)


def choose(lang: str | None, accept: str | None) -> str:
    """The language for an explicit wish (``?lang=``) and an ``Accept-Language`` header (RFC 9110, 12.5.4)."""
    for tag in ([lang] if lang else []) + _by_preference(accept or ""):
        primary = tag.strip().lower().split("-")[0]
        if primary == "zh":
            return CHINESE
        if primary == "en":
            return DEFAULT
    return DEFAULT


def _by_preference(accept: str) -> list[str]:
    weighted = []
    for item in accept.split(","):
        tag, _, weight = item.partition(";q=")
        try:
            weighted.append((float(weight or 1), tag))
        except ValueError:
            continue
    return [tag for weight, tag in sorted(weighted, key=lambda pair: -pair[0]) if weight > 0]


def text(texts: dict[str, str], language: str) -> str:
    """The text in this language, in English where it is missing."""
    return texts.get(language) or texts[DEFAULT]
