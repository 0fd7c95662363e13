"""Reading what a child claims: every value is checked for its type before it becomes evidence."""

from __future__ import annotations

from typing import Any

from grader.evidence import Outcome
from grader.sandbox.replies import Reply

MAX_COUNT = 1 << 48


def whole(value: object) -> int | None:
    """A plausible count, or ``None``."""
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


def text(value: object, cap: int = 200) -> str:
    """At most ``cap`` characters of a string, or the empty string."""
    return value[:cap] if isinstance(value, str) else ""


def shape(value: object) -> tuple[int, ...]:
    """A tuple of at most eight dimensions; an empty one for anything else."""
    if not isinstance(value, list):
        return ()
    return tuple(n for n in value[:8] if type(n) is int and -1 <= n <= MAX_COUNT)


def shown_names(defines: tuple[str, ...]) -> list[str]:
    """Of the names that a hand-in defines, some to show: none that Python or a helper keeps to itself."""
    return sorted(name for name in defines if not name.startswith("_"))[:20]


def failure(reply: Reply, stage: str) -> dict[str, Any]:
    """The fields of `grader.evidence.CodeEvidence` that tell how the student's code failed at ``stage``."""
    missing: tuple[tuple[str, int], ...] = ()
    error = reply.error
    if reply.outcome is Outcome.ERROR and error is not None and error.type == "NameError" and error.name:
        missing = ((error.name, error.line or 0),)
    return {
        "outcome": reply.outcome,
        "stage": stage,
        "error": error,
        "limit": reply.limit,
        "missing_names": missing,
    }
