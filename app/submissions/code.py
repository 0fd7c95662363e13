"""The source text of the parts that are code."""

from __future__ import annotations

from grader.intake import notebook


def readable_source(text: str) -> str:
    """The text, or for a notebook its code cells, each below a comment with its number.

    Its lines are those that messages name: `grader.intake.part_text` joins the cells in the same way.
    """
    if notebook.looks_like_notebook(text.encode("utf-8", "replace")):
        cells = notebook.code_cells(text)
        if isinstance(cells, tuple):
            stripped = [cell.strip("\n") for cell in cells]
            return "".join(f"# cell {number}\n{cell}\n" for number, cell in enumerate(stripped, start=1))
    return text
