"""What both parts of a grading share: the observer, the clock, children that have loaded a part of the hand-in."""

from __future__ import annotations

import contextlib
import logging
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from grader import intake
from grader.assignment import Assignment, Question
from grader.checks import architecture, claims, kd_loss
from grader.evidence import (
    AnyEvidence,
    ArchitectureEvidence,
    ChoiceEvidence,
    Fault,
    KDLossEvidence,
    Note,
    Outcome,
    PruningEvidence,
    SummaryEvidence,
)
from grader.sandbox.child import LockedChild
from grader.sandbox.policy import Limits
from grader.sandbox.replies import InfrastructureFault, Reply
from grader.sandbox.spares import Role
from grader.sandbox.supervisor import Cancelled, Sandbox
from grader.submission import HandIn, Part

QUESTIONS_STAGE = "questions"
"""The stage that tells of how many questions there is evidence; told after each."""

_GPU = re.compile(r"cuda|\b(?:mps|xpu)\b")
_log = logging.getLogger(__name__)
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
    """One finished run, or the first part of one: evidence by question number, the sandbox, seconds by stage.

    ``artefact`` is the model as ONNX where its count was confirmed: what the second part measures.
    """

    evidence: dict[str, AnyEvidence] = field(default_factory=dict)
    sandbox: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    artefact: bytes | None = None


@dataclass(frozen=True)
class Taken:
    """What intake said of a part, and what its source bound at top level."""

    notes: tuple[Note, ...]
    defines: tuple[str, ...]


def _defines(reply: Reply) -> tuple[str, ...]:
    names = reply.meta.get("defines")
    return tuple(claims.text(name) for name in names[:500]) if isinstance(names, list) else ()


class Run:
    """One hand-in on its way through a part of the engine."""

    def __init__(
        self,
        assignment: Assignment,
        handin: HandIn,
        sandbox: Sandbox,
        observer: Observer | None,
        cancelled: Callable[[], bool],
        grading: Grading,
    ) -> None:
        self.assignment, self.handin, self.sandbox, self.observer = assignment, handin, sandbox, observer
        self.grading = grading
        self.limits = sandbox.policy.limits.override(assignment.sandbox)
        self.measuring_limits = self.limits
        """Limits of a child that measures an artefact."""
        self._wall_end = math.inf
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self._cancelled = cancelled

    def cancelled(self) -> bool:
        """Called off from outside, or given up because the other half failed."""
        return self.stop.is_set() or self._cancelled()

    def questions(self, check: str) -> list[Question]:
        """The questions that this check examines."""
        return [question for question in self.assignment.questions if question.check == check]

    def model_part(self) -> Part | None:
        """The part that holds the model: its own, or the loss's where that holds it instead."""
        return intake.holding(self.handin.parts, "model", architecture.ENTRY)

    def loss_part(self) -> Part | None:
        """The part that holds the loss: its own, or the model's where that holds it too."""
        return intake.holding(self.handin.parts, "loss", kd_loss.ENTRY)

    def read(self, part: Part, entry: str, stage: str) -> intake.Intake:
        """A part's source as it may run."""
        with self.timed(f"intake.{stage}"):
            return intake.read(part, entry, intake.defined_names(self.assignment.prelude_source()), self.handin.repair)

    @contextlib.contextmanager
    def loaded(
        self, part: Part, filename: str, entry: str, stage: str | None = None, limits: Limits | None = None
    ) -> Iterator[tuple[LockedChild | None, Taken, dict[str, Any]]]:
        """A child that has run the part's source; or how that failed, as fields of the evidence."""
        stage = stage or filename.removesuffix(".py")
        taken = self.read(part, entry, stage)
        if taken.source is None:
            missing = {"missing_names": taken.missing_names, "notes": taken.notes}
            failed = {"outcome": Outcome.ERROR, "stage": "intake", "error": taken.error, **missing}
            yield None, Taken(taken.notes, ()), failed
            return
        failed = {}
        with self.timed(stage):
            for attempt in (taken, taken.cautious):
                if attempt is None or attempt.source is None:
                    continue
                with self.child(limits or self.limits) as child:
                    reply = child.request("load", self.texts(attempt.source, filename))
                    if reply.outcome is Outcome.OK:
                        yield child, Taken(attempt.notes, _defines(reply)), {}
                        return
                    # The first failure is told: the second comes of what was left out.
                    failed = failed or {**claims.failure(reply, "load"), "stdout": child.stdout, "notes": taken.notes}
        yield None, Taken(taken.notes, ()), failed

    def texts(self, source: str, filename: str) -> dict[str, Any]:
        """The request that loads a source."""
        prelude = self.assignment.prelude_source()
        without_gpu = _GPU.search(source) is not None
        return {"source": source, "prelude": prelude, "filename": filename, "without_gpu": without_gpu}

    @contextlib.contextmanager
    def measuring(self, question: Question) -> Iterator[None]:
        """An unexpected error in here is the grader's own fault: recorded for this question, and logged."""
        try:
            if self.cancelled():
                raise Cancelled
            yield
        except (InfrastructureFault, Cancelled):
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it is ours and must not cost the other questions
            _log.exception("question %s could not be measured", question.number)
            self.emit(question, _EVIDENCE[question.check](fault=Fault.GRADER))

    def limit_wall_time(self, seconds: float) -> None:
        """Let the children from now on have no more wall time than this together."""
        self._wall_end = time.monotonic() + seconds

    @contextlib.contextmanager
    def child(self, limits: Limits, role: Role = "student") -> Iterator[LockedChild]:
        """A child with these limits and no more wall time than the run has left."""
        with self.sandbox.child(limits, self.cancelled, role=role) as child:
            child.shorten(max(0.0, self._wall_end - time.monotonic()))
            try:
                yield child
            finally:
                with self.lock:
                    self._wall_end += child.stalled_seconds

    def measuring_child(self) -> contextlib.AbstractContextManager[LockedChild]:
        """A child where no student code ever was."""
        return self.child(self.measuring_limits, role="measure")

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add up the seconds that this takes: a curve may be swept twice."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            with self.lock:
                spent = self.grading.timings.get(stage, 0.0)
                self.grading.timings[stage] = spent + time.perf_counter() - begun

    def progress(self, stage: str, done: int, total: int) -> None:
        """Tell the observer."""
        if self.observer is not None:
            with self.lock:
                self.observer.progress(stage, done, total)

    def emit(self, question: Question, evidence: AnyEvidence) -> None:
        """Keep the evidence of a question, and tell it."""
        with self.lock:
            self.grading.evidence[question.number] = evidence
            if self.observer is not None:
                self.observer.question(question.number, evidence)
                self.observer.progress(QUESTIONS_STAGE, len(self.grading.evidence), len(self.assignment.questions))
