"""What both stages of a grading share: the observer, the time limits, and children that have loaded a part."""

from __future__ import annotations

import contextlib
import logging
import math
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from grader import intake
from grader.assignment import Assignment, Question
from grader.evidence import CodeEvidence, Evidence, Observation, Outcome
from grader.intake import EntryKind
from grader.parts import PartKind
from grader.reading import reader
from grader.reading.reader import CodeReading, EntryPoint, Reader, Reading
from grader.sandbox import claims
from grader.sandbox.child import LockedChild
from grader.sandbox.policy import Limits
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.spares import Role
from grader.sandbox.supervisor import Cancelled, Sandbox
from grader.submission import Part, SubmittedParts

if TYPE_CHECKING:
    from grader.check import Check

QUESTIONS_STAGE = "questions"
"""The stage whose progress is the number of questions with evidence; reported after each question."""

_GPU = re.compile(r"cuda|\b(?:mps|xpu)\b")
_MOST_DEFINED_NAMES = 500
_log = logging.getLogger(__name__)
_ONLY_OF_FAILURES = frozenset({intake.IntakeFact.SETTINGS_MISSING, intake.IntakeFact.MODULE_UNAVAILABLE})
_Evidence = TypeVar("_Evidence", bound=Evidence)
_Code = TypeVar("_Code", bound=CodeEvidence)
_Shared = TypeVar("_Shared")


class Observer(Protocol):
    """Receives each step as it happens. Calls come from several threads, but never two at once.

    Nothing has to be stored or shown before `commit`, or before the stage returns.
    """

    def progress(self, stage: str, done: int, total: int) -> None:
        """A stage (``intake``, ``model``, ``loss``, ...) has finished ``done`` of ``total`` steps."""

    def question(self, number: str, evidence: Evidence) -> None:
        """The evidence of one question. A later call for the same question replaces the earlier evidence."""

    def interim(self, number: str, fields: Mapping[str, Any]) -> None:
        """Fields of a question's evidence while they are measured, fit for any reader of its result.

        The next call, or the evidence, replaces them.
        """

    def picture(self, data: bytes) -> None:
        """The pruning plot, re-encoded: safe to show."""

    def artefact(self, data: bytes) -> None:
        """The model as ONNX, as it was exported and audited."""

    def commit(self) -> None:
        """What was received so far belongs together, and a reader may see it now."""


@dataclass
class Grading:
    """The result of one or both stages: evidence by question number, facts of the sandbox, seconds by stage.

    ``artefact`` is the model as ONNX if its count was confirmed; the later stage measures it.
    """

    evidence: dict[str, Evidence] = field(default_factory=dict)
    sandbox: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    artefact: bytes | None = None


@dataclass(frozen=True)
class LoadedPart:
    """A child that has run the source of a part, the notes of intake, and the top-level names of the source."""

    child: LockedChild
    notes: tuple[Observation, ...]
    defined_names: tuple[str, ...]

    def with_notes(self, evidence: _Code, defaulted: Collection[str] | None = ()) -> _Code:
        """The evidence with the notes of intake.

        ``defaulted``: the entry point's parameters that its call left alone; None: all of them.
        """
        notes = intake.notes_of_call(self.notes, defaulted)
        if evidence.outcome is Outcome.OK:
            # Code that ran to its end needed neither the missing settings nor the missing packages.
            notes = tuple(note for note in notes if note.id not in _ONLY_OF_FAILURES)
        return evidence.model_copy(update={"notes": (*evidence.notes, *notes)})


@dataclass(frozen=True)
class LoadFailure:
    """Why the source of a part did not run: the fields of `grader.evidence.CodeEvidence` that say so."""

    fields: dict[str, Any]

    @property
    def outcome(self) -> Outcome:
        """How the source ended."""
        return Outcome(self.fields["outcome"])


def _unread(reading: intake.IntakeResult) -> dict[str, Any]:
    """The fields that say why nothing of a part can run."""
    if reading.overrun is not None:
        overrun = reading.overrun
        return {"outcome": overrun.outcome, "stage": "intake", "limit": overrun.limit, "overrun": overrun}
    missing = {"missing_names": reading.missing_names, "notes": reading.notes}
    return {"outcome": Outcome.ERROR, "stage": "intake", "error": reading.error, **missing}


