"""The digests on the receipt of a submission, which students can repeat with ``sha256sum``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from app.reports.schemas import PartView


def lines(parts: Sequence[PartView]) -> str:
    """One line for each part, as ``sha256sum`` prints it: the SHA-256 of its bytes, and its name."""
    return "".join(f"{part.sha256}  {part.name}\n" for part in parts)


def digest(parts: Sequence[PartView]) -> str:
    """SHA-256 of the lines of all parts."""
    return hashlib.sha256(lines(parts).encode()).hexdigest()
