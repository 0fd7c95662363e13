"""A student's text as HTML: escaped, Python in colours, lines numbered."""

from __future__ import annotations

from collections.abc import Collection

from markupsafe import Markup
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]

from app.submissions import code

_COLOUR_LIMIT = 100_000
"""Characters. Longer texts have no colours, which take a second for each megabyte."""
_formatter = HtmlFormatter(nowrap=True)
_lexer = PythonLexer(stripnl=False, ensurenl=False)


def to_html(part: str, text: str, marked: Collection[int] = ()) -> Markup:
    """The text of a part, or a notebook's code, with a ``span`` for each line. Lines ``marked`` count from 1."""
    if part in code.CODE_PARTS:
        text = code.readable_source(text)
    if part in code.CODE_PARTS and len(text) <= _COLOUR_LIMIT:
        # Pygments escapes the text itself.
        lines = [Markup(line) for line in highlight(text, _lexer, _formatter).split("\n")]  # noqa: S704
    else:
        lines = [Markup.escape(line) for line in text.split("\n")]
    return Markup().join(
        Markup('<span class="{}">{}\n</span>').format("ln marked" if number in marked else "ln", line)
        for number, line in enumerate(lines, start=1)
    )
