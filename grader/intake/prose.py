"""Words between the code: headings, instructions and printed results that were copied along."""

from __future__ import annotations

import ast

from grader.evidence import Note
from grader.intake import syntax
from grader.intake.cleaning import Cleaned
from grader.intake.lexing import Kind, LogicalLine, logical_lines
from grader.intake.result import DropKind, DroppedPiece

_CODE_WORDS = frozenset(
    [
        "def",
        "class",
        "@",
        "async",
        "import",
        "from",
        "if",
        "for",
        "while",
        "with",
        "try",
        "else",
        "elif",
        "except",
        "finally",
        "return",
    ]
)
_CLAUSES = frozenset({"else", "elif", "except", "finally"})


def without_prose(text: str) -> Cleaned | None:
    """The text with its unreadable top-level pieces blanked.

    ``None`` when nothing can be blanked: an unreadable definition, import or assignment is a mistake to be shown.
    """
    physical = text.split("\n")
    dropped: list[DroppedPiece] = []
    for piece in _pieces(logical_lines(text)):
        first, last = piece[0].first, piece[-1].last
        if isinstance(syntax.parse("\n".join(physical[first : last + 1])), ast.Module):
            continue
        if is_code_line(piece[0]):
            return None
        dropped.append(DroppedPiece(first + 1, DropKind.PROSE, physical[first].strip()[:120]))
        physical[first : last + 1] = [""] * (last + 1 - first)
    if not dropped:
        return None
    return Cleaned("\n".join(physical), tuple(dropped), (note(dropped),))


def note(dropped: list[DroppedPiece]) -> Note:
    """The remark about words that were left out."""
    return Note(id="intake.prose", params={"line": dropped[0].line, "text": dropped[0].text, "count": len(dropped)})


def is_code(text: str) -> bool:
    """Whether unreadable text was meant as a definition, an import, a block or an assignment."""
    return any(is_code_line(line) for line in [line for line in logical_lines(text) if line.tokens][:1])


def is_code_line(line: LogicalLine) -> bool:
    """Whether a line begins like a definition, an import, a block or an assignment."""
    return line.word in _CODE_WORDS or _assigns(line)


def _pieces(lines: list[LogicalLine]) -> list[list[LogicalLine]]:
    """Top-level statements with their blocks, decorators and clauses."""
    pieces: list[list[LogicalLine]] = []
    decorated = False
    for line in lines:
        if not line.tokens:
            continue
        if not pieces or (line.indent == 0 and line.word not in _CLAUSES and not decorated):
            pieces.append([line])
        else:
            pieces[-1].append(line)
        decorated = line.indent == 0 and line.word == "@"
    return pieces


def _assigns(line: LogicalLine) -> bool:
    """``name = ...``, ``cfg['x'] = ...``: a statement that was meant as one."""
    words = [token.text for token in line.tokens]
    return line.tokens[0].kind is Kind.NAME and "=" in words[1:] and words[1] in {"=", ".", "[", ","}
