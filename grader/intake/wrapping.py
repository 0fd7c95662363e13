"""Joins statements, strings and comments that a narrow page broke into several lines."""

from __future__ import annotations

import itertools
import re

from grader.intake.lexing import Kind, LogicalLine, logical_lines, token_at, tokens

_OPEN_ENDS = frozenset({
    "+", "-", "*", "/", "//", "%", "**", "=", "==", "!=", "<", ">", "<=", ">=", "+=", "-=", "*=", "/=", ".", "and",
    "or", "not", "in", "is", "->", ":=", "@", "&", "|",
})  # fmt: skip
"""Tokens that cannot end a statement. A trailing comma can: it makes a tuple."""
_CONTINUATIONS = frozenset(["/", "//", "%", "==", "!=", "<=", ">=", ".", "and", "or"])
"""Tokens that cannot begin a statement."""
_FULL_LINE = 40
"""Characters of a comment that may continue on the next line."""
_PROSE = re.compile(r"\s*[A-Za-z\u4e00-\u9fff][^()\[\]{}=:#\"'@]*$")
_STATEMENT = re.compile(
    r"\s*(?:pass|return|break|continue|raise|import|from|del|global|nonlocal|assert|yield|await|else|try|finally)\b"
)


def restore(text: str) -> str:
    """Join broken lines. The number of lines stays: the line of the second half becomes blank."""
    return _join_statements(_join_comments(_join_strings(text)))


def _join_strings(text: str) -> str:
    """Join a string that is open at the end of its line with the next line, if that closes it."""
    pieces: list[str] = []
    position = 0
    while position < len(text):
        token = token_at(text, position)
        position += len(token.text)
        pieces.append(token.text)
        if token.kind is not Kind.STRING or _is_closed(token.body) or text[position : position + 1] != "\n":
            continue
        quote = token.body[0]
        line_end = text.find("\n", position + 1)
        line_end = len(text) if line_end < 0 else line_end
        closing = text.find(quote, position + 1, line_end)
        if closing >= 0:
            pieces[-1] = token.text.rstrip()
            pieces.append(f" {text[position + 1 : line_end].lstrip()}\n")
            position = line_end
    return "".join(pieces)


def _join_comments(text: str) -> str:
    """Make words under a comment that fills its line a comment too."""
    lines = text.split("\n")
    comment_length = 0
    for number, line in enumerate(lines):
        is_comment = line.lstrip().startswith("#")
        if is_comment:
            comment_length = len(line)
        elif (
            comment_length >= _FULL_LINE and _PROSE.match(line) and not _STATEMENT.match(line) and len(line.split()) > 1
        ):
            margin = len(line) - len(line.lstrip())
            lines[number] = f"{line[:margin]}# {line.lstrip()}"
        else:
            comment_length = 0
    return "\n".join(lines)


def _join_statements(text: str) -> str:
    lines = text.split("\n")
    statements = [line for line in logical_lines(text) if line.tokens]
    commented_lines = _commented_lines(text)
    head: int | None = None
    for line, following in itertools.pairwise(statements):
        head = line.last if head is None else head
        is_broken = _is_open_ended(line) or following.word in _CONTINUATIONS
        if not is_broken or line.last in commented_lines:
            head = None
            continue
        lines[head] = f"{lines[head].rstrip()} {lines[following.first].lstrip()}"
        lines[following.first] = ""
        head = head if following.first == following.last else following.last
    return "\n".join(lines)


def _commented_lines(text: str) -> set[int]:
    """The physical lines, from 0, that end in a comment."""
    commented: set[int] = set()
    number = 0
    for token in tokens(text):
        if token.kind is Kind.COMMENT:
            commented.add(number)
        number += token.text.count("\n")
    return commented


def _is_open_ended(line: LogicalLine) -> bool:
    return line.tokens[-1].text in _OPEN_ENDS and line.word != "from"


def _is_closed(body: str) -> bool:
    """Whether a string, given without its prefix, needs no other line; one in triple quotes may span lines."""
    if body.startswith(('"""', "'''")):
        return True
    return len(body) > 1 and body[0] == body[-1] and not body.endswith("\\" + body[-1])
