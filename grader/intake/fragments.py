"""Splits a text in which some top-level statements are unreadable, so that the others can still run.

Python refuses a whole file for one missing colon. Statements begin at the left margin, so each is tried by itself and
the broken ones are blanked. `losses` decides by the names that a question needs whether it can do without them.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from grader.evidence import StudentError
from grader.intake import prose, syntax
from grader.intake.lexing import Kind, logical_lines, tokens

Check = Callable[[str], StudentError | None]
"""Why a text cannot run, or ``None``."""
_START = re.compile(r"(?!(?:else|elif|except|finally)\b.*:)[^\s#)\]}]")
_CELL = re.compile(r"# cell \d+$")
_CONFLICT = re.compile(r"(?:<{7}|\|{7}|={7}|>{7})(?:\s|$)")
_OUTSIDE_BRACKETS = re.compile(r"(?:def|class|import|while|with|try|return|async|del|global|raise|@)\b|# cell \d+$")
"""The beginning of a line that cannot stand inside brackets."""
_BLOCKS = frozenset({"def", "class", "if", "for", "while", "with", "try", "async", "match", "@"})
_QUOTES = ('"""', "'''")
_NO_LINES = range(0)


@dataclass(frozen=True)
class BrokenPiece:
    """An unreadable piece: its lines (from 0, ``end`` excluded), its text, and Python's error.

    ``ambiguous_lines``: lines whose meaning the piece leaves open, as those between the marks of a merge conflict.
    """

    first: int
    end: int
    text: str
    error: StudentError
    ambiguous_lines: range = _NO_LINES

    @property
    def is_conflict(self) -> bool:
        """Whether the piece is a merge conflict's mark."""
        return _CONFLICT.match(self.text) is not None


@dataclass(frozen=True)
class Fragments:
    """The text with its broken pieces blanked; the number of lines stays."""

    text: str
    broken_pieces: tuple[BrokenPiece, ...]


def split(text: str, check: Check) -> Fragments | None:
    """Blank the pieces that fail the check. Returns ``None`` where no piece fails or no code remains."""
    lines = text.split("\n")
    broken_pieces = _Splitter(lines, check).broken_pieces()
    remaining_lines = list(lines)
    for piece in broken_pieces:
        remaining_lines[piece.first : piece.end] = [""] * (piece.end - piece.first)
    if not broken_pieces or not any(line.strip() and not line.startswith("#") for line in remaining_lines):
        return None
    return Fragments("\n".join(remaining_lines), tuple(broken_pieces))


