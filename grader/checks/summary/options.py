"""Options of the summary check."""

from __future__ import annotations

from grader.check import Options, Points


class SummaryOptions(Options):
    """``rows_differ_points``: points of a right total with wrong rows.

    ``example_total``: the total of the homework's own example, which is often pasted.
    """

    rows_differ_points: Points
    example_total: int | None = None
