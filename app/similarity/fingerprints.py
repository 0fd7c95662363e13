"""Sources as small sets of fingerprints: sources that share a passage share its fingerprints.

Winnowing, as Schleimer, Wilkerson and Aiken describe it ("Winnowing: Local Algorithms for Document Fingerprinting",
SIGMOD 2003): of the hashes of all runs of ``RUN`` tokens, the smallest of every ``WINDOW`` neighbours becomes a
fingerprint. It always detects a shared passage of at least ``RUN + WINDOW - 1`` tokens, and none below ``RUN``.

Own names, comments, quoted texts and layout do not count, so renaming hides nothing; names of a library's layers and
functions, keywords and numbers do.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterator, Mapping
from hashlib import blake2b

RUN = 14
WINDOW = 6
_LONGEST = 100_000
"""Characters of a text that are read. A hand-written model has a hundredth of them."""
_KEYWORDS = frozenset(keyword.kwlist)
_BUILT = frozenset({"self", "super", "print", "range", "len", "list", "dict", "tuple", "int", "float", "min", "max"})
# Unclosed texts match as well, so that the expression never backtracks.
_TOKEN = re.compile(
    r"""(?P<nothing>\s+|\#[^\n]*)
    |(?P<text>[rRbBuUfF]{0,2}(?:\"{3}(?s:.*?)(?:\"{3}|\Z)|'{3}(?s:.*?)(?:'{3}|\Z)
        |\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?))
    |(?P<name>[^\W\d]\w*)
    |(?P<number>\d[\w.]*)
    |(?P<sign>.)""",
    re.VERBOSE,
)


def fingerprints(text: str) -> dict[int, tuple[int, int]]:
    """The fingerprints of a source, each with the first and last line, from 1, of one passage that has it."""
    tokens = list(_tokens(text[:_LONGEST]))
    hashes = [_hash(tokens[at : at + RUN]) for at in range(len(tokens) - RUN + 1)]
    prints: dict[int, tuple[int, int]] = {}
    for at in _winnow(hashes):
        prints.setdefault(hashes[at], (tokens[at][1], tokens[at + RUN - 1][1]))
    return prints


def shared_lines(prints: Mapping[int, tuple[int, int]], shared: Collection[int]) -> set[int]:
    """The lines, from 1, of a source's fingerprints that are among the ``shared`` ones."""
    covered: set[int] = set()
    for key in shared:
        if key in prints:
            first, last = prints[key]
            covered.update(range(first, last + 1))
    return covered


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    line, before, base = 1, "", ""
    for match in _TOKEN.finditer(text):
        kind, token = match.lastgroup, match.group()
        if kind != "nothing":
            if kind == "text":
                yield "s", line
            elif kind == "name":
                # A name after a dot belongs to a library, unless it follows `self`.
                of_library = before == "." and base != "self"
                yield (token if of_library or token in _KEYWORDS or token in _BUILT else "v"), line
            else:
                yield token, line
            if "." not in (token, before):
                base = token
            before = token
        line += token.count("\n")


def _hash(run: list[tuple[str, int]]) -> int:
    return int.from_bytes(blake2b("\0".join(token for token, _ in run).encode(), digest_size=8).digest(), "big")


def _winnow(hashes: list[int]) -> list[int]:
    """The positions of the smallest hash of each window, the rightmost of equal ones, without repetitions."""
    if not hashes:
        return []
    positions: list[int] = []
    for start in range(max(1, len(hashes) - WINDOW + 1)):
        window = hashes[start : start + WINDOW]
        least = min(window)
        at = start + max(offset for offset, value in enumerate(window) if value == least)
        if not positions or positions[-1] != at:
            positions.append(at)
    return positions
