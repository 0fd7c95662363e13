"""Text to tokens and logical lines without a grammar: works on text that Python's own tokenizer refuses."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import cast


class Kind(StrEnum):
    """What a piece of text is."""

    STRING = "string"
    COMMENT = "comment"
    NAME = "name"
    NUMBER = "number"
    NEWLINE = "newline"
    SPACE = "space"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text; joining all tokens' texts gives the text back."""

    kind: Kind
    text: str

    @property
    def is_keyword(self) -> bool:
        """A reserved word of Python."""
        return self.kind is Kind.NAME and keyword.iskeyword(self.text)


# An unclosed one-line string ends with its line, an unclosed triple-quoted one with the text.
_TOKEN = re.compile(
    r"""
    (?P<string>(?:[rRbBfFuU]{1,2}(?=["']))?(?:
        \"{3}(?:[^\\"]|\\.|"(?!""))*+(?:\"{3}|\Z|\\\Z) | '{3}(?:[^\\']|\\.|'(?!''))*+(?:'{3}|\Z|\\\Z)
      | "(?:[^"\\\n]|\\.)*+"? | '(?:[^'\\\n]|\\.)*+'? ))
  | (?P<comment>\#[^\n]*)
  | (?P<name>[^\W\d]\w*)
  | (?P<number>\d(?:[\w.]|(?<=[eE])[+-](?=\d))*)
  | (?P<newline>\n)
  | (?P<space>(?:[ \t\f]|\\\n)+)
  | (?P<operator>\*\*=?|//=?|>>=?|<<=?|->|:=|[-+*/%&|^@=<>!]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)


def token_at(text: str, position: int) -> Token:
    """The token that begins at this offset. The offset must lie inside the text."""
    match = cast("re.Match[str]", _TOKEN.match(text, position))  # the last alternative matches any character
    return Token(Kind(match.lastgroup or Kind.OPERATOR), match.group())


def tokens(text: str) -> Iterator[Token]:
    """Every token of the text, spaces, comments and newlines included."""
    for match in _TOKEN.finditer(text):
        yield Token(Kind(match.lastgroup or Kind.OPERATOR), match.group())


@dataclass(frozen=True)
class LogicalLine:
    """A statement's line with its continuations: ``first`` and ``last`` are indices of physical lines, from 0."""

    first: int
    last: int
    indent: int
    tokens: tuple[Token, ...]
    """The significant tokens: no space, comment or newline. Empty for blank lines and lone comments."""

    @property
    def opens_block(self) -> bool:
        """Ends with a colon, so an indented block must follow."""
        return bool(self.tokens) and self.tokens[-1].text == ":"

    @property
    def word(self) -> str:
        """The first token's text, or nothing."""
        return self.tokens[0].text if self.tokens else ""


_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def logical_lines(text: str) -> list[LogicalLine]:
    """The text by logical lines: brackets, triple quotes and backslashes continue a line."""
    lines: list[LogicalLine] = []
    number = depth = 0
    current: list[Token] = []
    for token in tokens(text):
        current.append(token)
        if token.kind is Kind.OPERATOR:
            depth += (token.text in _OPENING) - (token.text in _CLOSING)
            depth = max(depth, 0)
        if token.kind is Kind.NEWLINE and depth == 0:
            line = _logical(number, current)
            lines.append(line)
            number = line.last + 1
            current = []
    if current:
        lines.append(_logical(number, current))
    return lines


def _logical(first: int, pieces: list[Token]) -> LogicalLine:
    physical = sum(piece.text.count("\n") for piece in pieces)
    if pieces[-1].kind is Kind.NEWLINE:
        physical -= 1
    indent = 0
    if pieces[0].kind is Kind.SPACE:
        indent = len(pieces[0].text.rsplit("\n", 1)[-1].expandtabs(8))
    return LogicalLine(first, first + physical, indent, tuple(significant(pieces)))


def significant(pieces: Iterable[Token]) -> Iterator[Token]:
    """The tokens that a grammar sees."""
    return (piece for piece in pieces if piece.kind not in (Kind.SPACE, Kind.COMMENT, Kind.NEWLINE))
