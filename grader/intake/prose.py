"""Blanks words between the code: headings, instructions and printed results."""

from __future__ import annotations

from grader.intake import syntax
from grader.intake.cleaning import CleanText
from grader.intake.facts import IntakeFact
from grader.intake.lexing import Kind, LogicalLine, logical_lines
from grader.intake.result import DropKind, DroppedPiece, note_on_pieces

_CODE_WORDS = frozenset({
    "def", "class", "@", "async", "import", "from", "if", "for", "while", "with", "try", "else", "elif", "except",
    "finally", "return",
})  # fmt: skip
_CLAUSES = frozenset({"else", "elif", "except", "finally"})


def without_prose(text: str) -> CleanText | None:
    """Blank the unreadable top-level pieces of a text.

    Returns ``None`` where all are readable, and where one is a definition, import or assignment: a mistake to report.
    """
    physical = text.split("\n")
    dropped_pieces: list[DroppedPiece] = []
    for piece in _pieces(logical_lines(text)):
        first, last = piece[0].first, piece[-1].last
        if syntax.is_readable("\n".join(physical[first : last + 1])):
            continue
        if is_code_line(piece[0]):
            return None
        dropped_pieces.append(DroppedPiece.at(first, DropKind.PROSE, physical[first]))
        physical[first : last + 1] = [""] * (last + 1 - first)
    if not dropped_pieces:
        return None
    return CleanText("\n".join(physical), tuple(dropped_pieces), (note_on_pieces(IntakeFact.PROSE, dropped_pieces),))


def is_code(text: str) -> bool:
    """Whether the first line of a text begins like a definition, an import, a block or an assignment."""
    return any(is_code_line(line) for line in [line for line in logical_lines(text) if line.tokens][:1])


def is_code_line(line: LogicalLine) -> bool:
    """Whether a line begins like a definition, an import, a block or an assignment."""
    return line.word in _CODE_WORDS or _assigns(line)


def _pieces(lines: list[LogicalLine]) -> list[list[LogicalLine]]:
    """The top-level statements with their blocks, decorators and clauses."""
    pieces: list[list[LogicalLine]] = []
    follows_decorator = False
    for line in lines:
        if not line.tokens:
            continue
        if not pieces or (line.indent == 0 and line.word not in _CLAUSES and not follows_decorator):
            pieces.append([line])
        else:
            pieces[-1].append(line)
        follows_decorator = line.indent == 0 and line.word == "@"
    return pieces


def _assigns(line: LogicalLine) -> bool:
    """Whether a line looks like an assignment: ``name = ...``, ``cfg['x'] = ...``."""
    words = [token.text for token in line.tokens]
    return line.tokens[0].kind is Kind.NAME and "=" in words[1:] and words[1] in {"=", ".", "[", ","}
