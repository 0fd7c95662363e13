"""Edits of the source by its syntax tree. Every edit keeps the number of lines.

So a line number in an error message is the line that the student sees.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from grader.intake import effects


@dataclass(frozen=True)
class Edit:
    """A replacement of the bytes from ``start`` to ``end`` (excluded)."""

    start: int
    end: int
    text: bytes


def first_line(node: ast.stmt) -> int:
    """The line (from 1) of a statement's first decorator, or of the statement."""
    decorators: Iterable[ast.expr] = node.decorator_list if isinstance(node, effects.Definition) else ()
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


class Source:
    """A text as bytes, in which positions of the syntax tree (line, UTF-8 column) become byte offsets."""

    def __init__(self, text: str) -> None:
        self._data = text.encode()
        self._line_starts = [0]
        for line in self._data.split(b"\n"):
            self._line_starts.append(self._line_starts[-1] + len(line) + 1)

    def replace(self, node: ast.stmt, text: str) -> Edit:
        """Put another text of one line in the place of a statement."""
        start, end = self._span(node)
        breaks = self._breaks(start, end)
        return Edit(start, end, text.encode() + (b"; (0" + breaks + b")" if breaks else b""))

    def blank(self, node: ast.stmt, neighbours: list[ast.stmt]) -> Edit:
        """Blank a statement. ``neighbours`` are those before and after it."""
        first, last = first_line(node), node.end_lineno or node.lineno
        shares_line = any(
            other is not node and first_line(other) <= last and first <= (other.end_lineno or 0) for other in neighbours
        )
        whole_lines = self._line_starts[first - 1], self._line_starts[last] - 1
        start, end = self._span(node) if shares_line else whole_lines
        breaks = self._breaks(start, end)
        # A statement that shares its line (`import x; y = 1`) becomes another one: the semicolon needs one before it.
        # Its line breaks can only stand inside brackets or a string.
        return Edit(start, end, b"(0" + breaks + b")" if shares_line else breaks)

    def without_hints(self, nodes: Iterable[ast.stmt], unknown_names: frozenset[str]) -> list[Edit]:
        """Replace the annotations that read an unknown name by ``None``."""
        edits = []
        for node in nodes:
            for inner in ast.walk(node):
                hint = _hint(inner)
                if hint and any(isinstance(part, ast.Name) and part.id in unknown_names for part in ast.walk(hint)):
                    start, end = self._span(hint)
                    breaks = self._breaks(start, end)
                    edits.append(Edit(start, end, b"(None" + breaks + b")" if breaks else b"None"))
        return edits

    def apply(self, edits: list[Edit]) -> str:
        """The text after all edits."""
        pieces: list[bytes] = []
        position = 0
        for edit in sorted(edits, key=lambda edit: edit.start):
            pieces += [self._data[position : edit.start], edit.text]
            position = edit.end
        return b"".join([*pieces, self._data[position:]]).decode()

    def _span(self, node: ast.stmt | ast.expr) -> tuple[int, int]:
        end = self._offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
        return self._offset(node.lineno, node.col_offset), end

    def _offset(self, line: int, column: int) -> int:
        return self._line_starts[line - 1] + column

    def _breaks(self, start: int, end: int) -> bytes:
        return b"\n" * self._data[start:end].count(b"\n")


def move_future_imports(text: str) -> str:
    """Move ``from __future__`` imports of later notebook cells to the first line, as Python requires."""
    lines = text.split("\n")
    numbers = [number for number, line in enumerate(lines) if line.startswith("from __future__ import ")]
    if not numbers or (lines[0].strip() and not lines[0].startswith("#")):
        return text
    imports = "; ".join(lines[number] for number in numbers)
    for number in numbers:
        lines[number] = ""
    lines[0] = imports
    return "\n".join(lines)


def _hint(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.returns
    return node.annotation if isinstance(node, ast.arg | ast.AnnAssign) else None
