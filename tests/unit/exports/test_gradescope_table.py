"""Points by question, as Gradescope exports them."""

from __future__ import annotations

import csv
import io

from app.exports import gradescope_table
from app.scores.table import StudentRow
from grader import assignment


def test_nobody_begins_a_formula_and_no_submission_has_no_points() -> None:
    hw13 = assignment.bundled("hw13")
    row = StudentRow.model_validate(
        dict.fromkeys(StudentRow.model_fields)
        | {"student": "ann", "name": "=1+1", "student_id": "@b01", "max_score": hw13.max_score}
        | {"excused": False, "dropped": False, "needs_review": False, "late": False, "late_days": 0, "questions": {}}
    )
    head, line = csv.reader(io.StringIO(gradescope_table.text(hw13, [row])))
    assert line == ["'=1+1", "'@b01", "ann", "", "4.0", "Missing", "", *[""] * len(hw13.questions)]
    assert len(head) == len(line)
