"""The way of one hand-in through the engine: intake, sandbox, checks, evidence. Decides no points.

The model and the loss are examined at the same time, each in a child of its own, so that neither can disturb the
other and the first verdicts come together.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np

from grader import intake, measuring
from grader.assignment import Assignment, Question
from grader.checks import architecture, choice, claims, confirmation, kd_loss, pruning, summary
from grader.evidence import (
    AnyEvidence,
    ArchitectureEvidence,
    ChoiceEvidence,
    CodeEvidence,
    Fault,
    KDLossEvidence,
    Note,
    Outcome,
    PruningEvidence,
    SummaryEvidence,
)
from grader.handin import HandIn, Part
from grader.sandbox.child import LockedChild
from grader.sandbox.policy import Limits
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import Cancelled, Sandbox

__all__ = ["Cancelled", "Grading", "InfrastructureFault", "Observer", "grade"]

_log = logging.getLogger(__name__)
_Code = TypeVar("_Code", bound=CodeEvidence)
_EVIDENCE: dict[str, Callable[..., AnyEvidence]] = {
    "architecture": ArchitectureEvidence,
    "summary": SummaryEvidence,
    "kd_loss": KDLossEvidence,
    "choice": ChoiceEvidence,
    "pruning": PruningEvidence,
}


class Observer(Protocol):
    """Told of each step as it lands. Calls come from several threads, but never two at once."""

    def progress(self, stage: str, done: int, total: int) -> None:
        """A stage (``intake``, ``model``, ``loss``, ...) has ``done`` of ``total`` steps behind it."""

    def question(self, number: str, evidence: AnyEvidence) -> None:
        """The evidence of one question. A later call for the same question takes the place of the earlier."""

    def picture(self, data: bytes) -> None:
        """The pruning plot, re-encoded: safe to show."""

    def artefact(self, data: bytes) -> None:
        """The model as ONNX, as it was exported and audited."""


@dataclass
class Grading:
    """One finished run: evidence by question number, what the sandbox was, seconds by stage."""

    evidence: dict[str, AnyEvidence] = field(default_factory=dict)
    sandbox: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)


def grade(
    assignment: Assignment,
    handin: HandIn,
    sandbox: Sandbox,
    observer: Observer | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Grading:
    """Measure every question of the assignment on this hand-in.

    Raises `InfrastructureFault` when the run must be repeated, `Cancelled` when ``cancelled`` turned true. An error in
    a check of ours becomes evidence with the fault ``grader``, and the other questions are graded all the same.
    """
    return _Run(assignment, handin, sandbox, observer, cancelled).run()


class _Run:
    def __init__(
        self,
        assignment: Assignment,
        handin: HandIn,
        sandbox: Sandbox,
        observer: Observer | None,
        cancelled: Callable[[], bool],
    ) -> None:
        self.assignment, self.handin, self.sandbox, self.observer = assignment, handin, sandbox, observer
        self._cancelled = cancelled
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._grading = Grading(sandbox=dict(sandbox.report))
        self._limits = sandbox.policy.limits.override(assignment.sandbox)
        self._patient = self._limits.override(sandbox.policy.measuring)
        self._confirmed: tuple[ArchitectureEvidence, bytes] | None = None

    def cancelled(self) -> bool:
        """Called off from outside, or given up because the other half failed."""
        return self._stop.is_set() or self._cancelled()

    def run(self) -> Grading:
        begun = time.perf_counter()
        halves = (self._written_answers, self._model_and_summary, self._loss)
        with ThreadPoolExecutor(len(halves), thread_name_prefix="check") as pool:
            futures: list[Future[None]] = [pool.submit(contextvars.copy_context().run, half) for half in halves]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            if any(future.exception() for future in done):
                self._stop.set()
        errors = [error for future in futures if (error := future.exception())]
        # The half that was stopped reports Cancelled; the fault that stopped it is the one to raise.
        for error in sorted(errors, key=lambda error: isinstance(error, Cancelled)):
            raise error
        if self._confirmed is not None:
            with self._timed("measuring"):
                self._measure(*self._confirmed)
        elif "weights" in self.handin.parts:
            self._say_weights_are_idle()
        self._grading.timings["total"] = time.perf_counter() - begun
        return self._grading

    # -- parts --------------------------------------------------------------------------------------------------

    def _written_answers(self) -> None:
        answers = self.handin.parts.get("answers")
        read: Mapping[str, str] | None = None
        if answers is not None:
            with contextlib.suppress(choice.AnswersError):
                read = choice.read_answers(answers.data)
        for question in self._questions("choice"):
            with self._measuring(question):
                self._emit(question, choice.measure(read, question))
        for question in self._questions("pruning"):
            with self._measuring(question):
                plot, points = self.handin.parts.get("pruning_plot"), self.handin.parts.get("pruning_points")
                evidence, picture = pruning.measure(plot.data if plot else None, points.data if points else None)
                if picture is not None and self.observer is not None:
                    with self._lock:
                        self.observer.picture(picture)
                self._emit(question, evidence)

    def _model_and_summary(self) -> None:
        for question in self._questions("architecture"):
            with self._measuring(question):
                self._model(question)
            return
        self._summary(None)

    def _summary(self, model: ArchitectureEvidence | None) -> None:
        pasted = self.handin.parts.get("summary")
        for question in self._questions("summary"):
            with self._measuring(question):
                if pasted is None:
                    self._emit(question, SummaryEvidence(submitted=False))
                else:
                    found = summary.measure(pasted.data, model, question)
                    self._emit(question, found.model_copy(update={"count_confirmed": _count_confirmed(model)}))

    def _model(self, question: Question) -> None:
        """First what the live model shows, and the summary compared with it; then the count on the artefact."""
        part = self.handin.parts.get("model")
        if part is None:
            self._first(question, ArchitectureEvidence(submitted=False))
            return
        limit = {"parameter_limit": self.assignment.parameter_limit}
        with self._loaded(part, "model.py", architecture.ENTRY) as (child, taken, failed):
            if child is None or failed:
                self._first(question, ArchitectureEvidence(**limit, **failed))
                return
            self._progress("model", 1, 3)
            rng = np.random.default_rng()
            found = architecture.measure(child, self.assignment, question, rng, taken.defines)
            found = _with_notes(found, taken.notes)
            self._first(question, found)
            if found.outcome is not Outcome.OK or found.parameters is None:
                return
            self._progress("model", 2, 3)
            with self._timed("confirmation"):
                found, artefact = confirmation.confirm(child, self._measuring_child, self.assignment, found, rng)
            if artefact is not None and self.observer is not None:
                with self._lock:
                    self.observer.artefact(artefact)
            self._emit(question, found)
            if not _count_confirmed(found):
                self._summary(found)
            if found.verified and artefact is not None:
                self._confirmed = found, artefact

    def _first(self, question: Question, evidence: ArchitectureEvidence) -> None:
        self._emit(question, evidence)
        self._summary(evidence)

    def _measure(self, evidence: ArchitectureEvidence, artefact: bytes) -> None:
        """What takes longer, on the artefact alone: the times that prove question 3.2, then the pruning curve.

        It only adds to what was found before: an error of ours in here costs nobody a point.
        """
        model = measuring.Model(evidence, artefact, self._training_child, self._measuring_child)
        for question in self.assignment.questions:
            known = self._grading.evidence.get(question.number)
            if known is None or known.fault is not None or self.cancelled():
                continue
            try:
                if isinstance(known, ChoiceEvidence) and known.submitted and question.options.get("measure_times"):
                    self._emit(question, measuring.proof(self.assignment, known, model))
                uploaded = self.handin.parts.get("weights")
                if isinstance(known, PruningEvidence) and (known.submitted or uploaded):
                    weights = uploaded.data if uploaded else None
                    found = measuring.pruning_curve(self.assignment, question, known, model, weights, self._progress)
                    self._emit(question, found)
            except (InfrastructureFault, Cancelled):
                raise
            except Exception:  # noqa: BLE001 - whatever it is, it is ours
                _log.exception("question %s could not be measured further", question.number)
                lost = Note(id="weights.not_measured", params={"outcome": str(Fault.GRADER)})
                if isinstance(known, PruningEvidence):
                    self._emit(question, known.model_copy(update={"notes": (*known.notes, lost)}))

    def _say_weights_are_idle(self) -> None:
        for question in self._questions("pruning"):
            known = self._grading.evidence.get(question.number)
            if isinstance(known, PruningEvidence) and known.fault is None:
                idle = Note(id="weights.no_model")
                self._emit(question, known.model_copy(update={"notes": (*known.notes, idle)}))

    @contextlib.contextmanager
    def _training_child(self) -> Iterator[LockedChild | None]:
        part = self.handin.parts["model"]
        with self._loaded(part, "model.py", architecture.ENTRY, "distillation", self._patient) as (child, _, failed):
            yield None if failed else child

    def _measuring_child(self) -> contextlib.AbstractContextManager[LockedChild]:
        return self.sandbox.child(self._patient, self.cancelled, role="measure")

    def _loss(self) -> None:
        for question in self._questions("kd_loss"):
            with self._measuring(question):
                self._emit(question, self._loss_evidence(question))

    def _loss_evidence(self, question: Question) -> KDLossEvidence:
        part = self.handin.parts.get("loss") or self._notebook_with_loss()
        if part is None:
            return KDLossEvidence(submitted=False)
        limits = self.sandbox.policy.limits.override({**kd_loss.LIMITS, **self.assignment.sandbox})
        with self._loaded(part, "loss.py", kd_loss.ENTRY, limits=limits) as (child, taken, failed):
            if child is None or failed:
                return KDLossEvidence(**failed)
            self._progress("loss", 1, 2)
            found = kd_loss.measure(child, self.assignment, question, np.random.default_rng(), defines=taken.defines)
            return _with_notes(found, taken.notes)

    def _notebook_with_loss(self) -> Part | None:
        """The model part, when it holds the loss too and none was handed in by itself."""
        part = self.handin.parts.get("model")
        return part if part is not None and intake.defines(part, kd_loss.ENTRY) else None

    # -- source to child ----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _loaded(
        self, part: Part, filename: str, entry: str, stage: str | None = None, limits: Limits | None = None
    ) -> Iterator[tuple[LockedChild | None, _Taken, dict[str, Any]]]:
        """A child that has run the part's source; or how that failed, as fields of the evidence."""
        stage = stage or filename.removesuffix(".py")
        prelude = self.assignment.prelude_source()
        with self._timed(f"intake.{stage}"):
            taken = intake.read(part, entry, intake.defined_names(prelude), self.handin.repair)
        source = taken.source
        if source is None:
            missing = {"missing_names": taken.missing_names, "notes": taken.notes}
            failed = {"outcome": Outcome.ERROR, "stage": "intake", "error": taken.error, **missing}
            yield None, _Taken(taken.notes, ()), failed
            return
        with self._timed(stage), self.sandbox.child(limits or self._limits, self.cancelled) as child:
            texts = {"source": source, "prelude": prelude, "filename": filename}
            reply = child.request("load", {**texts, "without_cuda": "cuda" in source})
            names = reply.meta.get("defines")
            defines = tuple(claims.text(name) for name in names[:500]) if isinstance(names, list) else ()
            failed = {}
            if reply.outcome is not Outcome.OK:
                failed = {**claims.failure(reply, "load"), "stdout": child.stdout, "notes": taken.notes}
            yield child, _Taken(taken.notes, defines), failed

    # -- bookkeeping --------------------------------------------------------------------------------------------

    def _questions(self, check: str) -> list[Question]:
        return [question for question in self.assignment.questions if question.check == check]

    @contextlib.contextmanager
    def _measuring(self, question: Question) -> Iterator[None]:
        """An unexpected error in here is the grader's own fault: recorded for this question, and logged."""
        try:
            if self.cancelled():
                raise Cancelled
            yield
        except (InfrastructureFault, Cancelled):
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it is ours and must not cost the other questions
            _log.exception("question %s could not be measured", question.number)
            self._emit(question, _EVIDENCE[question.check](fault=Fault.GRADER))

    @contextlib.contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._grading.timings[stage] = time.perf_counter() - begun

    def _progress(self, stage: str, done: int, total: int) -> None:
        if self.observer is not None:
            with self._lock:
                self.observer.progress(stage, done, total)

    def _emit(self, question: Question, evidence: AnyEvidence) -> None:
        with self._lock:
            self._grading.evidence[question.number] = evidence
            if self.observer is not None:
                self.observer.question(question.number, evidence)
                self.observer.progress("questions", len(self._grading.evidence), len(self.assignment.questions))


@dataclass(frozen=True)
class _Taken:
    """What intake said of a part, and what its source bound at top level."""

    notes: tuple[Note, ...]
    defines: tuple[str, ...]


def _with_notes(evidence: _Code, notes: tuple[Note, ...]) -> _Code:
    if evidence.outcome is Outcome.OK:
        # Whoever ran through needed no value of it.
        notes = tuple(note for note in notes if note.id != "intake.settings_missing")
    return evidence.model_copy(update={"notes": (*evidence.notes, *notes)})


def _count_confirmed(model: ArchitectureEvidence | None) -> bool | None:
    if model is None or model.verification == "pending":
        return None
    carried = model.artefact.parameters if model.artefact is not None else 0
    return model.verified and carried >= (model.parameters or 0)
