"""What a trial of an author's own files shows: whether the rubric of a question does what it should."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Progress = Callable[[str, int, int], None]
"""Receives the file that is tried, how many were tried before it, and how many there are."""


@dataclass(frozen=True)
class Finding:
    """A fault of one file of the author's, or a remark, which does no harm."""

    file: str
    what: str
    is_error: bool = True

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass(frozen=True)
class RubricTrial:
    """How a question's rubric grades the author's ``mistakes`` and ``correct`` variants, each by its number of files.

    ``tolerance_used`` is by file the share of the tolerance, from 0 to 1, that a right variant uses; empty where a
    property judges.
    """

    question: str
    mistakes: int = 0
    correct: int = 0
    findings: tuple[Finding, ...] = ()
    tolerance_used: Mapping[str, float] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that are faults."""
        return tuple(finding for finding in self.findings if finding.is_error)
