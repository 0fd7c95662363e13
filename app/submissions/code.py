"""The source text of the parts that are code."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from grader.intake import limits, markup, notebook, syntax

_LINE_END = re.compile("\r\n?")


@dataclass(frozen=True)
class ReadableSource:
    """A text whose lines messages name; for a notebook its code cells, each below a comment with its number.

    ``headings`` are the lines, from 1, of those comments: messages count the lines of a cell from there.
    """

    text: str
    headings: frozenset[int] = frozenset()


def read(text: str) -> ReadableSource:
    """The readable source in the text of an upload."""
    text = _LINE_END.sub("\n", text)
    if notebook.looks_like_notebook(text.encode("utf-8", "replace")):
        cells = notebook.code_cells(text)
        if isinstance(cells, tuple):
            lines = itertools.accumulate((cell.count("\n") + 2 for cell in cells[:-1]), initial=1)
            return ReadableSource(notebook.joined(cells), frozenset(lines))
    broken = markup.with_line_breaks(text)
    if broken is None or limits.excess([text]) or syntax.is_readable(text):
        return ReadableSource(text)
    return ReadableSource(broken)


def readable_source(text: str) -> str:
    """The text of `read`."""
    return read(text).text
