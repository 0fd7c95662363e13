"""Numbers and times as people write them, for pages and exports alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

ZONE = Markup('<span class="quiet" data-zone>UTC</span>')
"""The zone of the short times below it; the page's script writes the reader's own."""


def points(value: float | None) -> str:
    """Points as people write them: ``4``, ``0.5``, ``2.25``; a dash where there are none yet."""
    return "–" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def count(value: float | None) -> str:
    """A whole number with thousands separators: ``96,587``."""
    return "–" if value is None else f"{value:,.0f}"


def share(value: float, whole: float) -> str:
    """A part of a whole as a percentage with one decimal: ``96.6%``."""
    return f"{value / whole:.1%}"


def measured(value: Any) -> str:
    """A measured value with six significant digits; anything else as it is."""
    return f"{value:.6g}" if isinstance(value, int | float) else "–" if value is None else str(value)


def when(value: datetime | str | None) -> Markup:
    """A time element in UTC; the page's script turns it into the reader's zone."""
    if value is None:
        return Markup("–")
    moment = (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}">{} UTC</time>').format(stamp, moment.strftime("%Y-%m-%d %H:%M"))


def when_short(value: datetime | None) -> Markup:
    """The same for a column of a table: the zone stands once, in the heading, where `zone` puts it."""
    if value is None:
        return Markup("–")
    moment = value.astimezone(UTC)
    stamp, shown = moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment.strftime("%Y-%m-%d %H:%M")
    return Markup('<time datetime="{}" data-short>{}</time>').format(stamp, shown)


def localised(texts: Mapping[str, str], tag: str) -> str:
    """An assignment's own text in this language, else in English."""
    return texts.get(tag, texts["en"])
