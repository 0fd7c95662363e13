"""The check `function`: a function of the student's is compared with the author's reference on tensors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from grader.assignment import Assignment, Question
from grader.check import Check
from grader.checks.function import function_replay, measure, rubric
from grader.checks.function import score as scoring
from grader.checks.function.author import Author, AuthorFault
from grader.checks.function.children import SharedChildren, own_author
from grader.checks.function.evidence import FunctionEvidence
from grader.checks.function.options import AuthorFiles, FunctionOptions, author_files, problems
from grader.context import GradingContext, LoadedPart, LoadFailure
from grader.evidence import Fault
from grader.rubric import Progress, RubricTrial
from grader.sandbox.replies import Child
from grader.sandbox.supervisor import Sandbox
from grader.submission import Part
from grader.verdicts import QuestionScore

_log = logging.getLogger(__name__)


class Function(Check[FunctionEvidence, FunctionOptions]):
    """See the module."""

    evidence_type = FunctionEvidence
    options_type = FunctionOptions
    runs_code = True
    tries_rubric = True
    facts: ClassVar = {"mistake": ("diagnosis",)}

    def inputs(self, assignment: Assignment, question: Question) -> Mapping[str, Any]:
        folder = self.options(question).folder.strip("/")
        files = {name: text for name, text in assignment.files.items() if name.startswith(f"{folder}/")}
        return {**super().inputs(assignment, question), "files": files}

    def examine(self, context: GradingContext, question: Question) -> FunctionEvidence:
        part = context.code_part(question)
        if part is None:
            return FunctionEvidence(submitted=False)
        try:
            files = author_files(context.assignment, question)
            files.mistakes  # noqa: B018 - read here, so that an unusable docstring is the author's fault
        except ValueError as error:
            return _author_fault(context, question, error)
        examination = _Examination(context, question, part, files)
        try:
            return examination.together() or examination.alone(examination.shared_author)
        except AuthorFault:
            # A file of another question may have ended the shared child.
            try:
                with own_author(context, files.options.folder) as author:
                    return examination.alone(author)
            except AuthorFault as error:
                return _author_fault(context, question, error)

    def score(self, assignment: Assignment, question: Question, evidence: FunctionEvidence) -> QuestionScore:
        return scoring.score(assignment, question, evidence)

    def replay(
        self, assignment: Assignment, question: Question, evidence: FunctionEvidence | None
    ) -> Mapping[str, str]:
        return function_replay.files(evidence, self.options(question))

    def try_rubric(
        self, sandbox: Sandbox, assignment: Assignment, question: Question, progress: Progress
    ) -> RubricTrial:
        return rubric.try_rubric(sandbox, assignment, question, progress)

    def problems(self, assignment: Assignment, question: Question) -> Iterator[tuple[str, str]]:
        yield from problems(assignment, question)


def _author_fault(context: GradingContext, question: Question, error: Exception) -> FunctionEvidence:
    _log.error("question %s of %s: %s", question.number, context.assignment.slug, error)
    return FunctionEvidence(fault=Fault.GRADER, author_error=str(error))


class _Examination:
    """One function of a submission, and how it is examined."""

    def __init__(self, context: GradingContext, question: Question, part: Part, files: AuthorFiles) -> None:
        self._context, self._question, self._part, self._files = context, question, part, files
        self._entry = files.options.entry
        self._shared = context.shared(SharedChildren)

    def shared_author(self) -> Author:
        """The author's files in the child that the questions share. Raises `InfrastructureFault`."""
        return self._shared.author(self._files.options.folder)

    def together(self) -> FunctionEvidence | None:
        """The evidence of a function that is right in the student's shared child; ``None`` for any other."""
        reading = self._context.read_part(self._part, self._entry, self._entry)
        if reading.source is None:
            return None
        name = self._context.code_name(self._question)
        with self._context.stage_timer(self._entry), self._shared.student(reading.source, name) as child:
            if child is None:
                return None
            evidence = self._measure(child, self.shared_author, explain=False)
            return LoadedPart(child, reading.notes, ()).with_notes(evidence) if evidence.is_right else None

    def alone(self, author: Callable[[], Author]) -> FunctionEvidence:
        """The evidence from a child of its own."""
        with self._context.load_part(self._part, self._question, stage=self._entry) as loaded:
            if isinstance(loaded, LoadFailure):
                return FunctionEvidence(**loaded.fields)
            return loaded.with_notes(self._measure(loaded.child, author, loaded.defined_names))

    def _measure(
        self, child: Child, author: Callable[[], Author], names: tuple[str, ...] = (), *, explain: bool = True
    ) -> FunctionEvidence:
        key = (self._context.assignment.digest, self._question.number, self._entry)
        rng = np.random.default_rng()
        return measure.measure(child, self._entry, self._files, author, key, rng, names, explain=explain)
