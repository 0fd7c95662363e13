"""`assay grade`: the whole grading on this machine, without a server or a database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.status import Status

from app.commands import report
from app.commands.configuration import settings
from app.commands.failures import CommandError, ExitCode, UnusableInput
from grader import assignment as assignments
from grader import data, messages, scoring
from grader.assignment import Assignment
from grader.checks.choice import AnswersError, read_answers
from grader.evidence import AnyEvidence
from grader.handin import HandIn
from grader.pipeline import grade
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import FloorNotMet, Sandbox
from grader.version import GRADER_VERSION


class _Progress:
    """The pipeline's observer: tells what has landed."""

    def __init__(self, assignment: Assignment, language: str, status: Status) -> None:
        self._assignment = assignment
        self._language = language
        self._landed = report.Landed(status)

    def progress(self, stage: str, done: int, total: int) -> None:
        self._landed.progress(stage, done, total)

    def question(self, number: str, evidence: AnyEvidence) -> None:
        self._landed.question(question(self._assignment, number, evidence, self._language))

    def picture(self, data: bytes) -> None:
        """The re-encoded picture has no place in a terminal."""

    def artefact(self, data: bytes) -> None:
        """Nor has the exported model."""


def run(slug: str, handin: HandIn, language: str, as_json: bool) -> None:
    """Grade one hand-in and print its report. Raises `CommandError`."""
    try:
        assignment = assignments.bundled(slug)
    except KeyError:
        known = ", ".join(assignments.bundled_slugs())
        raise UnusableInput(f"there is no assignment {slug!r}; there is: {known}") from None
    if "answers" in handin.parts:
        try:
            read_answers(handin.parts["answers"].data)
        except AnswersError as error:
            raise UnusableInput(f"answers: {error}") from error
    data.use(settings().data_dir)
    sandbox = Sandbox()
    try:
        with Console(stderr=True).status("starting the sandbox") as status:
            sandbox.start()
            observer = _Progress(assignment, language, status)
            grading = grade(assignment, handin, sandbox, observer)
    except FloorNotMet as error:
        raise CommandError(str(error), ExitCode.FLOOR_NOT_MET) from error
    except InfrastructureFault as error:
        raise CommandError(f"the sandbox broke, not your code: {error}; try again", ExitCode.FAILED) from error
    finally:
        sandbox.close()
    result = build_report(assignment, grading.evidence, language) | {
        "sandbox": grading.sandbox,
        "timings": grading.timings,
    }
    report.emit(result, as_json)


def build_report(assignment: Assignment, evidence: Mapping[str, AnyEvidence], language: str) -> dict[str, Any]:
    """The contract's report of a grading that belongs to no student and no server."""
    scores = [scoring.score(assignment, item.number, evidence.get(item.number)) for item in assignment.questions]
    return {
        "assignment": assignment.slug,
        "title": assignment.title.get(language, assignment.title["en"]),
        "state": "graded",
        "score": scoring.total(scores),
        "max_score": assignment.max_score,
        "questions": [question(assignment, item.number, evidence.get(item.number), language) for item in scores],
        "grader_version": GRADER_VERSION,
    }


def question(assignment: Assignment, number: str, evidence: AnyEvidence | None, language: str) -> dict[str, Any]:
    """One question of the contract's report."""
    item = scoring.score(assignment, number, evidence)
    title = assignment.question(number).title
    return {
        "number": number,
        "title": title.get(language, title["en"]),
        "score": item.score,
        "max_score": item.max_score,
        "verdict": item.verdict,
        "fault": item.fault,
        "messages": [{"id": note.id, "text": messages.render(note, language)} for note in item.messages],
        "evidence": None if evidence is None else evidence.model_dump(mode="json"),
        "override": None,
    }
