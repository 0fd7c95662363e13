"""Splits text into tokens and logical lines without a grammar, so also text that Python's tokenizer refuses."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import cast


class Kind(StrEnum):
    """The kind of a token."""

    STRING = "string"
    COMMENT = "comment"
    NAME = "name"
    NUMBER = "number"
    NEWLINE = "newline"
    SPACE = "space"
    OPERATOR = "operator"


_KINDS = {str(kind): kind for kind in Kind}
INSIGNIFICANT = frozenset({Kind.SPACE, Kind.COMMENT, Kind.NEWLINE})
"""Tokens that no grammar rule mentions."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text; the texts of all tokens, joined, are the text."""

    kind: Kind
    text: str

    @property
    def is_keyword(self) -> bool:
        """Whether the token is a reserved word of Python."""
        return self.kind is Kind.NAME and keyword.iskeyword(self.text)

    @property
    def depth_change(self) -> int:
        """1 for an opening bracket, -1 for a closing one, 0 for every other token."""
        return (self.text in _OPENING) - (self.text in _CLOSING)

    @property
    def body(self) -> str:
        """A string's text without its prefix."""
        return self.text.lstrip("rRbBfFuU")


_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
# Possessive repetitions keep no state for each character, which would take a third of a kilobyte.
# An unclosed one-line string ends with its line, an unclosed triple-quoted one with the text.
_TOKEN = re.compile(
    r"""
    (?P<string>(?:[rRbBfFuU]{1,2}(?=["']))?(?:
        \"{3}(?:[^\\"]++|\\.|"(?!""))*+(?:\"{3}|\Z|\\\Z) | '{3}(?:[^\\']++|\\.|'(?!''))*+(?:'{3}|\Z|\\\Z)
      | "(?:[^"\\\n]++|\\.)*+"? | '(?:[^'\\\n]++|\\.)*+'? ))
  | (?P<comment>\#[^\n]*)
  | (?P<name>[^\W\d]\w*)
  | (?P<number>\d(?:[\w.]++|(?<=[eE])[+-](?=\d))*+)
  | (?P<newline>\n)
  | (?P<space>(?:[ \t\f]++|\\\n)++)
  | (?P<operator>\*\*=?|//=?|>>=?|<<=?|->|:=|[-+*/%&|^@=<>!]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)


def token_at(text: str, position: int) -> Token:
    """The token that begins at this offset. The offset must lie inside the text."""
    match = cast("re.Match[str]", _TOKEN.match(text, position))  # the last alternative matches any character
    return Token(_KINDS[match.lastgroup or Kind.OPERATOR], match.group())


def tokens(text: str) -> Iterator[Token]:
    """Every token of the text, spaces, comments and newlines included."""
    for match in _TOKEN.finditer(text):
        yield Token(_KINDS[match.lastgroup or Kind.OPERATOR], match.group())


@dataclass(frozen=True)
class LogicalLine:
    """A line with its continuations: ``first`` and ``last`` are indices of physical lines, from 0."""

    first: int
    last: int
    indent: int
    tokens: tuple[Token, ...]
    """The significant tokens: no space, comment or newline. Empty for blank lines and lone comments."""

    @property
    def opens_block(self) -> bool:
        """Whether the line ends with a colon, so that an indented block must follow."""
        return bool(self.tokens) and self.tokens[-1].text == ":"

    @property
    def word(self) -> str:
        """The first token's text; empty for a line without tokens."""
        return self.tokens[0].text if self.tokens else ""


def logical_lines(text: str) -> list[LogicalLine]:
    """The logical lines of a text: brackets, triple quotes and backslashes continue a line."""
    lines: list[LogicalLine] = []
    number = depth = 0
    current: list[Token] = []
    for token in tokens(text):
        current.append(token)
        depth = max(depth + token.depth_change, 0)
        if token.kind is Kind.NEWLINE and depth == 0:
            lines.append(_logical_line(number, current))
            number = lines[-1].last + 1
            current = []
    if current:
        lines.append(_logical_line(number, current))
    return lines


def _logical_line(first: int, line: list[Token]) -> LogicalLine:
    breaks = sum(token.text.count("\n") for token in line) - (line[-1].kind is Kind.NEWLINE)
    indent = len(line[0].text.rsplit("\n", 1)[-1].expandtabs(8)) if line[0].kind is Kind.SPACE else 0
    significant = tuple(token for token in line if token.kind not in INSIGNIFICANT)
    return LogicalLine(first, first + breaks, indent, significant)
