"""A phase of a run as a job: claim a run, measure, end the try. The job may begin again after any crash."""

from __future__ import annotations

import threading
import time
import uuid
from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.grading import repository as runs
from app.grading import tries
from app.grading.recorder import HeldTry, RecordedJob, Recorder, StopReason, Subject
from app.grading.reuse import ReusableRun
from app.queue.port import JobEngine
from app.scores import computing
from app.submissions import repository
from app.submissions.change_notifier import ChangeNotifier
from app.submissions.models import Run, RunOutcome, Submission, Try
from grader.assignment import Assignment
from grader.evidence import Evidence, Fault
from grader.pipeline import Cancelled, Grading
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import Sandbox
from grader.submission import Part, SubmittedParts


class Grader:
    """What the jobs of this process share. Thread-safe: every job has its own thread."""

    def __init__(
        self,
        database: Database,
        notifier: ChangeNotifier,
        engine: JobEngine,
        sandbox: Sandbox,
        executor: str,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.database = database
        self.notifier = notifier
        self.engine = engine
        self.sandbox = sandbox
        self.executor = executor
        self.is_stopping = is_stopping
        self._in_progress: set[Hashable] = set()
        self._changed = threading.Condition()

    @contextmanager
    def alone(self, work: Hashable) -> Iterator[None]:
        """Wait until no other thread of this process does the same work: a job may be delivered twice."""
        with self._changed:
            while work in self._in_progress:
                self._changed.wait()
            self._in_progress.add(work)
        try:
            yield
        finally:
            with self._changed:
                self._in_progress.discard(work)
                self._changed.notify_all()


@dataclass(frozen=True)
class Claim:
    """A try that this worker has begun.

    ``stored`` is what the first stage left for the later one. ``known`` is evidence that need not be measured, by
    question, and ``is_complete`` says that nothing else is missing.
    """

    run_id: int
    try_id: int
    assignment: Assignment
    known: Mapping[str, Evidence] = field(default_factory=dict)
    is_complete: bool = False
    stored: Grading = field(default_factory=Grading)


class PhaseJob(RecordedJob[Subject]):
    """One phase of the run of a submission. A subclass says what is claimed, measured and stored at the end.

    The subject is what the run belongs to: the submission, or the regrade.
    """

    def __init__(self, grader: Grader, submission_id: uuid.UUID, **context: Any) -> None:
        self.grader = grader
        self.database, self.engine, self.executor = grader.database, grader.engine, grader.executor
        self.submission_id = submission_id
        self._context = {"submission": str(submission_id), **context}

    def run(self) -> None:
        """Try once. Never raises for what a submission holds; raises `DatabaseAway`."""
        work = (self.phase, *self._context.values())
        with structlog.contextvars.bound_contextvars(**self._context), self.grader.alone(work):
            log = structlog.get_logger().bind(**self._context, phase=self.phase.value)
            with self.database.write() as session:
                claim = self.claim(session)
            self.notify()
            if claim is None:
                log.info("nothing to do")
                return
            log.info("grading", run=claim.run_id, executor=self.executor, reused=claim.is_complete)
            self._try(claim, Recorder(self, claim.run_id, claim.try_id, log), log)
            self.notify()

    def _try(self, claim: Claim, recorder: Recorder[Subject], log: Any) -> None:
        start = time.monotonic()
        try:
            for number, evidence in claim.known.items():
                recorder.keep(number, evidence)
            grading = claim.stored if claim.is_complete else self.measure(claim, recorder)
            with recorder.held() as held:
                if held is not None:
                    held.run.timings = computing.json_safe(grading.timings)
                    tries.end(held.run, held.row, RunOutcome.FINISHED)
                    self.finish(held, grading)
            if held is not None:
                log.info("graded", seconds=round(time.monotonic() - start, 3))
        except Cancelled:
            self._stop(recorder)
        except InfrastructureFault as error:
            log.warning("infrastructure fault", error=str(error))
            self._fail(recorder, error, Fault.INFRASTRUCTURE, str(error))
        except Exception as error:
            log.exception("grader fault")
            self._fail(recorder, error, Fault.GRADER, f"{type(error).__name__}: {error}")

    def _stop(self, recorder: Recorder[Subject]) -> None:
        """End a cancelled run for good, or enqueue an interrupted one for another worker."""
        with recorder.held() as held:
            if held is None:
                return
            if recorder.reason is StopReason.CANCELLED:
                self.cancel(held)
            else:
                tries.end(held.run, held.row, RunOutcome.INTERRUPTED)
                self.requeue(held)

    def _fail(self, recorder: Recorder[Subject], error: Exception, fault: Fault, detail: str) -> None:
        """End the try by a fault of ours. Only infrastructure is tried again: a bug would repeat itself."""
        with recorder.held() as held:
            if held is None:
                return
            tries.end(held.run, held.row, RunOutcome.FAULT, tries.cause_of(error), detail)
            held.session.flush()
            if fault is Fault.INFRASTRUCTURE and not tries.is_exhausted(held.session, held.run):
                self.requeue(held)
            else:
                self.give_up(held.session, held.subject, held.run, fault, detail)

    def hand_back(self) -> None:
        """Enqueue a job again that did not begin."""
        with self.database.write() as session:
            self.enqueue(session)

    def notify(self) -> None:
        self.grader.notifier.notify(self.submission_id)

    def is_stopping(self) -> bool:
        return self.grader.is_stopping()

    def begin_run(
        self,
        session: Session,
        assignment_id: int,
        content_key: str,
        reused: ReusableRun | None,
        regrade_id: uuid.UUID | None = None,
    ) -> tuple[Run, Try]:
        """Add a run at this phase, and a try of it. A reused run gives its files and facts."""
        row = Run(
            submission_id=self.submission_id,
            assignment_id=assignment_id,
            content_key=content_key,
            executor=self.executor,
            phase=self.phase,
            regrade_id=regrade_id,
            sandbox=computing.json_safe(self.grader.sandbox.report),
        )
        if reused is not None:
            row.reused_run_id, row.sandbox = reused.run.id, reused.run.sandbox
            row.picture_sha256, row.artefact_sha256 = reused.run.picture_sha256, reused.run.artefact_sha256
        run = runs.add_run(session, row)
        return run, runs.add_try(session, run, self.executor)

    def submitted_parts(self) -> SubmittedParts:
        """The parts as they were submitted."""
        with self.database.read() as session:
            return load_parts(session, repository.load(session, self.submission_id))

    @abstractmethod
    def claim(self, session: Session) -> Claim | None:
        """Begin a try unless there is nothing to do, or another worker is at it."""

    @abstractmethod
    def measure(self, claim: Claim, recorder: Recorder[Subject]) -> Grading:
        """Run the engine. Raises `InfrastructureFault` and `Cancelled`."""

    @abstractmethod
    def finish(self, held: HeldTry[Subject], grading: Grading) -> None:
        """End the phase of a try that finished."""

    @abstractmethod
    def cancel(self, held: HeldTry[Subject]) -> None:
        """End a try that a person cancelled."""

    @abstractmethod
    def enqueue(self, session: Session) -> None:
        """Add this job to its queue."""

    def requeue(self, held: HeldTry[Subject]) -> None:
        """Enqueue the job after a try that did not finish."""
        self.enqueue(held.session)

    @abstractmethod
    def give_up(self, session: Session, subject: Subject, run: Run, fault: Fault, detail: str) -> None:
        """End the subject's part that cannot be measured: a fault of ours."""


def load_parts(session: Session, submission: Submission) -> SubmittedParts:
    """The parts of a submission with their bytes."""
    files = repository.part_files(session, submission.id)
    return SubmittedParts({name: Part(data, filename) for name, filename, data in files}, submission.repair)
