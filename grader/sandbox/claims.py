"""Reading what a child claims: every value is checked for its type before it becomes evidence."""

from __future__ import annotations

from typing import Any

from grader.evidence import MissingName, Outcome
from grader.sandbox.replies import Reply

MAX_COUNT = 1 << 48


def whole(value: object) -> int | None:
    """A plausible count, or ``None``."""
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


def text(value: object, cap: int = 200) -> str:
    """At most ``cap`` characters of a string, or the empty string."""
    return value[:cap] if isinstance(value, str) else ""


def texts(value: object, most: int) -> tuple[str, ...]:
    """The first ``most`` items of a list as texts; an empty tuple for anything else."""
    return tuple(text(item) for item in value[:most]) if isinstance(value, list) else ()


def named_counts(value: object, most: int) -> tuple[tuple[str, int], ...]:
    """The pairs of a name and a count among the first ``most`` items of a list."""
    pairs = value[:most] if isinstance(value, list) else []
    return tuple((text(pair[0]), whole(pair[1]) or 0) for pair in pairs if isinstance(pair, list) and len(pair) == 2)


def shape(value: object) -> tuple[int, ...]:
    """A tuple of at most eight dimensions; an empty one for anything else."""
    if not isinstance(value, list):
        return ()
    return tuple(n for n in value[:8] if type(n) is int and -1 <= n <= MAX_COUNT)


def public_names(defined_names: tuple[str, ...]) -> list[str]:
    """Up to 20 of the names that a source defines, without private ones, to show to the student."""
    return sorted(name for name in defined_names if not name.startswith("_"))[:20]


def failure(reply: Reply, stage: str) -> dict[str, Any]:
    """The fields of `grader.evidence.CodeEvidence` that say how the student's code failed at ``stage``."""
    missing: tuple[MissingName, ...] = ()
    error = reply.error
    if reply.outcome is Outcome.ERROR and error is not None and error.type == "NameError" and error.name:
        missing = (MissingName(error.name, error.line or 0, error.cell),)
    return {"outcome": reply.outcome, "stage": stage, "error": error, "limit": reply.limit, "missing_names": missing}
