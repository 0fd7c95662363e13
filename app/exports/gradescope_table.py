"""The points of a class by question, in the layout of Gradescope's export of scores."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from app.scores.table import StudentRow, escape_formula
from app.submissions.models import State
from grader.assignment import Assignment


def text(assignment: Assignment, rows: Sequence[StudentRow]) -> str:
    """CSV with one row for each student. Points are empty without a submission, ``Missing``, and for ``Excused``."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    titles = [f"{item.number}: {item.title['en']} ({item.points:g} pts)" for item in assignment.questions]
    writer.writerow(["Name", "SID", "Login", "Total Score", "Max Points", "Status", "Submission ID", *titles])
    for row in rows:
        graded = row.state is State.GRADED and not row.excused
        status = (
            "Excused" if row.excused else "Missing" if row.submission is None else "Graded" if graded else "Ungraded"
        )
        points = [row.questions[item.number].score if graded else "" for item in assignment.questions]
        names = map(escape_formula, (row.name, row.student_id or "", row.student))
        total = row.score if graded else ""
        writer.writerow([*names, total, row.max_score, status, row.submission or "", *points])
    return out.getvalue()
