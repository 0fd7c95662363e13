"""The grading engine: evidence in a sandbox, points from evidence. Knows nothing of HTTP or databases.

``from grader import grade`` grades a submission from Python: see `grader.report.grade`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.report import Report, grade

__all__ = ["Report", "grade"]


def __getattr__(name: str) -> Any:
    """Import the entry on first use: the processes of the sandbox import this package too, without the engine."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from grader import report

    return getattr(report, name)
