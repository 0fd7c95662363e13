"""Fill the points of a class into a gradebook that Canvas exported."""

from __future__ import annotations

from collections.abc import Sequence

from app.exports import canvas
from app.problems import Unprocessable
from app.scores.table import StudentRow
from app.submissions.models import State


class GradebookUnusable(Unprocessable):
    """The file is not a gradebook export that can be filled."""

    slug = "gradebook-unusable"


def fill(rows: Sequence[StudentRow], data: bytes, wanted: Sequence[str]) -> tuple[bytes, canvas.Preview]:
    """The file with the points of graded attempts, and its changes. Raises `GradebookUnusable` with the columns."""
    students = [
        canvas.StudentScore(row.student, row.student_id, row.score if row.state is State.GRADED else None)
        for row in rows
    ]
    try:
        return canvas.fill(data, students, wanted)
    except canvas.GradebookError as error:
        raise GradebookUnusable(str(error), columns=error.columns) from None
