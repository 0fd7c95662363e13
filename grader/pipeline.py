"""The way of one submission through the engine: intake, sandbox, checks, evidence. It decides no points.

The first stage gives every question its verdict: the model and the loss are examined at the same time, each in a child
of its own, so that neither can disturb the other and the first verdicts come together. The later stage
(`grader.later_stage`) takes a minute of one core and only adds to the evidence.
"""

from __future__ import annotations

import contextlib
import contextvars
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

import numpy as np

from grader import intake, later_stage
from grader.assignment import Assignment, Question
from grader.checks.architecture import confirmation
from grader.checks.architecture import measure as architecture
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.choice import measure as choice
from grader.checks.choice import speed
from grader.checks.choice.evidence import ChoiceEvidence
from grader.checks.kd_loss import measure as kd_loss
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.checks.pruning import measure as pruning
from grader.checks.pruning.evidence import PruningEvidence
from grader.checks.summary import measure as summary
from grader.checks.summary.evidence import SummaryEvidence
from grader.context import Grading, GradingContext, LoadFailure, Observer
from grader.evidence import CodeEvidence, Note, Outcome
from grader.parts import PartKind
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import Cancelled, Sandbox
from grader.submission import SubmittedParts

__all__ = ["Cancelled", "Grading", "InfrastructureFault", "Observer", "grade", "run_first_stage"]

_Code = TypeVar("_Code", bound=CodeEvidence)


