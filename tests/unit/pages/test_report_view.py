"""What the page of a report adds to its results: the status, the next step, the chips and the fields of each card."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from app.pages import report_view
from app.reports.schemas import MessageView, PartView, ProgressView, QuestionReport, Report
from app.submissions.models import State
from grader.assignment import Assignment, bundled
from grader.evidence import Fault
from grader.parts import PartKind
from grader.scoring import Verdict

HW13 = bundled("hw13")
NOTHING = (Verdict.NOT_SUBMITTED, 0.0)


def report(
    results: Mapping[str, tuple[Verdict, float | None]], parts: str = "", assignment: Assignment = HW13, **changes: Any
) -> Report:
    """A report; what ``results`` leaves out has full points."""
    questions = [
        QuestionReport(
            number=question.number,
            title=question.title["en"],
            score=score,
            max_score=question.points,
            verdict=verdict,
            fault=Fault.GRADER if verdict is Verdict.FAULT else None,
            messages=[],
            evidence={},
            override=None,
        )
        for question in assignment.questions
        for verdict, score in [results.get(question.number, (Verdict.FULL, question.points))]
    ]
    views = [
        PartView(name=part.name, title=part.title["en"], kind=part.kind, filename=None, size=1, sha256="0" * 64)
        for part in assignment.parts
        if part.name in parts.split()
    ]
    fields = {
        "id": uuid.UUID(int=1),
        "assignment": "hw13",
        "student": "kim",
        "submitted_at": datetime(2026, 3, 1, tzinfo=UTC),
        "state": State.GRADED,
        "attempt": 1,
        "score": 0.0,
        "max_score": 4.0,
        "withheld": False,
        "late": None,
        "notes": [],
        "needs_review": False,
        "fault": None,
        "progress": None,
        "cancel_effect": None,
        "picture": None,
        "assignment_version": 1,
        "grader_version": "1",
        "sandbox": {},
        "timings": {},
        "finished_at": None,
    }
    return Report(**{**fields, **changes}, questions=questions, parts=views)


@pytest.mark.parametrize(
    ("results", "parts", "step"),
    [
        ({"1.2": NOTHING, "2.1": (Verdict.PARTIAL, 0.25)}, "model loss", "Add Model summary: up to 0.5"),
        ({"1.2": NOTHING, "3.2": (Verdict.NONE, 0.0)}, "", "Correct 3.2 Network pruning and inference"),
        ({"2.2": NOTHING}, "answers", "Answer question 2.2: up to 0.5"),
        ({"2.2": NOTHING}, "", "Answer question 2.2: up to 0.5"),
        ({"3.1": (Verdict.NEEDS_REVIEW, 0.0), "2.1": (Verdict.PARTIAL, 0.25)}, "", "Correct 2.1"),
        ({"3.1": (Verdict.NEEDS_REVIEW, 0.0)}, "", None),
        ({"3.2": (Verdict.WITHHELD, None)}, "", None),
        ({"2.1": (Verdict.FAULT, 0.0)}, "", None),
        ({}, "", None),
    ],
)
def test_the_next_step_is_the_one_that_is_worth_most(
    results: Mapping[str, tuple[Verdict, float | None]], parts: str, step: str | None
) -> None:
    next_step = report_view.next_step(report(results, parts), HW13, "en")
    assert (next_step.text if next_step else None) == step or (step and next_step and next_step.text.startswith(step))


def test_a_part_that_several_questions_lack_is_worth_the_points_of_all() -> None:
    functions = bundled("prune-quantize")
    in_code = [question for question in functions.questions if question.parts == ("code",)]
    missing = {question.number: NOTHING for question in in_code}
    step = report_view.next_step(report(missing, "answers", functions), functions, "en")
    assert step is not None
    points = sum(question.points for question in in_code)
    assert (step.number, step.text) == (in_code[0].number, f"Add Your functions: up to {points:g}")


@pytest.mark.parametrize("state", [State.RUNNING, State.FAILED, State.CANCELLED])
def test_nothing_is_advised_or_contested_without_a_graded_attempt(state: State) -> None:
    lost = report({"2.1": (Verdict.NONE, 0.0)}, state=state)
    assert report_view.next_step(lost, HW13, "en") is None
    assert report_view.contestable(lost) == frozenset()


def test_a_regrade_can_be_requested_only_where_points_are_missing_and_told() -> None:
    verdicts = {
        "1.1": (Verdict.NONE, 0.0),
        "1.2": (Verdict.FAULT, 0.0),
        "2.1": (Verdict.PARTIAL, 0.25),
        "2.2": (Verdict.WITHHELD, None),
        "3.1": (Verdict.NEEDS_REVIEW, 0.5),
    }
    assert report_view.contestable(report(verdicts)) == {"1.1", "1.2", "2.1"}
    assert report_view.contestable(report({"3.1": NOTHING})) == frozenset()


@pytest.mark.parametrize(
    ("stage", "done", "total", "text"),
    [
        ("curve", 8, 20, "Measuring the pruning curve, 8 of 20."),
        ("distillation", 3, 9, "Training your model briefly for the pruning curve, 3 of 9."),
        ("own_loss", 3, 9, "Training your model with your own loss, 3 of 9."),
        ("measuring", 0, 0, "The pruning curve waits to be measured."),
        ("model", 1, 3, "Checking Student model, step 1 of 3. 4 of 6 questions are graded."),
        ("intake", 1, 1, "4 of 6 questions are graded."),
        ("questions", 4, 6, "4 of 6 questions are graded."),
    ],
)
def test_the_status_says_what_is_being_measured(stage: str, done: int, total: int, text: str) -> None:
    pending = {"2.1": (Verdict.PENDING, 0.0), "3.1": (Verdict.PENDING, 0.0)}
    progress = ProgressView(stage=stage, done=done, total=total)
    running = report(pending, "model", state=State.RUNNING, progress=progress)
    assert report_view.status(running, "en") == text
    assert re.search("[一-鿿]", report_view.status(running, "zh-Hant"))


@pytest.mark.parametrize("state", [state for state in State if state is not State.RUNNING])
def test_every_state_has_a_status(state: State) -> None:
    assert report_view.status(report({}, state=state), "zh-Hant")


def test_what_explains_no_lost_points_is_folded() -> None:
    ids = ["kd.alpha_swapped", "kd.hard_term.ok", "kd.soft_term.wrong", "kd.called", "intake.dropped"]
    question = report({"2.1": (Verdict.PARTIAL, 0.25)}).questions[2]
    question.messages = [MessageView(id=name, text=name) for name in ids]
    assert report_view.split_messages(question) == (
        ["kd.alpha_swapped", "kd.soft_term.wrong"],
        ["kd.hard_term.ok", "kd.called", "intake.dropped"],
    )
    question.verdict = Verdict.NEEDS_REVIEW
    question.messages = [MessageView(id=name, text=name) for name in ("intake.change_dropped", "kd.ok")]
    assert report_view.split_messages(question)[0] == ["intake.change_dropped", "kd.ok"]


def test_only_a_plot_that_can_come_has_room() -> None:
    pending = {"1.1": (Verdict.PENDING, 0.0), "3.1": (Verdict.PENDING, 0.0)}

    def room(**changes: Any) -> tuple[bool, bool]:
        one = report(changes.pop("results", pending), changes.pop("parts", "pruning_plot"), **changes)
        rows = report_view.question_rows(one, one.model_dump(mode="json")["questions"], HW13)
        (row,) = (row for row in rows if row["number"] == "3.1")
        return row["awaits_plot"], row["awaits_curve"]

    assert PartKind.PICTURE in {part.kind for part in HW13.parts}
    assert room(state=State.RUNNING) == (True, True)
    assert room(state=State.RUNNING, parts="") == (False, True)
    assert room(state=State.RUNNING, results={"1.1": (Verdict.NONE, 0.0)}) == (True, False)
    assert room(state=State.GRADED) == (False, False)


def test_only_the_question_that_is_measured_has_interim_values() -> None:
    progress = ProgressView(stage="curve", done=1, total=20, interim={"3.1": {"curve": []}})
    one = report({"3.1": (Verdict.NEEDS_REVIEW, 0.0)}, state=State.RUNNING, progress=progress)
    rows = report_view.question_rows(one, one.model_dump(mode="json")["questions"], HW13)
    assert {row["number"]: row["interim"] for row in rows if row["interim"] is not None} == {"3.1": {"curve": []}}
