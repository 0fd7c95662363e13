"""A student's text as HTML: escaped, coloured where it is Python, its lines numbered."""

from __future__ import annotations

from collections.abc import Collection

from markupsafe import Markup
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]

from app.submissions import code

_COLOURED = 100_000
"""Characters. Longer texts are shown without colours: finding those takes a second for each megabyte."""
_formatter = HtmlFormatter(nowrap=True)
_lexer = PythonLexer(stripnl=False, ensurenl=False)


def shown(part: str, text: str, marked: Collection[int] = ()) -> Markup:
    """The text of a part, one ``span`` a line, the lines ``marked`` (from 1) set off. Of a notebook, its code."""
    if part in code.PARTS:
        text = code.readable(text)
    if part in code.PARTS and len(text) <= _COLOURED:
        # Pygments escapes the text itself.
        lines = [Markup(line) for line in highlight(text, _lexer, _formatter).split("\n")]  # noqa: S704
    else:
        lines = [Markup.escape(line) for line in text.split("\n")]
    return Markup().join(
        Markup('<span class="{}">{}\n</span>').format("ln marked" if number in marked else "ln", line)
        for number, line in enumerate(lines, start=1)
    )