@dataclass
class _Splitter:
    """Checks piece after piece. A failing piece grows only while its brackets or quotes are open."""

    lines: list[str]
    check: Check
    starts: list[int] = field(default_factory=list)
    spare_lines: int = 0
    """The lines that failing attempts may still read; the bound keeps the work linear."""

    def broken_pieces(self) -> list[BrokenPiece]:
        self.starts = [*_starts(self.lines), len(self.lines)]
        self.spare_lines = 4 * len(self.lines) + 1000
        broken_pieces: list[BrokenPiece] = []
        position, previous = 0, 0
        while position < len(self.starts) - 1:
            first, end = self.starts[position], self.starts[position + 1]
            error = self._error(first, end)
            next_position = position + 1
            if error is not None and (longer := self._end_of_longer_piece(position)) is not None:
                error, next_position = None, longer
            if error is not None:
                broken_pieces += self._pieces(previous, first, end, error, broken_pieces)
            previous, position = first, next_position
        return list(_with_conflicts(broken_pieces, self.lines))

    def _text(self, first: int, end: int) -> str:
        return "\n".join(self.lines[first:end])

    def _error(self, first: int, end: int) -> StudentError | None:
        return self.check(self._text(first, end))

    def _end_of_longer_piece(self, position: int) -> int | None:
        """The position after a statement that continues past its first piece, where that makes it readable."""
        depth, quote = _open_at_end(self._text(self.starts[position], self.starts[position + 1]), 0)
        last = len(self.starts) - 1
        end = position + 1
        while (depth or quote) and end < last:
            first = self.starts[end]
            if self.spare_lines <= 0 or (depth and not quote and _OUTSIDE_BRACKETS.match(self.lines[first])):
                return None
            text = self._text(first, self.starts[end + 1])
            self.spare_lines -= self.starts[end + 1] - first
            end += 1
            if quote:
                _, closing, text = text.partition(quote)
                if not closing:
                    continue
            depth, quote = _open_at_end(text, depth)
        if depth or quote or end == position + 1:
            return None
        return end if self._error(self.starts[position], self.starts[end]) is None else None

    def _pieces(
        self, previous: int, first: int, end: int, error: StudentError, broken_pieces: list[BrokenPiece]
    ) -> Iterator[BrokenPiece]:
        """The broken piece; without its first line where only the lines indented under it are wrong."""
        text = self._text(first, end)
        error = syntax.shifted(error, first)
        logical = [line for line in logical_lines(text) if line.tokens]
        if not _opens_block(text) and len(logical) > 1:
            # Indented code under a plain statement may be the end of the block before, which it cuts off.
            is_cut = any(prose.is_code_line(line) for line in logical[1:])
            is_cut = is_cut and not (broken_pieces and broken_pieces[-1].first == previous)
            if is_cut and _opens_block(block := self._text(previous, first)):
                yield BrokenPiece(previous, first, block, error)
            second = first + logical[0].last + 1
            first = second if self._error(first, second) is None else first
        opens_string = bool(logical) and logical[0].tokens[0].kind is Kind.STRING and _open_at_end(text, 0)[1] != ""
        # A long string that is never closed may be meant to hold all lines that follow.
        ambiguous_lines = range(end, len(self.lines)) if opens_string else _NO_LINES
        yield BrokenPiece(first, end, self._text(first, end), error, ambiguous_lines)


def _with_conflicts(broken_pieces: list[BrokenPiece], lines: list[str]) -> Iterator[BrokenPiece]:
    """The pieces, where the closing mark of a merge conflict makes the lines of the conflict ambiguous."""
    opened: int | None = None
    cells = [0, *(number for number, line in enumerate(lines) if _CELL.match(line))]
    for piece in broken_pieces:
        if not piece.is_conflict:
            yield piece
            continue
        opened = piece.first if piece.text[0] == "<" else opened
        begin = cells[bisect.bisect(cells, piece.first) - 1] if opened is None else opened
        closes = piece.text[0] == ">"
        yield replace(piece, ambiguous_lines=range(begin, piece.end) if closes else _NO_LINES)
        opened = None if closes else opened


def _opens_block(text: str) -> bool:
    return next((line.word in _BLOCKS for line in logical_lines(text) if line.tokens), False)


def _starts(lines: list[str]) -> Iterator[int]:
    """Lines at which a top-level statement may begin; decorators and continued lines belong to the next line."""
    continues = False
    for number, line in enumerate(lines):
        if number == 0 or _CELL.match(line) or (_START.match(line) and not continues):
            yield number
        if line.strip() and not line.startswith("#"):
            decorates = line.startswith("@") or (continues and line[:1].isspace())
            continues = decorates or line.rstrip().endswith("\\")


def _open_at_end(text: str, depth: int) -> tuple[int, str]:
    """How many brackets and which long quote are open after a text that begins inside ``depth`` brackets."""
    quote = ""
    for token in tokens(text):
        if token.kind is Kind.OPERATOR:
            depth = max(depth + token.depth_change, 0)
        elif token.kind is Kind.STRING:
            body = token.body
            is_long = body.startswith(_QUOTES)
            quote = body[:3] if is_long and (len(body) < 6 or not body.endswith(body[:3])) else ""
    return depth, quote
