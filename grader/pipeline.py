"""The way of one submission through the engine: intake, sandbox, checks, evidence. It decides no points.

The first stage gives every question its verdict. Questions that run code are examined at the same time, and no code of
another question decides a verdict, so that neither can disturb the other and the first verdicts come together. There is
one rule for evidence that rests on other evidence: when that lands, the question is examined again. The later stage
(`grader.later_stage`) takes a minute of one core and only adds to the evidence.
"""

from __future__ import annotations

import contextlib
import contextvars
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Any

from grader import later_stage
from grader.assignment import Assignment, Question
from grader.checks import registry
from grader.context import Grading, GradingContext, Observer
from grader.evidence import Evidence, Fault
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import Cancelled, Sandbox
from grader.submission import SubmittedParts

__all__ = ["Cancelled", "Grading", "InfrastructureFault", "Observer", "grade", "run_first_stage"]

MOST_TRACKS = 4
"""Questions examined at the same time: each may have two children, and several gradings run beside each other."""


def grade(
    assignment: Assignment,
    submission: SubmittedParts,
    sandbox: Sandbox,
    observer: Observer | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
    quick: bool = False,
) -> Grading:
    """Run both stages, one after the other. Raises as `run_first_stage` does.

    ``quick`` leaves out the later stage, and of the first the confirmation of a model's count.
    """
    grading = run_first_stage(assignment, submission, sandbox, observer, is_cancelled, quick)
    if not quick and later_stage.is_due(assignment, submission, grading):
        later_stage.run(assignment, submission, grading, sandbox, observer, is_cancelled)
    return grading


def run_first_stage(
    assignment: Assignment,
    submission: SubmittedParts,
    sandbox: Sandbox,
    observer: Observer | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
    quick: bool = False,
) -> Grading:
    """Measure evidence of every question, enough for its points. `later_stage.is_due` tells whether there is more.

    Raises `InfrastructureFault` when the run must be repeated, `Cancelled` once ``is_cancelled`` returns true. An error
    in a check of ours becomes evidence with the fault ``grader``, and the other questions are still graded.
    """
    grading = Grading(sandbox=dict(sandbox.report))
    stage = _FirstStage(assignment, submission, sandbox, observer, is_cancelled, grading, quick)
    with contextlib.closing(stage):
        stage.run()
    return grading


class _FirstStage(GradingContext):
    """Examines every question, and again when evidence lands on which it rests."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._checks = {question.number: registry.of(question) for question in self.assignment.questions}
        self._in_progress: set[str] = set()
        self._again: set[str] = set()

    def run(self) -> None:
        begin = time.perf_counter()
        self.limit_wall_time(self.sandbox.policy.first_stage.wall_times * self.limits.wall_seconds)
        tracks = self._tracks()
        with ThreadPoolExecutor(min(len(tracks), MOST_TRACKS), thread_name_prefix="check") as pool:
            futures: list[Future[None]] = [
                pool.submit(contextvars.copy_context().run, self._examine_all, track) for track in tracks
            ]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            if any(future.exception() for future in done):
                self.stop.set()
        errors = [error for future in futures if (error := future.exception())]
        # A track that was stopped reports Cancelled; raise the fault that stopped it first.
        for error in sorted(errors, key=lambda error: isinstance(error, Cancelled)):
            raise error
        self._examine_last()
        self.grading.timings["total"] = time.perf_counter() - begin

    def _tracks(self) -> list[list[Question]]:
        """The questions by thread: each that runs code has its own, all others share one."""
        questions = self.assignment.questions
        alone = [[question] for question in questions if self._checks[question.number].runs_code]
        return [[question for question in questions if not self._checks[question.number].runs_code], *alone]

    def _examine_all(self, questions: Sequence[Question]) -> None:
        for question in questions:
            self._examine(question)
        self.commit()

    def _examine_last(self) -> None:
        for question in self.assignment.questions:
            with self.contain_faults(question):
                evidence = self._checks[question.number].examine_last(self, question)
                if evidence is not None:
                    self._record(question, evidence)

    def _examine(self, question: Question) -> None:
        """Examine a question; if another thread is at it, that one does it again."""
        number = question.number
        with self.lock:
            self._again.add(number)
            if number in self._in_progress:
                return
            self._in_progress.add(number)
        while self._begin_again(number):
            with self.contain_faults(question, self._record_fault):
                evidence = self._checks[number].examine(self, question)
                if evidence is not None:
                    self._record(question, evidence)

    def _begin_again(self, number: str) -> bool:
        with self.lock:
            if number in self._again:
                self._again.remove(number)
                return True
            self._in_progress.remove(number)
            return False

    def record_evidence(self, question: Question, evidence: Evidence) -> None:
        """Show provisional evidence, with what follows from it for other questions."""
        self._record(question, evidence)
        self.commit()

    def _record_fault(self, question: Question) -> None:
        self._record(question, self._checks[question.number].evidence_type(fault=Fault.GRADER))

    def _record(self, question: Question, evidence: Evidence) -> None:
        if self.grading.evidence.get(question.number) == evidence:
            return
        super().record_evidence(question, evidence)
        for other in self.assignment.questions:
            if isinstance(evidence, self._checks[other.number].rests_on(other)):
                self._examine(other)
