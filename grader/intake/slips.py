"""Recognises a misspelt keyword, such as ``retrun``, in a text that Python cannot read.

Without this, two names side by side look like a name that has lost its underscore.
"""

from __future__ import annotations

import functools
import itertools
import keyword
import re
from collections.abc import Iterator
from typing import NamedTuple

from grader.evidence import StudentError
from grader.intake import syntax
from grader.intake.lexing import Kind, tokens

_MEANT = sorted({*keyword.kwlist, "match"} - {"as", "async", "await", "is", "nonlocal", "global"})
_ATTEMPTS = 8
"""Corrections of a line that are tried, each of which parses the text."""
_TWO_WORDS = re.compile(r"([A-Za-z]{2,12})[ \t]+[A-Za-z_]")
_BEFORE_NAMES = frozenset({"def", "class", "import", "from", "for", "while", "with"})
_LONG = 5
"""Letters from which two slips in one word are still recognised."""


class Slip(NamedTuple):
    """A word that is no keyword, the keyword that makes the line readable, and the line (from 1)."""

    word: str
    meant: str
    line: int


def find(text: str, error: StudentError) -> Slip | None:
    """The misspelt keyword in the line of Python's error, if a keyword in its place removes the error."""
    lines = text.split("\n")
    if error.line is None or not 0 < error.line <= len(lines):
        return None
    number = error.line - 1
    for start, word, meant in itertools.islice(_candidates(lines[number]), _ATTEMPTS):
        corrected_line = lines[number][:start] + meant + lines[number][start + len(word) :]
        if _error_line("\n".join([*lines[:number], corrected_line, *lines[number + 1 :]])) > error.line:
            return Slip(word, meant, error.line)
    return None


def with_first_word_corrected(text: str) -> str:
    """The text with a misspelt keyword at its beginning corrected: ``class Net`` for ``calss Net``."""
    match = _TWO_WORDS.match(text)
    meant = next((meant for meant in _near_keywords(match[1]) if meant in _BEFORE_NAMES), None) if match else None
    return text if match is None or meant is None else meant + text[match.end(1) :]


def _candidates(line: str) -> Iterator[tuple[int, str, str]]:
    """The words of a line that are near a keyword: where they start, the word, the keyword."""
    start = 0
    for token in tokens(line):
        if token.kind is Kind.NAME and not token.is_keyword:
            yield from ((start, token.text, meant) for meant in _near_keywords(token.text))
        start += len(token.text)


def _error_line(text: str) -> float:
    """The line of Python's error in a text; infinite without one."""
    error = syntax.grammar_error(text)
    return float("inf") if error is None else error.line or 0


@functools.lru_cache(maxsize=4096)
def _near_keywords(word: str) -> tuple[str, ...]:
    """The keywords of which one letter is wrong, missing or too many, or two are exchanged; in long ones twice."""
    return tuple(meant for meant in _MEANT if _is_near(word, meant))


def _is_near(word: str, meant: str) -> bool:
    allowed = 2 if len(meant) >= _LONG else 1
    if abs(len(word) - len(meant)) > allowed:
        return False
    # Only exchanged letters make one word of two letters out of another: `fi`, and not `id`, is a slip of `if`.
    return word == meant[::-1] if len(meant) == 2 else 0 < distance(word, meant) <= allowed


def distance(one: str, other: str) -> int:
    """The restricted Damerau-Levenshtein distance."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, start=1):
        row = [i]
        for j, wanted in enumerate(other, start=1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != wanted))
            if i > 1 and j > 1 and (letter, one[i - 2]) == (other[j - 2], wanted):
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
