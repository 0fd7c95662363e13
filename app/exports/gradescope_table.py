"""The points of a class, question by question, laid out like Gradescope's export of scores."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from app.scores.table import StudentRow, guarded
from app.submissions.models import State
from grader.assignment import Assignment


def text(assignment: Assignment, rows: Sequence[StudentRow]) -> str:
    """CSV with one row a student. Points are empty and the status is ``Missing`` without a hand-in."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    titles = [f"{item.number}: {item.title['en']} ({item.points:g} pts)" for item in assignment.questions]
    writer.writerow(["Name", "SID", "Login", "Total Score", "Max Points", "Status", "Submission ID", *titles])
    for row in rows:
        graded = row.state is State.GRADED
        status = "Missing" if row.submission is None else "Graded" if graded else "Ungraded"
        points = [row.questions[item.number].score if graded else "" for item in assignment.questions]
        names = [guarded(row.name), guarded(row.student_id or ""), guarded(row.student)]
        total = row.score if graded else ""
        writer.writerow([*names, total, row.max_score, status, row.submission or "", *points])
    return out.getvalue()
