"""Turns the bytes of a part into one text: decodes them and joins the cells of a notebook."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from grader.evidence import Observation, StudentError
from grader.intake import cleaning, damage, encoding, limits, notebook, syntax
from grader.intake.result import DropKind, DroppedPiece
from grader.line_map import LineMap

_DEFINITION = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
_LINE_BREAK = re.compile("[\n\u2028\u2029\u0085\u000b]")
"""What cleaning may make a line break of."""


@dataclass(frozen=True)
class PartText(cleaning.CleanText):
    """The text of a part. ``all_cells`` also holds the unreadable cells; empty where every cell is readable."""

    all_cells: str = ""
    line_map: LineMap = field(default_factory=LineMap)


@dataclass(frozen=True)
class Cell:
    """A code cell of a notebook: as it was, cleaned if Python refuses it, and why Python refuses it still."""

    original: str
    clean: cleaning.CleanText
    error: StudentError | None

    @classmethod
    def of(cls, text: str) -> Cell:
        """Read the text of a cell."""
        if syntax.is_readable(text):
            return cls(text, cleaning.CleanText(text), None)
        clean = cleaning.clean(text)
        return cls(text, clean, syntax.grammar_error(clean.text))


@dataclass(frozen=True)
class DecodedPart:
    """A decoded part: its text, or the cells of a notebook."""

    text: PartText
    cells: tuple[Cell, ...] = ()

    def for_entry(self, entry: str) -> PartText:
        """The text in which an entry point is looked for: without the broken cells that it does not need."""
        if not any(cell.error for cell in self.cells):
            return self.text
        return _join_cells(self.cells, entry, self.text.notes)


def decode_part(data: bytes) -> DecodedPart | Observation:
    """The text of a part, or a note that says why the part has none."""
    is_notebook = notebook.looks_like_notebook(data)
    limit = notebook.BYTE_LIMIT if is_notebook else limits.BYTE_LIMIT
    if len(data) > limit:
        return limits.too_large(len(data), limit, "bytes")
    decoding = encoding.decode(data)
    if isinstance(decoding, Observation):
        return decoding
    if not (is_notebook or notebook.looks_like_notebook(decoding.text.encode())):
        line_map = LineMap(last=len(_LINE_BREAK.findall(decoding.text)) + 1)
        text = PartText(decoding.text, (), decoding.notes, line_map=line_map)
        return limits.excess([decoding.text]) or DecodedPart(text)
    sources = notebook.code_cells(decoding.text)
    if isinstance(sources, Observation):
        return sources
    excess = limits.excess(sources)
    if excess is not None:
        return excess
    cells = tuple(map(Cell.of, sources))
    return DecodedPart(_join_cells(cells, "", decoding.notes), cells)


def _join_cells(cells: Sequence[Cell], entry: str, notes: tuple[Observation, ...]) -> PartText:
    """Join the cells of a notebook; blank an unreadable cell that no other cell needs."""
    readable = "\n".join(cell.clean.text for cell in cells if cell.error is None)
    needed_names = ({entry} | set(re.findall(r"\w+", readable))) - set(_DEFINITION.findall(readable))
    texts: list[str] = []
    begins: list[int] = []
    dropped_pieces: list[DroppedPiece] = []
    line = 1
    for cell in cells:
        text = cell.clean.text
        dropped_pieces += [piece._replace(line=piece.line + line) for piece in cell.clean.dropped_pieces]
        is_needed = needed_names.intersection(_DEFINITION.findall(text))
        if cell.error and not (is_needed or damage.shows_damage(text, cell.error)):
            stripped = cell.original.lstrip("\n")
            first = line + len(cell.original) - len(stripped)
            dropped_pieces.append(DroppedPiece.at(first, DropKind.CELL, stripped.split("\n")[0]))
            text = "\n" * text.count("\n")
        texts.append(text)
        begins.append(line + 1)
        line += text.count("\n") + 2
    is_broken = any(cell.error for cell in cells)
    all_cells = notebook.joined([cell.clean.text for cell in cells]) if is_broken else ""
    line_map = LineMap(tuple(begins), last=line - 1)
    return PartText(notebook.joined(texts), tuple(dropped_pieces), notes, all_cells, line_map)
