"""Options of the check of a distillation loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import PositiveInt

from grader import messages, spelling
from grader.assignment import Assignment, Question
from grader.check import ForScoring, Options, Points, is_points
from grader.checks.kd_loss import kd_diagnosis, kd_rubric
from reference_models.kd import cases


class KDLossOptions(Options):
    """``entry`` is the function, ``classes`` those of the tensors that are drawn for a run.

    ``cases`` and ``known_mistakes`` name files of the assignment.

    ``mistakes``: the points of known mistakes by their ids, those made together joined by ``+``.
    """

    entry: str
    classes: PositiveInt
    hard_term_points: Points
    soft_term_points: Points
    cases: str
    known_mistakes: str
    mistakes: Annotated[Mapping[str, Any], ForScoring] = {}


def problems(assignment: Assignment, question: Question) -> Iterator[tuple[str, str]]:
    """Options that cannot be used, beyond their types."""
    message_ids = messages.ids()
    rows = question.options.get("mistakes", {})
    for mistakes, row in rows.items() if isinstance(rows, dict) else ():
        points = row.get("points", 0) if isinstance(row, dict) else None
        if not is_points(points, question):
            yield mistakes, f"is worth 0 to {question.points:g} points, not {points!r}"
        for name in mistakes.split("+"):
            if name not in message_ids and name != kd_rubric.DEFAULT:
                yield mistakes, f"there is no known mistake {name}"
    files: dict[str, str] = {}
    for name in ("cases", "known_mistakes"):
        file = question.options.get(name)
        if isinstance(file, str) and file in assignment.files:
            files[name] = file
        else:
            close = spelling.suggestion(file, assignment.files) if isinstance(file, str) else ""
            yield name, f"names a file of the folder, not {file!r}{close}"
    if len(files) == 2:
        case_text = assignment.files[files["cases"]]
        try:
            cases.read(case_text)
        except (ValueError, KeyError, TypeError) as error:
            yield "cases", f"{files['cases']} is no case file: {error}"
            return
        try:
            kd_diagnosis.table(case_text, assignment.files[files["known_mistakes"]])
        except (ValueError, KeyError, TypeError) as error:
            yield "known_mistakes", f"{files['known_mistakes']} does not fit the cases: {error}"
