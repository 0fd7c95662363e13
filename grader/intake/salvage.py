"""Extracts the definitions of a whole pasted page, which stand between words, tables and examples.

The last resort for a text that neither parses nor can be repaired. Everything but readable definitions is blanked, also
a broken definition that another one replaces, as the homework's example above the student's answer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from grader.evidence import Observation
from grader.intake import damage, syntax, underscores
from grader.intake.cleaning import CleanText
from grader.intake.facts import IntakeFact
from grader.intake.lexing import logical_lines, tokens
from grader.intake.result import DropKind, DroppedPiece, note_on_pieces

PIECE_LIMIT = 300
"""Definitions and texts between them, each of which is parsed and repaired by itself."""
_START = re.compile(r"([ \t]*)(?:(?:async[ \t]+)?def|class|import|@|from[ \t]+[\w.]+[ \t]+import)(?![\w=])")
_METHOD = re.compile(r"[ \t]*(?:async[ \t]+)?def[ \t][^(\n]*\(\s*(?:self|cls)\b")
_CLAUSE = re.compile(r"[ \t]*(?:else|elif|except|finally)\b.*:[ \t]*(?:#.*)?$")
_DEFINITION = re.compile(r"^(?:async[ ]+)?(?:def|class)[ ]+(\w+)", re.MULTILINE)
_NAME = re.compile(r"\s*(?:async\s+)?(?:def|class)\s+(\w+)")


@dataclass
class _Piece:
    """Physical lines (from 0) that belong together: a definition with its body, or the words between two."""

    margin: int
    is_code: bool
    is_class: bool = False
    lines: list[int] = field(default_factory=list)


def salvage(text: str) -> CleanText | None:
    """Blank everything but the readable definitions, or return ``None`` where that would lose a definition."""
    if len(text) > damage.SIZE_LIMIT:
        return None
    lines = text.split("\n")
    readable_lines: dict[int, str] = {}
    unreadable_pieces: list[_Piece] = []
    undamaged_names: set[str] = set()
    pieces = _pieces(lines)
    if len(pieces) > PIECE_LIMIT:
        return None
    for piece in reversed(pieces):
        piece_lines, is_undamaged = _readable(lines, piece)
        name = _name(lines, piece) if piece.is_code else ""
        if piece_lines is None or (not is_undamaged and name in undamaged_names):
            unreadable_pieces.append(piece)
        else:
            readable_lines |= piece_lines
            undamaged_names |= {name} if is_undamaged else set()
    salvaged_text = "\n".join(readable_lines.get(number, "") for number in range(len(lines)))
    defined_names = set(_DEFINITION.findall(underscores.restore(salvaged_text)[0]))
    if not defined_names or any(
        piece.is_code and _name(lines, piece) not in defined_names for piece in unreadable_pieces
    ):
        return None
    dropped_pieces = sorted(_dropped(lines, unreadable_pieces))
    return CleanText(salvaged_text, tuple(dropped_pieces), tuple(_notes(dropped_pieces))) if dropped_pieces else None


def _dropped(lines: list[str], pieces: list[_Piece]) -> Iterator[DroppedPiece]:
    for piece in pieces:
        first = next((number for number in piece.lines if lines[number].strip()), None)
        if first is not None:
            yield DroppedPiece.at(first, DropKind.DEFINITION if piece.is_code else DropKind.PROSE, lines[first])


def _notes(dropped_pieces: list[DroppedPiece]) -> Iterator[Observation]:
    for note_id, kind in ((IntakeFact.PROSE, DropKind.PROSE), (IntakeFact.BROKEN_DEFINITION, DropKind.DEFINITION)):
        pieces = [piece for piece in dropped_pieces if piece.kind is kind]
        if pieces:
            yield note_on_pieces(note_id, pieces)


def _pieces(lines: list[str]) -> list[_Piece]:
    pieces = [_Piece(0, is_code=False)]
    depth = 0
    follows_decorator = False
    for number, line in enumerate(lines):
        piece = pieces[-1]
        start = _START.match(line)
        margin = len(line) - len(line.lstrip())
        is_body = depth > 0 or margin > piece.margin or not line.strip()
        is_stray_method = piece.is_class and _METHOD.match(line) is not None
        is_continuation = is_body or is_stray_method or _CLAUSE.match(line) or line.lstrip().startswith("#")
        if start and not is_stray_method and not follows_decorator and (not piece.is_code or margin <= piece.margin):
            pieces.append(_Piece(margin, is_code=True))
            depth = 0
        elif piece.is_code and not (start or is_continuation):
            pieces.append(_Piece(0, is_code=False))
            depth = 0
        piece = pieces[-1]
        piece.lines.append(number)
        if piece.is_code:
            is_header = len(piece.lines) == 1 or follows_decorator
            piece.is_class = piece.is_class or (is_header and line.split()[:1] == ["class"])
            follows_decorator = bool(start) and line.lstrip().startswith("@")
            depth = max(depth + sum(token.depth_change for token in tokens(line)), 0)
    return pieces


def _readable(lines: list[str], piece: _Piece) -> tuple[dict[int, str] | None, bool]:
    """The readable lines of a piece without their margin, and whether they need no repair.

    Of the words between definitions, the assignments are readable.
    """
    if not piece.is_code:
        return _assignments(lines, piece) or None, True
    shifted = {n: lines[n][min(piece.margin, len(lines[n]) - len(lines[n].lstrip())) :] for n in piece.lines}
    text = "\n".join(shifted.values())
    if syntax.is_readable(text):
        return shifted, True
    return (shifted if damage.repair(text) is not None else None), False


def _assignments(lines: list[str], piece: _Piece) -> dict[int, str]:
    """The assignments among words, as ``width = 16`` between two definitions."""
    text = "\n".join(lines[number] for number in piece.lines)
    assignments: dict[int, str] = {}
    for line in logical_lines(text):
        if not line.tokens or "=" not in {token.text for token in line.tokens}:
            continue
        numbers = piece.lines[line.first : line.last + 1]
        parse_result = syntax.parse("\n".join(lines[number] for number in numbers).strip())
        if isinstance(parse_result, ast.Module) and all(isinstance(node, ast.Assign) for node in parse_result.body):
            assignments |= {number: lines[number] for number in numbers}
            assignments[numbers[0]] = lines[numbers[0]].lstrip()
    return assignments


def _name(lines: list[str], piece: _Piece) -> str:
    """The name that a broken piece would define; empty where its header is unreadable."""
    for number in piece.lines:
        match = _NAME.match(underscores.restore(lines[number])[0])
        if match:
            return match[1]
    return ""
