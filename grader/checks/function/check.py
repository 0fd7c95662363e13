"""The check `function`: a function of the student's is compared with the author's reference on tensors."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from grader.assignment import Assignment, Question
from grader.check import Check
from grader.checks.function import function_replay, measure, rubric
from grader.checks.function import score as scoring
from grader.checks.function.author import Author, AuthorFault
from grader.checks.function.evidence import FunctionEvidence
from grader.checks.function.options import AuthorFiles, FunctionOptions, author_files, problems
from grader.context import GradingContext, LoadFailure
from grader.evidence import Fault
from grader.rubric import Progress, RubricTrial
from grader.sandbox.supervisor import Sandbox
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
        entry = self.options(question).entry
        try:
            files = author_files(context.assignment, question)
            files.mistakes  # noqa: B018 - read here, so that an unusable docstring is the author's fault
        except ValueError as error:
            return _author_fault(context, question, error)
        try:
            with context.load_part(part, question, stage=entry) as loaded:
                if isinstance(loaded, LoadFailure):
                    return FunctionEvidence(**loaded.fields)
                with _AuthorChild(context, files) as author:
                    key = (context.assignment.digest, question.number, entry)
                    evidence = measure.measure(
                        loaded.child, entry, files, author, key, np.random.default_rng(), loaded.defined_names
                    )
                return loaded.with_notes(evidence)
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


class _AuthorChild:
    """Opens the author's child when it is first asked for."""

    def __init__(self, context: GradingContext, files: AuthorFiles) -> None:
        self._context, self._folder = context, files.options.folder
        self._opened = contextlib.ExitStack()
        self._author: Author | None = None

    def __call__(self) -> Author:
        if self._author is None:
            child = self._opened.enter_context(self._context.open_child(self._context.limits))
            self._author = Author(child, self._context.assignment.prelude_source(), self._folder)
        return self._author

    def __enter__(self) -> _AuthorChild:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()
