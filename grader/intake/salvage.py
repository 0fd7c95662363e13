"""A page that was pasted whole: definitions between words, tables and examples, some of them broken.

The last resort for a text that neither parses nor can be repaired as it stands. Definitions are taken out one by one;
what is no code is blanked, and so is a broken definition that a better one replaces (the homework's own example above
the student's answer).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from grader.evidence import Note
from grader.intake import damage, syntax, underscores
from grader.intake.cleaning import Cleaned
from grader.intake.lexing import Kind, logical_lines, tokens
from grader.intake.result import DropKind, DroppedPiece

PIECE_LIMIT = 300
"""Definitions and the words between them; each is parsed and repaired by itself."""
_START = re.compile(r"([ \t]*)(?:(?:async[ \t]+)?def|class|import|@|from[ \t]+[\w.]+[ \t]+import)(?![\w=])")
_METHOD = re.compile(r"[ \t]*(?:async[ \t]+)?def[ \t][^(\n]*\(\s*(?:self|cls)\b")
_CLAUSE = re.compile(r"[ \t]*(?:else|elif|except|finally)\b.*:[ \t]*(?:#.*)?$")
_DEFINED = re.compile(r"^(?:async[ ]+)?(?:def|class)[ ]+(\w+)", re.MULTILINE)
_NAMED = re.compile(r"\s*(?:async\s+)?(?:def|class)\s+(\w+)")


@dataclass
class _Piece:
    """Physical lines that belong together: a definition with its body, or words in between."""

    margin: int
    is_code: bool
    is_class: bool = False
    lines: list[int] = field(default_factory=list)


def salvage(text: str) -> Cleaned | None:
    """The text with everything but its readable definitions blanked, or ``None`` when that would lose one."""
    if len(text) > damage.SIZE_LIMIT:
        return None
    lines = text.split("\n")
    kept: dict[int, str] = {}
    lost: list[_Piece] = []
    whole: set[str] = set()
    pieces = _pieces(lines)
    if len(pieces) > PIECE_LIMIT:
        return None
    for piece in reversed(pieces):
        found, is_whole = _readable(lines, piece)
        name = _name(lines, piece) if piece.is_code else ""
        if found is None or (not is_whole and name in whole):
            lost.append(piece)
        else:
            kept |= found
            whole |= {name} if is_whole else set()
    left = "\n".join(kept.get(number, "") for number in range(len(lines)))
    defined = set(_DEFINED.findall(underscores.restore(left)[0]))
    if not defined or any(piece.is_code and _name(lines, piece) not in defined for piece in lost):
        return None
    dropped = sorted(_dropped(lines, lost))
    return Cleaned(left, tuple(dropped), tuple(_notes(dropped))) if dropped else None


def _dropped(lines: list[str], lost: list[_Piece]) -> Iterator[DroppedPiece]:
    for piece in lost:
        first = next((number for number in piece.lines if lines[number].strip()), None)
        if first is not None:
            kind = DropKind.DEFINITION if piece.is_code else DropKind.PROSE
            yield DroppedPiece(first + 1, kind, lines[first].strip()[:120])


def _notes(dropped: list[DroppedPiece]) -> Iterator[Note]:
    for note, kind in (("intake.prose", DropKind.PROSE), ("intake.broken_definition", DropKind.DEFINITION)):
        gone = [item for item in dropped if item.kind is kind]
        if gone:
            yield Note(id=note, params={"line": gone[0].line, "text": gone[0].text, "count": len(gone)})


def _pieces(lines: list[str]) -> list[_Piece]:
    pieces = [_Piece(0, is_code=False)]
    depth = 0
    decorated = False
    for number, line in enumerate(lines):
        piece = pieces[-1]
        start = _START.match(line)
        margin = len(line) - len(line.lstrip())
        inside = piece.is_code and (depth > 0 or margin > piece.margin or not line.strip())
        stray = piece.is_class and _METHOD.match(line) is not None
        if start and not stray and not decorated and (not piece.is_code or margin <= piece.margin):
            pieces.append(_Piece(margin, is_code=True))
            depth = 0
        elif piece.is_code and not (inside or stray or start or _CLAUSE.match(line) or line.lstrip().startswith("#")):
            pieces.append(_Piece(0, is_code=False))
            depth = 0
        piece = pieces[-1]
        piece.lines.append(number)
        if piece.is_code:
            word = line.split()
            piece.is_class = piece.is_class or ((len(piece.lines) == 1 or decorated) and word[:1] == ["class"])
            decorated = bool(start) and line.lstrip().startswith("@")
            depth = max(depth + _opened(line), 0)
    return pieces


def _opened(line: str) -> int:
    shown = [token.text for token in tokens(line) if token.kind is Kind.OPERATOR]
    return sum((text in "([{") - (text in ")]}") for text in shown)


def _readable(lines: list[str], piece: _Piece) -> tuple[dict[int, str] | None, bool]:
    """The piece's lines without their margin when they are code, and whether they need no repair.

    Of words between definitions, the assignments.
    """
    if not piece.is_code:
        return _assignments(lines, piece) or None, True
    shifted = {n: lines[n][min(piece.margin, len(lines[n]) - len(lines[n].lstrip())) :] for n in piece.lines}
    text = "\n".join(shifted.values())
    if isinstance(syntax.parse(text), ast.Module):
        return shifted, True
    return (shifted if damage.repair(text) is not None else None), False


def _assignments(lines: list[str], piece: _Piece) -> dict[int, str]:
    """``width = 16`` between two definitions is code although words stand around it."""
    text = "\n".join(lines[number] for number in piece.lines)
    found: dict[int, str] = {}
    for line in logical_lines(text):
        if not line.tokens or "=" not in {token.text for token in line.tokens}:
            continue
        numbers = piece.lines[line.first : line.last + 1]
        parsed = syntax.parse("\n".join(lines[number] for number in numbers).strip())
        if isinstance(parsed, ast.Module) and all(isinstance(node, ast.Assign) for node in parsed.body):
            found |= {number: lines[number].lstrip() for number in numbers[:1]}
            found |= {number: lines[number] for number in numbers[1:]}
    return found


def _name(lines: list[str], piece: _Piece) -> str:
    """The name that a broken piece would have defined; empty when it cannot be told."""
    for number in piece.lines:
        match = _NAMED.match(underscores.restore(lines[number])[0])
        if match:
            return match[1]
    return ""
