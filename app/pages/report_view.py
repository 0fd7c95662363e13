"""What the page of a report adds to its results: the status, the next step, the fields of each card."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from app.presenting import filters, language
from app.reports.schemas import QuestionReport, Report
from app.submissions.models import State
from grader.assignment import Assignment
from grader.check import Check
from grader.checks import registry
from grader.intake.stand_in import EntryKind
from grader.messages import SKIPPED
from grader.parts import PartKind
from grader.scoring import Verdict

_SHOWN_MESSAGES = 3
_REMARKS = (
    "function.called",
    "function.call.left_alone",
    "function.group.ok",
    "intake.",
    "kd.call.left_alone",
    "kd.called",
    "kd.hard_term.ok",
    "kd.remark.",
    "kd.soft_term.ok",
    "model.unused_parameters",
)
"""Beginnings of the ids of messages that explain no lost points."""
_LATER_STAGES = frozenset({"measuring", "distillation", "own_loss", "curve"})
"""Stages after the last verdict; what they measure changes no points."""
_LOST = frozenset({Verdict.NONE, Verdict.PARTIAL})
_CONTESTABLE = _LOST | {Verdict.FAULT}
_MAY_BE_MEASURED = frozenset({Verdict.PENDING, Verdict.FULL, Verdict.NEEDS_REVIEW})
"""Verdicts of a network that may still get a measured curve."""


@dataclass(frozen=True)
class NextStep:
    """What to do next, and the question that it is about."""

    text: str
    number: str


def status(report: Report, tag: str) -> str:
    """The state of the grading in one or two short sentences: while it runs, what is being measured."""
    if report.state is not State.RUNNING:
        return language.text(tag, f"status_{report.state}")
    progress = report.progress
    if progress is not None and is_measuring(report):
        key = f"stage_{progress.stage}" if progress.total else "stage_measuring"
        return language.text(tag, key, done=progress.done, total=progress.total)
    told = sum(question.verdict is not Verdict.PENDING for question in report.questions)
    landed = language.text(tag, "landed", landed=told, count=len(report.questions))
    part = next((part for part in report.parts if progress is not None and part.name == progress.stage), None)
    if part is None or progress is None:
        return landed
    checking = language.text(tag, "checking_part", part=part.title, done=progress.done, total=progress.total)
    return f"{checking} {landed}"


def is_measuring(report: Report) -> bool:
    """Whether all verdicts are there and only measurements are missing, which change no points."""
    return report.progress is not None and report.progress.stage in _LATER_STAGES


def next_step(report: Report, assignment: Assignment, tag: str) -> NextStep | None:
    """The step that is worth most after a grading; ``None`` if no step of the student can earn points."""
    if report.state is not State.GRADED:
        return None
    worth: dict[tuple[str, str], float] = {}
    first: dict[tuple[str, str], QuestionReport] = {}
    uploaded = {part.name for part in report.parts}
    for question in report.questions:
        action = _action(question, assignment, uploaded)
        if action is not None:
            worth[action] = worth.get(action, 0.0) + question.max_score - (question.score or 0.0)
            first.setdefault(action, question)
    if not worth:
        return None
    best = max(worth, key=lambda action: worth[action])
    question, (kind, name) = first[best], best
    part = filters.localised(assignment.part(name).title, tag) if kind == "add" else ""
    points = filters.points(worth[best])
    text = language.text(tag, f"next_{kind}", part=part, number=question.number, title=question.title, points=points)
    return NextStep(text, question.number)


def _action(question: QuestionReport, assignment: Assignment, uploaded: Collection[str]) -> tuple[str, str] | None:
    """What would earn the points of a question: a part to add, a question to answer, or one to correct."""
    rubric = {item.number: item for item in assignment.questions}.get(question.number)
    if question.verdict is Verdict.NOT_SUBMITTED and rubric is not None:
        if assignment.part_names(PartKind.ANSWERS, rubric):
            return "answer", question.number
        missing = [name for name in rubric.parts if name not in uploaded]
        if missing:
            return "add", missing[0]
    is_lost = question.verdict in _LOST or question.verdict is Verdict.NOT_SUBMITTED
    return ("correct", question.number) if is_lost else None


def contestable(report: Report) -> frozenset[str]:
    """The questions for which a request to regrade makes sense: graded, told, below full points, not in review."""
    if report.state is not State.GRADED:
        return frozenset()
    return frozenset(question.number for question in report.questions if question.verdict in _CONTESTABLE)


def question_rows(report: Report, rows: Sequence[dict[str, Any]], assignment: Assignment) -> list[dict[str, Any]]:
    """The questions of a report as its template shows them: ``rows`` are those of the API."""
    questions = {question.number: question for question in assignment.questions}
    is_running = not report.state.ended
    interim = report.progress.interim if report.progress is not None else {}
    pictures = {part.name for part in report.parts if part.kind is PartKind.PICTURE}
    may_have_network = is_running and any(
        registry.of(questions[question.number]).entry_kind is EntryKind.NETWORK and question.verdict in _MAY_BE_MEASURED
        for question in report.questions
    )
    result = []
    for row, question in zip(rows, report.questions, strict=True):
        shown, remarks = split_messages(question)
        has_later_stage = type(registry.of(questions[question.number])).later is not Check.later
        result.append(
            {
                **row,
                "group": question.number.partition(".")[0],
                "revision": question.revision,
                "shown": shown,
                "remarks": remarks,
                "interim": interim.get(question.number),
                "awaits_plot": is_running and not pictures.isdisjoint(questions[question.number].parts),
                "awaits_curve": may_have_network and has_later_stage,
            }
        )
    return result


def split_messages(question: QuestionReport) -> tuple[list[str], list[str]]:
    """The sentences of a question that its card shows, and the remarks that it folds away."""
    shown: list[str] = []
    remarks: list[str] = []
    for index, message in enumerate(question.messages):
        explains_review = index == 0 or question.verdict is Verdict.NEEDS_REVIEW
        is_remark = message.id in SKIPPED or (message.id.startswith(_REMARKS) and not explains_review)
        (remarks if is_remark or len(shown) >= _SHOWN_MESSAGES else shown).append(message.text)
    return shown, remarks
