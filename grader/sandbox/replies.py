"""Replies of a sandbox child to the trusted side: values, never objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from grader.evidence import LimitHit, Outcome, StudentError
from grader.sandbox import frames

Array = frames.Array


class InfrastructureFault(Exception):
    """The sandbox failed before the student's code began. The grading is repeated; no points depend on it."""


@dataclass(frozen=True)
class Reply:
    """The answer to one request.

    ``meta`` is JSON data and ``arrays`` are checked copies of the child's bytes. Both come from the student's zone:
    claims to be tested, not facts. When ``outcome`` is not ``ok`` both are empty, and the child is dead unless the
    code raised an exception.
    """

    outcome: Outcome
    meta: dict[str, Any] = field(default_factory=dict)
    arrays: tuple[Array, ...] = ()
    error: StudentError | None = None
    limit: LimitHit | None = None


class Child(Protocol):
    """A sandbox child that answers requests one at a time."""

    def request(self, op: str, meta: dict[str, Any] | None = None, arrays: Sequence[Array] = ()) -> Reply:
        """Send one request and wait for its answer. Raises `InfrastructureFault` only when the fault is ours."""

    @property
    def stdout(self) -> str:
        """The output of the student's code so far, capped, control characters escaped."""
