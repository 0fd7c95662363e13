"""The parts of a hand-in as they arrive: their largest sizes, their file names, what counts as empty."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from grader.intake import notebook
from grader.submission import Part

KIB, MIB = 2**10, 2**20

LARGEST: Mapping[str, int] = {
    "model": notebook.BYTE_LIMIT,
    "loss": notebook.BYTE_LIMIT,
    "summary": MIB,
    "answers": 64 * KIB,
    "pruning_plot": 10 * MIB,
    "pruning_points": MIB,
    "weights": 8 * MIB,
}
"""Largest size of each part, in bytes. Code may come as a notebook, which brings its pictures along."""

_BINARY = frozenset({"pruning_plot", "weights"})


@dataclass(frozen=True)
class Field:
    """One field of a form: its bytes as sent, and the file name if it came as a file."""

    data: bytes
    filename: str | None


def is_empty(name: str, data: bytes) -> bool:
    """Browsers send a form's unused fields too: no bytes, or nothing but white space, is not handed in."""
    return not data if name in _BINARY else not data.strip()


def file_name(raw: str | None) -> str | None:
    """A sender's file name made harmless: no folders, no control characters, 255 characters at most."""
    if raw is None:
        return None
    name = raw.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(char for char in name if unicodedata.category(char)[0] != "C").strip()
    return printable[-255:] or None


def digest(parts: Mapping[str, Part], *context: str) -> str:
    """SHA-256 over parts, their names and what else decides the result. Equal digests mean equal hand-ins."""
    total = hashlib.sha256("\0".join(context).encode())
    for name in sorted(parts):
        total.update(f"\0{name}\0{len(parts[name].data)}\0".encode() + hashlib.sha256(parts[name].data).digest())
    return total.hexdigest()
