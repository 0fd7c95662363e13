"""Turns the bytes of a part into one text: decodes them and joins the cells of a notebook."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from grader.evidence import Observation, StudentError
from grader.intake import cleaning, damage, encoding, limits, notebook, syntax
from grader.intake.result import DropKind, DroppedPiece

_DEFINITION = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class PartText(cleaning.CleanText):
    """The text of a part. ``all_cells`` also holds the unreadable cells; empty where every cell is readable."""

    all_cells: str = ""


def decode_part(data: bytes, entry: str) -> PartText | Observation:
    """The text of a part, or a note that says why the part has none."""
    is_notebook = notebook.looks_like_notebook(data)
    limit = notebook.BYTE_LIMIT if is_notebook else limits.BYTE_LIMIT
    if len(data) > limit:
        return limits.too_large(len(data), limit, "bytes")
    decoding = encoding.decode(data)
    if isinstance(decoding, Observation):
        return decoding
    if is_notebook or notebook.looks_like_notebook(decoding.text.encode()):
        cells = notebook.code_cells(decoding.text)
        if isinstance(cells, Observation):
            return cells
        texts = [cell.strip("\n") for cell in cells]
        return limits.excess(texts) or _join_cells(texts, entry, decoding.notes)
    return limits.excess([decoding.text]) or PartText(decoding.text, (), decoding.notes)


def _clean_cell(text: str) -> tuple[cleaning.CleanText, StudentError | None]:
    """A cell, cleaned if Python refuses it, and why Python refuses it still."""
    if syntax.is_readable(text):
        return cleaning.CleanText(text), None
    clean_cell = cleaning.clean(text)
    return clean_cell, syntax.grammar_error(clean_cell.text)


def _join_cells(texts: Sequence[str], entry: str, notes: tuple[Observation, ...]) -> PartText:
    """Join the cells of a notebook; blank an unreadable cell that no other cell needs."""
    clean_cells, errors = zip(*map(_clean_cell, texts), strict=True)
    readable = "\n".join(cell.text for cell, error in zip(clean_cells, errors, strict=True) if error is None)
    needed_names = ({entry} | set(re.findall(r"\w+", readable))) - set(_DEFINITION.findall(readable))
    cells: list[str] = []
    all_cells: list[str] = []
    dropped_pieces: list[DroppedPiece] = []
    line = 1
    for number, (cell, error) in enumerate(zip(clean_cells, errors, strict=True), start=1):
        text = cell.text
        dropped_pieces += [piece._replace(line=piece.line + line) for piece in cell.dropped_pieces]
        if error and not (needed_names.intersection(_DEFINITION.findall(text)) or damage.shows_damage(text, error)):
            dropped_pieces.append(DroppedPiece.at(line, DropKind.CELL, texts[number - 1].split("\n")[0]))
            text = "\n" * text.count("\n")
        cells.append(f"# cell {number}\n{text}\n")
        all_cells.append(f"# cell {number}\n{cell.text}\n")
        line += cells[-1].count("\n")
    return PartText("".join(cells), tuple(dropped_pieces), notes, "".join(all_cells) if any(errors) else "")