def grade(
    assignment: Assignment,
    submission: SubmittedParts,
    sandbox: Sandbox,
    observer: Observer | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Grading:
    """Run both stages, one after the other. Raises as `run_first_stage` does."""
    grading = run_first_stage(assignment, submission, sandbox, observer, is_cancelled)
    if later_stage.is_due(assignment, submission, grading):
        later_stage.run(assignment, submission, grading, sandbox, observer, is_cancelled)
    return grading


def run_first_stage(
    assignment: Assignment,
    submission: SubmittedParts,
    sandbox: Sandbox,
    observer: Observer | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Grading:
    """Measure evidence of every question, enough for its points. `later_stage.is_due` tells whether there is more.

    Raises `InfrastructureFault` when the run must be repeated, `Cancelled` once ``is_cancelled`` returns true. An error
    in a check of ours becomes evidence with the fault ``grader``, and the other questions are still graded.
    """
    grading = Grading(sandbox=dict(sandbox.report))
    _FirstStage(assignment, submission, sandbox, observer, is_cancelled, grading).run()
    return grading


class _FirstStage(GradingContext):
    def run(self) -> None:
        begin = time.perf_counter()
        self.limit_wall_time(self.sandbox.policy.first_stage.wall_times * self.limits.wall_seconds)
        tracks = (self._examine_answers, self._examine_model, self._examine_loss)
        with ThreadPoolExecutor(len(tracks), thread_name_prefix="check") as pool:
            futures: list[Future[None]] = [pool.submit(contextvars.copy_context().run, track) for track in tracks]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            if any(future.exception() for future in done):
                self.stop.set()
        errors = [error for future in futures if (error := future.exception())]
        # A track that was stopped reports Cancelled; raise the fault that stopped it first.
        for error in sorted(errors, key=lambda error: isinstance(error, Cancelled)):
            raise error
        if self.grading.artefact is not None:
            self._measure_times(self.grading.artefact)
        else:
            self._note_unused_weights()
        self.grading.timings["total"] = time.perf_counter() - begin

    # -- answers and the plot -----------------------------------------------------------------------------------

    def _examine_answers(self) -> None:
        for question in self.questions("choice"):
            with self.contain_faults(question):
                part = self.part(question, PartKind.ANSWERS)
                answers: Mapping[str, str] | None = None
                if part is not None:
                    with contextlib.suppress(choice.AnswersError):
                        answers = choice.read_answers(part.data)
                self.record_evidence(question, choice.measure(answers, question))
        for question in self.questions("pruning"):
            with self.contain_faults(question):
                plot, points = self.part(question, PartKind.PICTURE), self.part(question, PartKind.TABLE)
                evidence, picture = pruning.measure(plot.data if plot else None, points.data if points else None)
                if picture is not None and self.observer is not None:
                    with self.lock:
                        self.observer.picture(picture)
                self.record_evidence(question, evidence)
        self.commit()

    def _note_unused_weights(self) -> None:
        for question in self.questions("pruning"):
            evidence = self.grading.evidence.get(question.number)
            if self.part(question, PartKind.WEIGHTS) is None:
                continue
            if isinstance(evidence, PruningEvidence) and evidence.fault is None:
                notes = (*evidence.notes, Note(id="weights.no_model"))
                self.record_evidence(question, evidence.model_copy(update={"notes": notes}))

    # -- the model and its summary ------------------------------------------------------------------------------

    def _examine_model(self) -> None:
        question = self.assignment.by_check("architecture")
        if question is None:
            self._examine_summary(None)
            return
        with self.contain_faults(question):
            self._measure_model(question)

    def _measure_model(self, question: Question) -> None:
        """First what the live model shows; then its count, confirmed on the artefact."""
        part = self.code_part(question)
        if part is None:
            self._record_model(question, ArchitectureEvidence(submitted=False))
            return
        with self.load_part(part, "model.py", str(question.entry)) as loaded:
            if isinstance(loaded, LoadFailure):
                limit = self.assignment.parameter_limit
                self._record_model(question, ArchitectureEvidence(parameter_limit=limit, **loaded.fields))
                return
            self.report_progress("model", 1, 3)
            rng = np.random.default_rng()
            live = architecture.measure(loaded.child, self.assignment, question, rng, loaded.defined_names)
            live = _with_notes(live, loaded.notes)
            self._record_model(question, live)
            if live.outcome is not Outcome.OK or live.parameters is None:
                return
            self.report_progress("model", 2, 3)
            with self.stage_timer("confirmation"):
                evidence, artefact = confirmation.confirm(
                    loaded.child, self.open_measuring_child, self.assignment.input_shape, live, rng
                )
            if artefact is not None and self.observer is not None:
                with self.lock:
                    self.observer.artefact(artefact)
            self._record_model(question, evidence)
            if evidence.verified:
                self.grading.artefact = artefact

    def _record_model(self, question: Question, evidence: ArchitectureEvidence) -> None:
        """Record the model, and the summary compared with it."""
        self.record_evidence(question, evidence)
        self._examine_summary(evidence)
        self.commit()

    def _examine_summary(self, model: ArchitectureEvidence | None) -> None:
        for question in self.questions("summary"):
            with self.contain_faults(question):
                pasted = self.part(question, PartKind.TEXT)
                if pasted is None:
                    self.record_evidence(question, SummaryEvidence(submitted=False))
                    continue
                evidence = summary.measure(pasted.data, model, question)
                confirmed = _count_confirmed(model)
                pending = model is not None and model.parameters is not None and confirmed is None
                update: dict[str, Any] = {"count_confirmed": confirmed, "count_pending": pending}
                if model is not None and evidence.claimed_total != evidence.actual_total:
                    # The summary may be right for the model as it is in the student's notebook.
                    causes = tuple(note for note in model.notes if note.id in {*intake.REVIEW_NOTES, "intake.stand_in"})
                    update["notes"] = evidence.notes + causes
                self.record_evidence(question, evidence.model_copy(update=update))

    def _measure_times(self, artefact: bytes) -> None:
        """Add the model's time for an image, unpruned and 90% pruned, to the answer of question 3.2.

        The answer stands without the times: an error of ours in here costs no points.
        """
        for question in self.questions("choice"):
            evidence = self.grading.evidence.get(question.number)
            if not isinstance(evidence, ChoiceEvidence) or not evidence.submitted or evidence.fault is not None:
                continue
            if not question.options.get("measure_times"):
                continue
            with self.contain_faults(question, on_fault=lambda _: None):
                image = np.random.default_rng().standard_normal((1, *self.assignment.input_shape), np.float32)
                with self.stage_timer("times"), self.open_measuring_child() as child:
                    seconds = speed.times(child, artefact, image)
                if isinstance(seconds, tuple):
                    update: dict[str, Any] = {"seconds_unpruned": seconds[0], "seconds_pruned_90": seconds[1]}
                    self.record_evidence(question, evidence.model_copy(update=update))
                elif seconds in (Outcome.TIMEOUT, Outcome.MEMORY):
                    notes = (*evidence.notes, Note(id="choice.not_timed"))
                    self.record_evidence(question, evidence.model_copy(update={"notes": notes}))

    # -- the loss -----------------------------------------------------------------------------------------------

    def _examine_loss(self) -> None:
        for question in self.questions("kd_loss"):
            with self.contain_faults(question):
                self.record_evidence(question, self._measure_loss(question))
            self.commit()

    def _measure_loss(self, question: Question) -> KDLossEvidence:
        part = self.code_part(question)
        if part is None:
            return KDLossEvidence(submitted=False)
        limits = self.sandbox.policy.limits.override({**kd_loss.LIMITS, **self.assignment.sandbox})
        with self.load_part(part, "loss.py", str(question.entry), limits=limits) as loaded:
            if isinstance(loaded, LoadFailure):
                return KDLossEvidence(**loaded.fields)
            self.report_progress("loss", 1, 2)
            rng = np.random.default_rng()
            evidence = kd_loss.measure(loaded.child, self.assignment, question, rng, defined_names=loaded.defined_names)
            return _with_notes(evidence, loaded.notes)


def _with_notes(evidence: _Code, notes: tuple[Note, ...]) -> _Code:
    if evidence.outcome is Outcome.OK:
        # Code that ran to its end needed neither the missing settings nor the missing packages.
        notes = tuple(note for note in notes if note.id not in {"intake.settings_missing", "intake.module_unavailable"})
    return evidence.model_copy(update={"notes": (*evidence.notes, *notes)})


def _count_confirmed(model: ArchitectureEvidence | None) -> bool | None:
    """Whether the artefact carries the parameters that the live model has; ``None`` before its audit."""
    if model is None or model.verification == "pending":
        return None
    artefact_parameters = model.artefact.parameters if model.artefact is not None else 0
    return model.verified and artefact_parameters >= (model.parameters or 0)
