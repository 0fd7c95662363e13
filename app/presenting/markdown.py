"""Texts of an assignment, written in Markdown, as HTML that can hold no script, style or foreign picture."""

from __future__ import annotations

from functools import lru_cache

from markdown_it import MarkdownIt
from markupsafe import Markup

_RENDERER = (
    MarkdownIt("commonmark", {"html": False})
    .enable("table")
    # Headings would break the outline of the page; the pages load no picture of another host.
    .disable(["heading", "lheading", "image"])
)


@lru_cache(maxsize=512)
def to_html(text: str) -> Markup:
    """Paragraphs, lists, tables, code, emphasis and links. Tags in the text are shown as text."""
    return Markup(_RENDERER.render(text))  # noqa: S704 - the renderer escapes tags and refuses unsafe addresses