class GradingContext:
    """One submission on its way through a stage of the engine."""

    def __init__(
        self,
        assignment: Assignment,
        submission: SubmittedParts,
        sandbox: Sandbox,
        observer: Observer | None,
        is_cancelled: Callable[[], bool],
        grading: Grading,
        quick: bool = False,
    ) -> None:
        self.assignment, self.submission, self.sandbox, self.observer = assignment, submission, sandbox, observer
        self.grading = grading
        self.quick = quick
        """Whether what only confirms or illustrates a verdict is left out."""
        self.limits = sandbox.policy.limits.override(assignment.sandbox)
        self.measuring_limits = self.limits
        """Limits of a child that measures an artefact."""
        self._wall_deadline = math.inf
        self.reader = Reader(lambda: reader.open_child(self.is_cancelled))
        self._code: dict[str, CodeReading] | None = None
        self._code_lock = threading.Lock()
        self._shared: dict[Any, Any] = {}
        self._opened = contextlib.ExitStack()
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self._is_cancelled = is_cancelled

    def shared(self, kind: Callable[[GradingContext, contextlib.ExitStack], _Shared]) -> _Shared:
        """The object of this type that the questions of the stage share; what it enters is left with the stage."""
        with self.lock:
            if kind not in self._shared:
                self._shared[kind] = kind(self, self._opened)
            shared: _Shared = self._shared[kind]
            return shared

    def close(self) -> None:
        """Leave what the questions shared: the end of the stage."""
        self._opened.close()

    def is_cancelled(self) -> bool:
        """Whether the caller cancelled the grading, or another thread of it failed."""
        return self.stop.is_set() or self._is_cancelled()

    def parts(self, question: Question) -> dict[PartKind, Part]:
        """What was submitted for the question, by kind of part."""
        return self.assignment.by_kind(question, self.submission.parts)

    def part(self, question: Question, kind: PartKind) -> Part | None:
        """What was submitted as the question's part of this kind."""
        return self.parts(question).get(kind)

    def code_part(self, question: Question, kind: EntryKind = EntryKind.FUNCTION) -> Part | None:
        """The part that defines the question's entry point: its own, or another part of code if only that one does."""
        reading = self._code_readings().get(question.number)
        return None if reading is None or reading.part is None else self.submission.parts[reading.part]

    def _code_readings(self) -> dict[str, CodeReading]:
        """By question what intake reads for its entry point; the first call reads all parts of code."""
        # The registry imports the checks, which import this module.
        from grader.checks import registry

        with self._code_lock:
            if self._code is None:
                numbers, entries = registry.entry_points(self.assignment)
                names = intake.prelude_names(self.assignment.prelude_source())
                readings = self.reader.read_code(self.submission.parts, entries, names, self.submission.repair)
                self._code = dict(zip(numbers, readings, strict=True))
            return self._code

    def code_name(self, question: Question) -> str:
        """The name of the question's part of code, after which its stage and its file in errors are called."""
        return self.assignment.code_parts(question)[0][0]

    def question_of(self, evidence_type: type[Evidence]) -> Question | None:
        """The first question of a kind."""
        return next((one for one in self.assignment.questions if one.check == evidence_type.check()), None)

    def evidence_of(self, question: Question, evidence_type: type[_Evidence]) -> _Evidence | None:
        """The evidence of a question so far, if it has no fault."""
        evidence = self.grading.evidence.get(question.number)
        return evidence if isinstance(evidence, evidence_type) and evidence.fault is None else None

    def find(self, evidence_type: type[_Evidence]) -> _Evidence | None:
        """The evidence of the first question of a kind, if it has landed."""
        for question in self.assignment.questions:
            evidence = self.grading.evidence.get(question.number)
            if isinstance(evidence, evidence_type):
                return evidence
        return None

    def awaits(self, evidence_type: type[Evidence]) -> bool:
        """Whether evidence of a kind is still to land."""
        numbers = [question.number for question in self.assignment.questions if question.check == evidence_type.check()]
        return any(number not in self.grading.evidence for number in numbers)

    def read_part(
        self, part: Part, entry: str, stage: str, kind: EntryKind = EntryKind.FUNCTION
    ) -> intake.IntakeResult:
        """The source of a part as it may run."""
        with self.stage_timer(f"intake.{stage}"):
            for number, reading in self._code_readings().items():
                is_same = self.assignment.question(number).entry == entry and reading.part is not None
                if is_same and self.submission.parts[str(reading.part)] is part:
                    return reading.result
            # A source that is no part of the submission.
            names = intake.prelude_names(self.assignment.prelude_source())
            own = EntryPoint(("part",), (), entry, kind)
            return self.reader.read_code({"part": part}, [own], names, self.submission.repair)[0].result

    def read(self, check: Check[_Evidence, Any], question: Question, *others: Evidence) -> Reading[_Evidence]:
        """What `grader.check.Check.read` reads of the question's parts, within the limits of reading."""
        with self.stage_timer("reading"):
            reading = self.reader.read(check, question, self.parts(question), others)
        if reading is None:
            return Reading(check.evidence_type.model_validate({"submitted": False}))
        return reading

    @contextlib.contextmanager
    def load_part(
        self,
        part: Part,
        question: Question,
        kind: EntryKind = EntryKind.FUNCTION,
        stage: str | None = None,
        limits: Limits | None = None,
    ) -> Iterator[LoadedPart | LoadFailure]:
        """Open a child and run the part's source in it, for the entry point of a question."""
        name = self.code_name(question)
        stage = stage or name
        reading = self.read_part(part, str(question.entry), stage, kind)
        if reading.source is None:
            yield LoadFailure(_unread(reading))
            return
        failures = []
        with self.stage_timer(stage):
            for variant in (reading, reading.conservative):
                if variant is None or variant.source is None:
                    continue
                with self.open_child(limits or self.limits) as child:
                    child.line_map = reading.line_map
                    reply = child.request("load", self.load_request(variant.source, name))
                    if reply.outcome is Outcome.OK:
                        names = claims.texts(reply.meta.get("defines"), _MOST_DEFINED_NAMES)
                        yield LoadedPart(child, variant.notes, names)
                        return
                    fields = {**claims.failure(reply, "load"), "stdout": child.stdout, "notes": reading.notes}
                    failures.append(LoadFailure(fields))
        # The first failure is the student's own; the second may come from the statements that were left out.
        yield failures[0]

    def load_request(self, source: str, name: str) -> dict[str, Any]:
        """The request that loads the source of the part with this name."""
        prelude = self.assignment.prelude_source()
        without_gpu = _GPU.search(source) is not None
        return {"source": source, "prelude": prelude, "filename": f"{name}.py", "without_gpu": without_gpu}

    @contextlib.contextmanager
    def contain_faults(
        self, question: Question, on_fault: Callable[[Question], None] = lambda _: None
    ) -> Iterator[None]:
        """Log an unexpected error as the grader's own fault, so that the other questions are still graded.

        ``on_fault`` records what becomes of this question; by default its evidence stays as it is.
        """
        if self.is_cancelled():
            raise Cancelled
        try:
            yield
        except (InfrastructureFault, Cancelled):
            raise
        except Exception:  # noqa: BLE001 - student code cannot raise here: any error is the grader's
            _log.exception("question %s could not be measured", question.number)
            on_fault(question)

    def limit_wall_time(self, seconds: float) -> None:
        """Give all children from now on this many seconds of wall time together."""
        self._wall_deadline = time.monotonic() + seconds

    @contextlib.contextmanager
    def open_child(self, limits: Limits, role: Role = "student") -> Iterator[LockedChild]:
        """A child with these limits, and no more wall time than the stage has left."""
        with self.sandbox.child(limits, self.is_cancelled, role=role) as child:
            child.shorten(max(0.0, self._wall_deadline - time.monotonic()))
            try:
                yield child
            finally:
                with self.lock:
                    self._wall_deadline += child.stalled_seconds

    def open_measuring_child(self) -> contextlib.AbstractContextManager[LockedChild]:
        """A child that never holds student code."""
        return self.open_child(self.measuring_limits, role="measure")

    @contextlib.contextmanager
    def stage_timer(self, stage: str) -> Iterator[None]:
        """Add the seconds of the block to the stage, which may run more than once."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            with self.lock:
                seconds = self.grading.timings.get(stage, 0.0)
                self.grading.timings[stage] = seconds + time.perf_counter() - begin

    def report_progress(self, stage: str, done: int, total: int) -> None:
        """Tell the observer."""
        if self.observer is not None:
            with self.lock:
                self.observer.progress(stage, done, total)

    def report_interim(self, question: Question, fields: Mapping[str, Any]) -> None:
        """Show a reader what is measured so far; the evidence of the question stays as it is."""
        if self.observer is not None:
            with self.lock:
                self.observer.interim(question.number, fields)

    def record_evidence(self, question: Question, evidence: Evidence) -> None:
        """Keep the evidence of a question and pass it to the observer."""
        with self.lock:
            self.grading.evidence[question.number] = evidence
            if self.observer is not None:
                self.observer.question(question.number, evidence)
                self.observer.progress(QUESTIONS_STAGE, len(self.grading.evidence), len(self.assignment.questions))

    def keep_picture(self, data: bytes) -> None:
        """Pass a picture that is safe to show to the observer."""
        if self.observer is not None:
            with self.lock:
                self.observer.picture(data)

    def keep_artefact(self, data: bytes, is_confirmed: bool) -> None:
        """Pass the exported model to the observer; a confirmed one is measured by other checks."""
        if self.observer is not None:
            with self.lock:
                self.observer.artefact(data)
        if is_confirmed:
            self.grading.artefact = data

    def commit(self) -> None:
        """Let a reader see what was recorded so far. The end of a stage needs no call.

        Each call is a write transaction of the service, so evidence that arrives together is committed once.
        """
        if self.observer is not None:
            with self.lock:
                self.observer.commit()
