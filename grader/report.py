"""Grade a submission from Python, ``from grader import grade``, and the typed report of it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, SerializeAsAny

from grader import assignment as assignments
from grader import messages, pipeline, scoring, stored_evidence
from grader.answers import read_answers
from grader.assignment import Assignment
from grader.context import Grading, Observer
from grader.evidence import Evidence, Fault, Record
from grader.parts import PartKind
from grader.sandbox.supervisor import Sandbox
from grader.scoring import Verdict
from grader.submission import Part, SubmittedParts
from grader.version import GRADER_VERSION


def _read_evidence(value: object) -> object:
    """Evidence of any kind, when a report is read from its JSON data."""
    return stored_evidence.parse(value) if isinstance(value, dict) else value


class Message(Record):
    """One sentence of a report: its id in the message catalogue, and its text in the report's language."""

    id: str
    text: str


class QuestionReport(Record):
    """One question: its points, why, and the evidence they were computed from (None if nothing was measured)."""

    number: str
    title: str
    score: float
    max_score: float
    verdict: Verdict
    fault: Fault | None
    messages: tuple[Message, ...]
    evidence: Annotated[SerializeAsAny[Evidence], BeforeValidator(_read_evidence)] | None
    override: None = None
    """Points set by staff: there are none outside a service."""


class Report(Record):
    """The report of one grading. ``model_dump(mode="json")`` gives what ``assay grade --json`` prints."""

    assignment: str
    title: str
    state: Literal["graded"] = "graded"
    score: float
    max_score: float
    questions: tuple[QuestionReport, ...]
    grader_version: str
    quick: bool
    """Whether the confirmation and the curve were left out, so that the verdicts are unverified."""
    sandbox: Mapping[str, Any]
    """The layers around the student's code that held."""
    timings: Mapping[str, float]
    """Seconds by stage."""


def grade(
    parts: Mapping[str, Path | bytes | Part],
    assignment: str | Path | Assignment,
    *,
    repair: Literal["suggest", "apply"] = "suggest",
    language: str = messages.LANGUAGES[0],
    sandbox: Sandbox | None = None,
    observer: Observer | None = None,
    quick: bool = False,
) -> Report:
    """Grade a submission on this machine, its code in the sandbox, without a server or a database.

    ``parts`` are files or contents by part of the assignment; any may be absent. ``assignment`` is the slug of one that
    ships with Assay, such as ``"hw13"``, or the folder of another. ``repair`` decides whether a repair of paste damage
    is only suggested or graded. ``language`` is one of `grader.messages.LANGUAGES`. ``sandbox`` is a started one for
    several gradings, by default one is started for this grading (some seconds). ``observer`` receives each step.
    ``quick`` leaves out the confirmation of a model's count and the measured curve.

    Raises ``OSError`` for a file that cannot be read, ``KeyError`` for an unknown slug, ``ValueError`` for an unknown
    part, an unusable folder or answers that are no JSON object, `FloorNotMet` where this machine cannot run student
    code safely, and `InfrastructureFault` when the sandbox failed. Errors of the student's code are in the report.
    """
    if isinstance(assignment, str):
        assignment = assignments.bundled(assignment)
    elif isinstance(assignment, Path):
        assignment = assignments.load(assignment)
    names = [part.name for part in assignment.parts]
    unknown = [name for name in parts if name not in names]
    if unknown:
        raise ValueError(f"unknown parts {unknown}; there are {', '.join(names)}")
    submission = SubmittedParts({name: _part(content) for name, content in parts.items()}, repair)
    for name in assignment.part_names(PartKind.ANSWERS):
        if name in submission.parts:
            read_answers(submission.parts[name].data)
    with contextlib.nullcontext(sandbox) if sandbox is not None else Sandbox() as started:
        grading = pipeline.grade(assignment, submission, started, observer, quick=quick)
    return _report(assignment, grading, language, quick)


def question_report(
    assignment: Assignment, number: str, evidence: Evidence | None, language: str = messages.LANGUAGES[0]
) -> QuestionReport:
    """The report of one question; ``pending`` without evidence."""
    return _question_report(assignment, scoring.score(assignment, number, evidence), evidence, language)


def _question_report(
    assignment: Assignment, score: scoring.QuestionScore, evidence: Evidence | None, language: str
) -> QuestionReport:
    number = score.number
    return QuestionReport(
        number=number,
        title=localised(assignment.question(number).title, language),
        score=score.score,
        max_score=score.max_score,
        verdict=score.verdict,
        fault=score.fault,
        messages=tuple(Message(id=note.id, text=messages.render(note, language)) for note in score.messages),
        evidence=evidence,
    )


def _report(assignment: Assignment, grading: Grading, language: str, quick: bool) -> Report:
    evidence = {question.number: grading.evidence.get(question.number) for question in assignment.questions}
    scores = [scoring.score(assignment, number, item) for number, item in evidence.items()]
    said = messages.once_a_report(score.messages for score in scores)
    shown = [score.model_copy(update={"messages": notes}) for score, notes in zip(scores, said, strict=True)]
    return Report(
        assignment=assignment.slug,
        title=localised(assignment.title, language),
        score=scoring.total(scores),
        max_score=assignment.max_score,
        questions=tuple(_question_report(assignment, score, evidence[score.number], language) for score in shown),
        grader_version=GRADER_VERSION,
        quick=quick,
        sandbox=grading.sandbox,
        timings=grading.timings,
    )


def localised(text: Mapping[str, str], language: str) -> str:
    """The text in a language, else in English."""
    return text.get(language, text[messages.LANGUAGES[0]])


def _part(content: Path | bytes | Part) -> Part:
    if isinstance(content, Path):
        return Part(content.read_bytes(), content.name)
    if isinstance(content, bytes):
        return Part(content)
    if isinstance(content, Part):
        return content
    raise TypeError(f"a part is a pathlib.Path or bytes, not {type(content).__name__}")
