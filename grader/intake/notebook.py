"""The code cells of Jupyter notebooks, nbformat 3 and 4, which are recognised by content and not by file name.

`grader.intake.outputs` reads their outputs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from grader.evidence import Observation
from grader.intake import encoding, limits
from grader.intake.facts import IntakeFact

BYTE_LIMIT = 8 * 1024 * 1024
"""Bytes. A notebook holds its outputs, also pictures; only its code counts against the limit on source."""

BRACKET_LIMIT = 500_000
"""Opening brackets in the file: each may become an object of a quarter of a kilobyte."""
CELL_LIMIT = 1_000
"""Code cells, each of which is parsed and cleaned by itself. The course notebook has about fifty."""


def looks_like_notebook(data: bytes) -> bool:
    """Whether the bytes begin as JSON and hold a key that only notebooks have; without parsing them."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and (b'"cells"' in data or b'"worksheets"' in data)


def code_cells(text: str) -> tuple[str, ...] | Observation:
    """The texts of the code cells in order, or a note that says why the notebook has none."""
    cells_with_source = parse(text)
    if isinstance(cells_with_source, Observation):
        return cells_with_source
    cells = tuple(source for _, source in cells_with_source)
    if len(cells) > CELL_LIMIT:
        return limits.too_large(len(cells), CELL_LIMIT, "code cells")
    if not any(cell.strip() for cell in cells):
        return Observation(id=IntakeFact.NOTEBOOK_EMPTY)
    return cells


def parse(text: str) -> list[tuple[dict[str, Any], str]] | Observation:
    """The code cells in order, each with its text, or a note that says why the notebook cannot be read."""
    brackets = text.count("[") + text.count("{")
    if brackets > BRACKET_LIMIT:
        return limits.too_large(brackets, BRACKET_LIMIT, "brackets")
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError, MemoryError):
        return Observation(id=IntakeFact.NOTEBOOK_UNREADABLE)
    return [(cell, source) for cell in _cells(notebook) if (source := _source(cell)) is not None]


def joined(cells: Sequence[str]) -> str:
    """The texts of cells one after another, each below a comment with its number."""
    return "".join(f"# cell {number}\n{cell}\n" for number, cell in enumerate(cells, start=1))


def _cells(notebook: Any) -> list[Any]:
    if not isinstance(notebook, dict):
        return []
    if isinstance(notebook.get("cells"), list):
        return list(notebook["cells"])
    sheets = notebook.get("worksheets")
    sheet_cells = (
        [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)] if isinstance(sheets, list) else []
    )
    return [cell for cells in sheet_cells if isinstance(cells, list) for cell in cells]


def _source(cell: Any) -> str | None:
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return None
    # nbformat 4 calls the text "source", nbformat 3 "input"; both allow one string or a list of lines.
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        lines = [line for line in source if isinstance(line, str)]
        # Jupyter keeps the line ends; other programs may drop all of them.
        source = ("" if any(line.endswith("\n") for line in lines) else "\n").join(lines)
    if not isinstance(source, str):
        return None
    # JSON can escape half a surrogate pair or a zero, which Python source cannot hold.
    clean = source.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    return encoding.limit_marks(clean.replace("\r\n", "\n").replace("\r", "\n")).rstrip("\n")
