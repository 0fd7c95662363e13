"""A report in the format that Gradescope reads from an autograder's ``results.json``.

Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.reports.schemas import QuestionReport, Report
from grader.scoring import Verdict

PROVISIONAL = "Some points are provisional: a question is waiting for review."


class Test(BaseModel):
    """One question as Gradescope shows it. ``status`` is red only where points are missing for good."""

    name: str
    number: str
    score: float
    max_score: float
    status: Literal["passed", "failed"]
    output: str
    output_format: Literal["text"] = "text"
    visibility: Literal["visible"] = "visible"
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
    notes = [PROVISIONAL] if report.needs_review else []
    if report.late is not None:
        notes.append(report.late.text)
    notes += [note.text for note in report.notes]
    return Results(
        score=report.score,
        execution_time=report.timings.get("total"),
        output="\n".join(notes),
        extra_data={"submission": str(report.id), "state": report.state, "grader_version": report.grader_version},
        tests=tests(report.questions),
    )


def tests(questions: Sequence[QuestionReport]) -> list[Test]:
    """Questions for Gradescope."""
    return [_test(question) for question in questions]


def _test(question: QuestionReport) -> Test:
    passed = question.verdict is Verdict.FULL or question.score >= question.max_score
    lines = [message.text for message in question.messages]
    if question.override is not None:
        lines.append(f"{question.override.by}: {question.override.reason}")
    return Test(
        name=question.title,
        number=question.number,
        score=question.score,
        max_score=question.max_score,
        status="passed" if passed else "failed",
        output="\n".join(lines),
        extra_data={"verdict": question.verdict, "fault": question.fault},
    )
