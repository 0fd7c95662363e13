"""Uploaded parts: size limits, file names and emptiness."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from grader.intake import notebook
from grader.submission import Part

KIB, MIB = 2**10, 2**20

SIZE_LIMITS: Mapping[str, int] = {
    "model": notebook.BYTE_LIMIT,
    "loss": notebook.BYTE_LIMIT,
    "summary": MIB,
    "answers": 64 * KIB,
    "pruning_plot": 10 * MIB,
    "pruning_points": MIB,
    "weights": 8 * MIB,
}
"""Largest size of each part in bytes. Code may be a notebook, which contains its pictures."""

_BINARY = frozenset({"pruning_plot", "weights"})


@dataclass(frozen=True)
class Field:
    """One field of a form: its bytes, and its file name if it is a file."""

    data: bytes
    filename: str | None


def is_empty(name: str, data: bytes) -> bool:
    """Whether a part has no content. Browsers send the unused fields of a form as empty ones."""
    return not data if name in _BINARY else not data.strip()


def clean_file_name(raw: str | None) -> str | None:
    """The file name without folders and control characters, at most 255 characters."""
    if raw is None:
        return None
    name = raw.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(char for char in name if unicodedata.category(char)[0] != "C").strip()
    return printable[-255:] or None


def digest(parts: Mapping[str, Part], *context: str) -> str:
    """SHA-256 of parts, their names and further texts on which the result depends."""
    total = hashlib.sha256("\0".join(context).encode())
    for name in sorted(parts):
        total.update(f"\0{name}\0{len(parts[name].data)}\0".encode() + hashlib.sha256(parts[name].data).digest())
    return total.hexdigest()
