"""The code parts of a hand-in as people read them."""

from __future__ import annotations

from typing import Final

from grader.intake import notebook

PARTS: Final = ("model", "loss")
"""Parts that are Python."""


def readable(text: str) -> str:
    """The text itself, or a notebook's code cells, each under a line that counts it."""
    if notebook.looks_like_notebook(text.encode("utf-8", "replace")):
        cells = notebook.code_cells(text)
        if isinstance(cells, tuple):
            return "\n".join(f"# cell {number}\n{cell}\n" for number, cell in enumerate(cells, start=1))
    return text
