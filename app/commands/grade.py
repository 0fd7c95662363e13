"""`assay grade`: the whole grading on this machine, without a server or a database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.status import Status

from app.commands import parts, report
from app.commands.configuration import settings
from app.commands.failures import CommandError, ExitCode, UnusableInput
from app.commands.parts import Sources
from grader import assignment as assignments
from grader import assignment_check, data, grade
from grader.answers import AnswersError, read_answers
from grader.assignment import Assignment
from grader.evidence import Evidence
from grader.parts import PartKind
from grader.report import question_report
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import FloorNotMet, Sandbox
from grader.submission import Repair


class _Progress:
    """The observer of the grading: shows points and stages beside a spinner."""

    def __init__(self, assignment: Assignment, language: str, status: Status) -> None:
        self._assignment = assignment
        self._language = language
        self._status = report.LiveStatus(status)

    def progress(self, stage: str, done: int, total: int) -> None:
        self._status.progress(stage, done, total)

    def question(self, number: str, evidence: Evidence) -> None:
        question = question_report(self._assignment, number, evidence, self._language)
        self._status.question(question.model_dump(mode="json"))

    def picture(self, data: bytes) -> None:
        """The re-encoded picture has no place in a terminal."""

    def artefact(self, data: bytes) -> None:
        """The exported model has no place in a terminal either."""

    def commit(self) -> None:
        """Each verdict is shown at once."""


DEFAULT_ASSIGNMENT = "hw13"


def run(name: str | None, sources: Sources, repair: Repair, language: str, as_json: bool) -> None:
    """Grade one submission and print its report. Raises `CommandError`."""
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
    with Console(stderr=True).status("starting the sandbox") as status, warm_sandbox() as sandbox:
        progress = _Progress(assignment, language, status)
        graded = grade(
            submitted,
            assignment,
            repair=repair,
            language=language,
            sandbox=sandbox,
            observer=progress,
        )
    report.emit(graded.model_dump(mode="json"), as_json)


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


@contextmanager
def warm_sandbox() -> Iterator[Sandbox]:
    """A sandbox that has started, with the imported data sets in reach.

    Raises `CommandError`, also for a fault of ours inside the block.
    """
    data.use(settings().data_dir)
    sandbox = Sandbox()
    try:
        sandbox.start()
        yield sandbox
    except FloorNotMet as error:
        raise CommandError(str(error), ExitCode.FLOOR_NOT_MET) from error
    except InfrastructureFault as error:
        raise CommandError(f"the sandbox failed, not your code: {error}; try again", ExitCode.FAILED) from error
    finally:
        sandbox.close()
