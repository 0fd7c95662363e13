"""A student's text as HTML: escaped, Python in colours, lines numbered."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from markupsafe import Markup
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]

from app.reports.schemas import PartView
from app.submissions import code
from grader.parts import PartKind


@dataclass(frozen=True)
class Source:
    """A part of a submission as a page shows its text."""

    title: str
    is_code: bool
    html: Markup


_COLOUR_LIMIT = 100_000
"""Characters. Longer texts have no colours, which take a second for each megabyte."""
_LINE_LIMIT = 20_000
"""Lines that are shown. Each becomes an element of the page."""
_formatter = HtmlFormatter(nowrap=True)
_lexer = PythonLexer(stripnl=False, ensurenl=False)


def to_html(kind: PartKind, text: str, marked: Collection[int] = ()) -> Markup:
    """A text of this kind, or a notebook's code, with a ``span`` for each line. Lines ``marked`` count from 1.

    The lines of a notebook are numbered in each cell, as messages count them.
    """
    headings: Collection[int] = ()
    if kind is PartKind.CODE:
        readable = code.read(text)
        text, headings = readable.text, readable.headings
    if kind is PartKind.CODE and len(text) <= _COLOUR_LIMIT:
        # Pygments escapes the text itself.
        lines = [Markup(line) for line in highlight(text, _lexer, _formatter).split("\n")]  # noqa: S704
    else:
        lines = [Markup.escape(line) for line in text.split("\n", _LINE_LIMIT)]
    if len(lines) > _LINE_LIMIT:
        rest = text.count("\n") + 1 - _LINE_LIMIT
        lines[_LINE_LIMIT:] = [Markup("\N{HORIZONTAL ELLIPSIS} (+{:,})").format(rest)]
    return Markup().join(
        Markup('<span class="{}">{}\n</span>').format(_class(number, headings, marked), line)
        for number, line in enumerate(lines, start=1)
    )


def _class(number: int, headings: Collection[int], marked: Collection[int]) -> str:
    if number in headings:
        return "cell"
    return "ln marked" if number in marked else "ln"


def of_part(part: PartView, text: str, marked: Collection[int] = ()) -> Source:
    """The text of an uploaded part."""
    return Source(part.title, part.kind is PartKind.CODE, to_html(part.kind, text, marked))
