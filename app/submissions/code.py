"""The source text of the parts that are code."""

from __future__ import annotations

from grader.intake import notebook


def readable_source(text: str) -> str:
    """The text, or for a notebook its code cells, each below a comment with its number."""
    if notebook.looks_like_notebook(text.encode("utf-8", "replace")):
        cells = notebook.code_cells(text)
        if isinstance(cells, tuple):
            return "\n".join(f"# cell {number}\n{cell}\n" for number, cell in enumerate(cells, start=1))
    return text
