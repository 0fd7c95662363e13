"""Uploaded parts: fields of a form, file names and digests."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from app.problems import TooLarge, Unprocessable
from grader.submission import Part


class UnknownPart(Unprocessable):
    """The form has an unknown part."""

    slug = "unknown-part"


class PartTooLarge(TooLarge):
    """A part is larger than allowed."""

    slug = "part-too-large"

    @classmethod
    def of(cls, name: str, limit: int) -> PartTooLarge:
        """The problem of a part that is larger than ``limit`` bytes."""
        return cls(f"The part {name} is larger than its {limit:,} bytes.", limit=limit)


@dataclass(frozen=True)
class Field:
    """One field of a form: its bytes, and its file name if it is a file."""

    data: bytes
    filename: str | None


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
