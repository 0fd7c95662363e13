"""A student's text as HTML: escaped, coloured where it is Python, its lines numbered."""

from __future__ import annotations

from markupsafe import Markup
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]

from grader.intake import notebook

_CODE = frozenset({"model", "loss"})
_COLOURED = 100_000
"""Characters. Longer texts are shown without colours: finding those takes a second for each megabyte."""
_formatter = HtmlFormatter(nowrap=True)
_lexer = PythonLexer(stripnl=False, ensurenl=False)


def shown(part: str, text: str) -> Markup:
    """The text of a part, one ``span`` a line. A notebook shows its code cells, under a line that counts each."""
    if part in _CODE and notebook.looks_like_notebook(text.encode("utf-8", "replace")):
        cells = notebook.code_cells(text)
        if isinstance(cells, tuple):
            text = "\n".join(f"# cell {number}\n{cell}\n" for number, cell in enumerate(cells, start=1))
    if part in _CODE and len(text) <= _COLOURED:
        # Pygments escapes the text itself.
        lines = [Markup(line) for line in highlight(text, _lexer, _formatter).split("\n")]  # noqa: S704
    else:
        lines = [Markup.escape(line) for line in text.split("\n")]
    return Markup().join(Markup('<span class="ln">{}\n</span>').format(line) for line in lines)
