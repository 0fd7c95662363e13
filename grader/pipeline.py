"""The way of one hand-in through the engine: intake, sandbox, checks, evidence. Decides no points.

It has two parts. The first gives every question its verdict: the model and the loss are examined at the same time, each
in a child of its own, so that neither can disturb the other and the first verdicts come together. The second
(`grader.later_stage`) takes a minute of one core, adds to the evidence, and decides nothing that the first has found.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

import numpy as np

from grader import intake, later_stage
from grader.assignment import Assignment, Question
from grader.checks import architecture, choice, confirmation, kd_loss, pruning, speed, summary
from grader.evidence import (
    ArchitectureEvidence,
    ChoiceEvidence,
    CodeEvidence,
    KDLossEvidence,
    Note,
    Outcome,
    PruningEvidence,
    SummaryEvidence,
)
from grader.context import Grading, Observer, Run
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import Cancelled, Sandbox
from grader.submission import HandIn

__all__ = ["Cancelled", "Grading", "InfrastructureFault", "Observer", "examine", "grade"]

_log = logging.getLogger(__name__)
_Code = TypeVar("_Code", bound=CodeEvidence)


def grade(
    assignment: Assignment,
    handin: HandIn,
    sandbox: Sandbox,
    observer: Observer | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Grading:
    """Both parts, one after the other. Raises as `examine` does."""
    grading = examine(assignment, handin, sandbox, observer, cancelled)
    if later_stage.is_due(assignment, handin, grading):
        later_stage.measure(assignment, handin, grading, sandbox, observer, cancelled)
    return grading


def examine(
    assignment: Assignment,
    handin: HandIn,
    sandbox: Sandbox,
    observer: Observer | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Grading:
    """The first part: evidence of every question, enough for its points. `later_stage.is_due` tells if there is more.

    Raises `InfrastructureFault` when the run must be repeated, `Cancelled` when ``cancelled`` turned true. An error in
    a check of ours becomes evidence with the fault ``grader``, and the other questions are graded all the same.
    """
    grading = Grading(sandbox=dict(sandbox.report))
    _Examination(assignment, handin, sandbox, observer, cancelled, grading).run()
    return grading


class _Examination(Run):
    def run(self) -> None:
        begun = time.perf_counter()
        self.limit_wall_time(self.sandbox.policy.first_stage.wall_times * self.limits.wall_seconds)
        halves = (self._written_answers, self._model_and_summary, self._loss)
        with ThreadPoolExecutor(len(halves), thread_name_prefix="check") as pool:
            futures: list[Future[None]] = [pool.submit(contextvars.copy_context().run, half) for half in halves]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            if any(future.exception() for future in done):
                self.stop.set()
        errors = [error for future in futures if (error := future.exception())]
        # The half that was stopped reports Cancelled; the fault that stopped it is the one to raise.
        for error in sorted(errors, key=lambda error: isinstance(error, Cancelled)):
            raise error
        if self.grading.artefact is not None:
            self._times(self.grading.artefact)
        elif "weights" in self.handin.parts:
            self._say_weights_are_idle()
        self.grading.timings["total"] = time.perf_counter() - begun

    # -- parts --------------------------------------------------------------------------------------------------

    def _written_answers(self) -> None:
        answers = self.handin.parts.get("answers")
        read: Mapping[str, str] | None = None
        if answers is not None:
            with contextlib.suppress(choice.AnswersError):
                read = choice.read_answers(answers.data)
        for question in self.questions("choice"):
            with self.measuring(question):
                self.emit(question, choice.measure(read, question))
        for question in self.questions("pruning"):
            with self.measuring(question):
                plot, points = self.handin.parts.get("pruning_plot"), self.handin.parts.get("pruning_points")
                evidence, picture = pruning.measure(plot.data if plot else None, points.data if points else None)
                if picture is not None and self.observer is not None:
                    with self.lock:
                        self.observer.picture(picture)
                self.emit(question, evidence)

    def _model_and_summary(self) -> None:
        for question in self.questions("architecture"):
            with self.measuring(question):
                self._model(question)
            return
        self._summary(None)

    def _summary(self, model: ArchitectureEvidence | None) -> None:
        pasted = self.handin.parts.get("summary")
        for question in self.questions("summary"):
            with self.measuring(question):
                if pasted is None:
                    self.emit(question, SummaryEvidence(submitted=False))
                else:
                    found = summary.measure(pasted.data, model, question)
                    confirmed = _count_confirmed(model)
                    pending = model is not None and model.parameters is not None and confirmed is None
                    update: dict[str, Any] = {"count_confirmed": confirmed, "count_pending": pending}
                    if model is not None and found.claimed_total != found.actual_total:
                        # It may well be the summary of the model as it is after them.
                        update["notes"] = (*found.notes, *(note for note in model.notes if note.id in intake.LEFT_OUT))
                    self.emit(question, found.model_copy(update=update))

    def _model(self, question: Question) -> None:
        """First what the live model shows, and the summary compared with it; then the count on the artefact."""
        part = self.model_part()
        if part is None:
            self._first(question, ArchitectureEvidence(submitted=False))
            return
        limit = {"parameter_limit": self.assignment.parameter_limit}
        with self.loaded(part, "model.py", architecture.ENTRY) as (child, taken, failed):
            if child is None or failed:
                self._first(question, ArchitectureEvidence(**limit, **failed))
                return
            self.progress("model", 1, 3)
            rng = np.random.default_rng()
            found = architecture.measure(child, self.assignment, question, rng, taken.defines)
            found = _with_notes(found, taken.notes)
            self._first(question, found)
            if found.outcome is not Outcome.OK or found.parameters is None:
                return
            self.progress("model", 2, 3)
            with self.timed("confirmation"):
                found, artefact = confirmation.confirm(child, self.measuring_child, self.assignment, found, rng)
            if artefact is not None and self.observer is not None:
                with self.lock:
                    self.observer.artefact(artefact)
            self.emit(question, found)
            self._summary(found)
            if found.verified:
                self.grading.artefact = artefact

    def _first(self, question: Question, evidence: ArchitectureEvidence) -> None:
        self.emit(question, evidence)
        self._summary(evidence)

    def _times(self, artefact: bytes) -> None:
        """The model's time for an image, unpruned and 90% pruned, beside the answer of question 3.2.

        It only adds to what was found before: an error of ours in here costs nobody a point.
        """
        for question in self.questions("choice"):
            known = self.grading.evidence.get(question.number)
            if not isinstance(known, ChoiceEvidence) or not known.submitted or known.fault is not None:
                continue
            if not question.options.get("measure_times"):
                continue
            if self.cancelled():
                raise Cancelled
            try:
                image = np.random.default_rng().standard_normal((1, *self.assignment.input_shape), np.float32)
                with self.timed("times"), self.measuring_child() as child:
                    seconds = speed.times(child, artefact, image)
                if isinstance(seconds, tuple):
                    update: dict[str, Any] = {"seconds_unpruned": seconds[0], "seconds_pruned_90": seconds[1]}
                    self.emit(question, known.model_copy(update=update))
                elif seconds in (Outcome.TIMEOUT, Outcome.MEMORY):
                    notes = (*known.notes, Note(id="choice.not_timed"))
                    self.emit(question, known.model_copy(update={"notes": notes}))
            except (InfrastructureFault, Cancelled):
                raise
            except Exception:  # noqa: BLE001 - whatever it is, it is ours
                _log.exception("question %s could not be timed", question.number)

    def _say_weights_are_idle(self) -> None:
        for question in self.questions("pruning"):
            known = self.grading.evidence.get(question.number)
            if isinstance(known, PruningEvidence) and known.fault is None:
                idle = Note(id="weights.no_model")
                self.emit(question, known.model_copy(update={"notes": (*known.notes, idle)}))

    def _loss(self) -> None:
        for question in self.questions("kd_loss"):
            with self.measuring(question):
                self.emit(question, self._loss_evidence(question))

    def _loss_evidence(self, question: Question) -> KDLossEvidence:
        part = self.loss_part()
        if part is None:
            return KDLossEvidence(submitted=False)
        limits = self.sandbox.policy.limits.override({**kd_loss.LIMITS, **self.assignment.sandbox})
        with self.loaded(part, "loss.py", kd_loss.ENTRY, limits=limits) as (child, taken, failed):
            if child is None or failed:
                return KDLossEvidence(**failed)
            self.progress("loss", 1, 2)
            found = kd_loss.measure(child, self.assignment, question, np.random.default_rng(), defines=taken.defines)
            return _with_notes(found, taken.notes)


def _with_notes(evidence: _Code, notes: tuple[Note, ...]) -> _Code:
    if evidence.outcome is Outcome.OK:
        # Whoever ran through needed no value of it, and has found every package.
        notes = tuple(note for note in notes if note.id not in {"intake.settings_missing", "intake.module_unavailable"})
    return evidence.model_copy(update={"notes": (*evidence.notes, *notes)})


def _count_confirmed(model: ArchitectureEvidence | None) -> bool | None:
    if model is None or model.verification == "pending":
        return None
    carried = model.artefact.parameters if model.artefact is not None else 0
    return model.verified and carried >= (model.parameters or 0)
