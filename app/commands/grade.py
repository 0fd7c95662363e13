"""`assay grade`: the whole grading on this machine, without a server or a database."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.status import Status

from app.commands import parts, report
from app.commands.configuration import settings
from app.commands.failures import UnusableInput
from app.commands.parts import Sources
from app.commands.report import VerdictList
from grader import assignment as assignments
from grader import assignment_check, data, grade, messages, remaining
from grader.answers import AnswersError, read_answers
from grader.assignment import Assignment
from grader.evidence import Evidence
from grader.parts import PartKind
from grader.reading import reader
from grader.report import localised, question_report
from grader.sandbox.supervisor import Sandbox
from grader.submission import Repair


class _Observer:
    """The observer of the grading: prints each verdict when it is there, beside a spinner with the stage."""

    def __init__(self, assignment: Assignment, language: str, status: Status, verdicts: VerdictList | None) -> None:
        self._assignment = assignment
        self._language = language
        self._status = status
        self._live = report.LiveStatus(status)
        self._verdicts = verdicts
        self._evidence: dict[str, Evidence] = {}

    def progress(self, stage: str, done: int, total: int) -> None:
        self._live.progress(stage, done, total)

    def question(self, number: str, evidence: Evidence) -> None:
        self._evidence[number] = evidence
        if self._verdicts is None:
            return
        self._status.stop()  # else the spinner and the list write on one line
        for question in self._assignment.questions:
            is_new = question.number == number or not self._verdicts.has(question.number)
            if is_new and remaining.has_verdict(self._assignment, question, self._evidence):
                self._print(self._verdicts, question.number)
        self._status.start()

    def _print(self, verdicts: VerdictList, number: str) -> None:
        question = question_report(self._assignment, number, self._evidence[number], self._language)
        # The report says once, at the end, what was skipped for any question.
        notes = tuple(message for message in question.messages if message.id not in messages.SKIPPED)
        verdicts.add(question.model_copy(update={"messages": notes}).model_dump(mode="json"))

    def interim(self, number: str, fields: Mapping[str, Any]) -> None:
        """What is not yet measured to its end has no place in a terminal."""

    def picture(self, data: bytes) -> None:
        """The re-encoded picture has no place in a terminal."""

    def artefact(self, data: bytes) -> None:
        """The exported model has no place in a terminal either."""

    def commit(self) -> None:
        """Each verdict is shown at once."""


DEFAULT_ASSIGNMENT = "hw13"


def run(
    sandbox: Sandbox, name: str | None, sources: Sources, repair: Repair, language: str, as_json: bool, quick: bool
) -> None:
    """Grade one submission in a sandbox that is warming up, and print its report. Raises `CommandError`."""
    assignment = load_assignment(name if name is not None else slug_of_folders(sources.paths))
    submitted = parts.collect(assignment.parts, sources)
    for line in parts.output_remarks(assignment.parts, submitted):
        typer.echo(line, err=True)
    for part in assignment.part_names(PartKind.ANSWERS):
        if part in submitted:
            try:
                read_answers(submitted[part].data)
            except AnswersError as error:
                raise UnusableInput(f"{part}: {error}") from error
    reader.launch()
    data.use(settings().data_dir)
    with Console(stderr=True).status("starting the sandbox") as status:
        sandbox.start()
        status.stop()
        verdicts = None if as_json else VerdictList(Console(file=sys.stdout), localised(assignment.title, language))
        status.start()
        graded = grade(
            submitted,
            assignment,
            repair=repair,
            language=language,
            sandbox=sandbox,
            observer=_Observer(assignment, language, status, verdicts),
            quick=quick,
        )
    result = graded.model_dump(mode="json")
    if verdicts is None:
        report.emit(result, as_json)
    else:
        verdicts.close(result)


def slug_of_folders(paths: Sequence[Path]) -> str:
    """The longest slug of a bundled assignment with which the name of a folder begins, else ``hw13``."""
    names = [path.resolve().name for path in paths if path.is_dir()]
    slugs = [slug for slug in assignments.bundled_slugs() if any(name.startswith(slug) for name in names)]
    return max(slugs, key=len, default=DEFAULT_ASSIGNMENT)


def load_assignment(name: str) -> Assignment:
    """The assignment with this slug among those that ship with Assay, or the one in this folder.

    Raises `UnusableInput`.
    """
    try:
        return assignments.bundled(name)
    except KeyError:
        pass
    if not (Path(name) / assignment_check.MAIN).is_file():
        slugs = ", ".join(assignments.bundled_slugs())
        raise UnusableInput(f"there is no assignment {name!r}; there is: {slugs}, or name an assignment's folder")
    assignment, faults = assignment_check.check(Path(name))
    if assignment is None or faults:
        raise UnusableInput(f"the assignment in {name} cannot be used: {'; '.join(map(str, faults))}")
    return assignment
