"""A submission as the engine sees it: the bytes of each part, without the student who sent them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Repair = Literal["suggest", "apply"]
"""Whether a repair of paste damage is only shown, or graded."""


@dataclass(frozen=True)
class Part:
    """One uploaded part: its bytes as sent, and the name of its file, if it has one."""

    data: bytes
    filename: str | None = None


@dataclass(frozen=True)
class SubmittedParts:
    """The parts of one submission by name."""

    parts: Mapping[str, Part] = field(default_factory=dict)
    repair: Repair = "suggest"
