"""A report in the format that Gradescope reads from an autograder's ``results.json``.

Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.reports.schemas import QuestionReport, Report
from grader.assignment import Tell
from grader.scoring import Verdict

WITHHELD = "The score so far: the result of a question follows later."
PROVISIONAL = "Some points are provisional: a question is waiting for review."


Visibility = Literal["visible", "after_due_date", "after_published"]
_VISIBILITIES: Mapping[Tell, Visibility] = {
    Tell.AT_ONCE: "visible",
    Tell.AFTER_DEADLINE: "after_due_date",
    Tell.WHEN_RELEASED: "after_published",
}
"""When Gradescope shows a test to students. While one is hidden, Gradescope hides the total as well."""


class Test(BaseModel):
    """One question as Gradescope shows it. ``status`` is red only where points are missing for good.

    A withheld result has neither points nor a status.
    """

    name: str
    number: str
    score: float | None = Field(exclude_if=lambda score: score is None)
    max_score: float
    status: Literal["passed", "failed"] | None = Field(exclude_if=lambda status: status is None)
    output: str
    output_format: Literal["text"] = "text"
    visibility: Visibility = "visible"
    extra_data: dict[str, Any]


class Results(BaseModel):
    """The whole file. ``execution_time`` in seconds, from submission to end state; absent before the end."""

    score: float
    execution_time: float | None = Field(default=None, exclude_if=lambda seconds: seconds is None)
    output: str
    output_format: Literal["text"] = "text"
    visibility: Literal["visible"] = "visible"
    stdout_visibility: Literal["hidden"] = "hidden"
    extra_data: dict[str, Any]
    tests: list[Test]


def results(report: Report) -> Results:
    """The report of a submission for Gradescope."""
    notes = [WITHHELD] if report.withheld else []
    if report.needs_review:
        notes.append(PROVISIONAL)
    if report.late is not None:
        notes.append(report.late.text)
    notes += [note.text for note in report.notes]
    return Results(
        score=report.score,
        execution_time=report.timings.get("total"),
        output="\n".join(notes),
        extra_data={"submission": str(report.id), "state": report.state, "grader_version": report.grader_version},
        tests=tests(report.questions, {}),
    )


def tests(questions: Sequence[QuestionReport], rules: Mapping[str, Tell]) -> list[Test]:
    """Questions for Gradescope, which shows each when the rule of its number says so; without a rule at once."""
    return [_test(question, rules.get(question.number, Tell.AT_ONCE)) for question in questions]


def earlier_score(score: float, max_score: float, rules: Collection[Tell]) -> Test:
    """One test in the place of all questions, hidden for as long as any of them would be."""
    strictest = max(rules, key=list(_VISIBILITIES).index)
    return Test(
        name="Your earlier submission",
        number="1",
        score=score,
        max_score=max_score,
        status=None,
        output="",
        visibility=_VISIBILITIES[strictest],
        extra_data={},
    )


def _test(question: QuestionReport, rule: Tell) -> Test:
    status: Literal["passed", "failed"] | None = None
    if question.score is not None:
        passed = question.verdict is Verdict.FULL or question.score >= question.max_score
        status = "passed" if passed else "failed"
    lines = [message.text for message in question.messages]
    if question.override is not None:
        lines.append(question.override.text)
        lines += [f"-{item.deduction:g} {item.text}" for item in question.override.items]
    lines += [f"{comment.by}: {comment.text}" for comment in question.comments]
    return Test(
        name=question.title,
        number=question.number,
        score=question.score,
        max_score=question.max_score,
        status=status,
        output="\n".join(lines),
        visibility=_VISIBILITIES[rule],
        extra_data={"verdict": question.verdict, "fault": question.fault},
    )
