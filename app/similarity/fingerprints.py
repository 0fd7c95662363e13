"""A source as a small set of fingerprints: two sources that share a passage share the passage's fingerprints.

Winnowing, as Schleimer, Wilkerson and Aiken describe it ("Winnowing: Local Algorithms for Document Fingerprinting",
SIGMOD 2003): of the hashes of all runs of ``RUN`` tokens, the smallest of every ``WINDOW`` neighbours is kept. A shared
passage of at least ``RUN + WINDOW - 1`` tokens is always seen, and one shorter than ``RUN`` never.

Names that people choose, comments, texts in quotes and the layout do not count, so renaming hides nothing; the names of
a library's layers and functions, keywords and numbers do.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterator, Mapping
from hashlib import blake2b

RUN = 14
WINDOW = 6
_LONGEST = 100_000
"""Characters. What is longer is read so far: a model that a person wrote is a hundredth of it."""
_KEYWORDS = frozenset(keyword.kwlist)
_BUILT = frozenset({"self", "super", "print", "range", "len", "list", "dict", "tuple", "int", "float", "min", "max"})
# A text that is never closed is taken too, so that the expression goes over nothing twice.
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
    kept: dict[int, tuple[int, int]] = {}
    for at in _winnowed(hashes):
        kept.setdefault(hashes[at], (tokens[at][1], tokens[at + RUN - 1][1]))
    return kept


def lines(found: Mapping[int, tuple[int, int]], shared: Collection[int]) -> set[int]:
    """The lines that the shared ones of a source's fingerprints stand on."""
    covered: set[int] = set()
    for key in shared:
        if key in found:
            first, last = found[key]
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
                # A name behind a dot belongs to a library, unless the thing before the dot is one's own.
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


def _winnowed(hashes: list[int]) -> list[int]:
    """The place of the smallest hash of every window, the rightmost of equals; each place once."""
    if not hashes:
        return []
    kept: list[int] = []
    for start in range(max(1, len(hashes) - WINDOW + 1)):
        window = hashes[start : start + WINDOW]
        least = min(window)
        at = start + max(place for place, value in enumerate(window) if value == least)
        if not kept or kept[-1] != at:
            kept.append(at)
    return kept
