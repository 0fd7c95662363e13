"""Numbers and times as text, for pages and exports."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

ZONE = Markup('<span class="quiet" data-zone>UTC</span>')
"""The zone of the short times in a column; the page's script puts the reader's own."""


def points(value: float | None) -> str:
    """Points: ``4``, ``0.5``, ``2.25``; a dash for ``None``."""
    return "–" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def count(value: float | None) -> str:
    """A whole number with thousands separators: ``96,587``."""
    return "–" if value is None else f"{value:,.0f}"


def size(value: int) -> str:
    """A limit in bytes: ``64 KB``, ``8 MB``."""
    for unit, name in ((2**20, "MB"), (2**10, "KB")):
        if value >= unit:
            return f"{value / unit:.3g} {name}"
    return f"{value} B"


def share(value: float, whole: float) -> str:
    """A part of a whole as a percentage with one decimal: ``96.6%``."""
    return f"{value / whole:.1%}"


def measured(value: Any) -> str:
    """A number with six significant digits; other values unchanged."""
    return f"{value:.6g}" if isinstance(value, int | float) else "–" if value is None else str(value)


def when(value: datetime | str | None) -> Markup:
    """A time element in UTC; the page's script converts it to the reader's zone."""
    if value is None:
        return Markup("–")
    moment = (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}">{} UTC</time>').format(stamp, moment.strftime("%Y-%m-%d %H:%M"))


def when_short(value: datetime | None) -> Markup:
    """A time element for a column of a table, whose heading has the `ZONE`."""
    if value is None:
        return Markup("–")
    moment = value.astimezone(UTC)
    stamp, label = moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment.strftime("%Y-%m-%d %H:%M")
    return Markup('<time datetime="{}" data-short>{}</time>').format(stamp, label)


def localised(texts: Mapping[str, str], tag: str) -> str:
    """An assignment's text in this language, else in English."""
    return texts.get(tag, texts["en"])
