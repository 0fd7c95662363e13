"""The second part of a grading, as a job of its own: it goes on with the run that the first part left off.

The points are settled before it begins. Whatever becomes of it, the submission ends as graded.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.db.engine import Database
from app.grading import content, ending, tries
from app.grading import repository as runs
from app.grading.grading import read_handin
from app.grading.recorder import Recorder, StopReason
from app.queue import repository as workers
from app.queue.port import JobEngine
from app.submissions import repository
from app.submissions.change_notifier import ChangeNotifier
from app.submissions.models import Run, RunOutcome, State
from grader import evidence as evidences
from grader import later_stage
from grader.assignment import Assignment
from grader.evidence import Fault, PruningEvidence
from grader.pipeline import Grading
from grader.sandbox.supervisor import Sandbox
from grader.submission import SubmittedParts


@dataclass(frozen=True)
class Resumed:
    """A run whose second part has begun. ``reused`` is an earlier run of the same content, if there is one."""

    run_id: int
    assignment: Assignment
    handin: SubmittedParts
    grading: Grading
    reused: int | None
    hopeless: bool


class Measurer:
    """Does the second part of gradings in this process. Thread-safe: every one has its own thread."""

    def __init__(
        self,
        database: Database,
        notifier: ChangeNotifier,
        engine: JobEngine,
        sandbox: Sandbox,
        executor: str,
        silent_seconds: float,
        stopping: Callable[[], bool],
    ) -> None:
        self.database = database
        self.notifier = notifier
        self.engine = engine
        self.sandbox = sandbox
        self.executor = executor
        self.silent_seconds = silent_seconds
        self.stopping = stopping
        self._at_it: set[uuid.UUID] = set()

    def run(self, submission_id: uuid.UUID) -> None:
        """Bring an examined submission to its end state. Never raises for what a submission holds."""
        with structlog.contextvars.bound_contextvars(submission=str(submission_id)):
            self._run(submission_id, structlog.get_logger().bind(submission=str(submission_id)))

    def hand_back(self, submission_id: uuid.UUID) -> None:
        """Put a job that did not begin back into the queue."""
        with self.database.write() as session:
            assignment = repository.assignment_of(session, submission_id)
            self.engine.enqueue_measuring(session, submission_id, assignment)

    def _run(self, submission_id: uuid.UUID, log: Any) -> None:
        resumed = self._resume(submission_id)
        self.notifier.notify(submission_id)
        if resumed is None:
            log.info("nothing to measure")
            return
        try:
            self._measure(submission_id, resumed, log)
        finally:
            self._at_it.discard(submission_id)
            self.notifier.notify(submission_id)

    def _measure(self, submission_id: uuid.UUID, resumed: Resumed, log: Any) -> None:
        log.info("measuring", run=resumed.run_id, executor=self.executor, reused=resumed.reused)
        recorder = Recorder(
            self.database,
            self.notifier,
            submission_id,
            resumed.run_id,
            self.stopping,
            log,
            self.executor,
            RunOutcome.MEASURING,
        )
        grading = resumed.grading
        with tries.ended(log, partial(self._stop, recorder), partial(self._fault, recorder, resumed)):
            if resumed.hopeless:
                self._give_up(recorder, resumed, Fault.INFRASTRUCTURE)
            elif resumed.reused is not None:
                self._reuse(recorder, resumed.reused)
                recorder.finish(grading.sandbox, grading.timings)
            else:
                later_stage.run(resumed.assignment, resumed.handin, grading, self.sandbox, recorder, recorder.cancelled)
                recorder.finish(grading.sandbox, grading.timings)

    def _resume(self, submission_id: uuid.UUID) -> Resumed | None:
        resumed = None
        try:
            with self.database.write() as session:
                resumed = self._begin(session, submission_id)
                if resumed is not None:
                    # Before the commit: from then on a second delivery asks.
                    self._at_it.add(submission_id)
        except BaseException:
            if resumed is not None:
                self._at_it.discard(submission_id)
            raise
        return resumed

    def _begin(self, session: Session, submission_id: uuid.UUID) -> Resumed | None:
        submission = runs.lock_submission(session, submission_id)
        if submission is None or submission.state is not State.RUNNING or submission.run_id is None:
            return None
        run = runs.run(session, submission.run_id)
        if run.outcome is RunOutcome.MEASURING:
            if self._is_at_work(session, run):
                return None
            _remember(run, tries.abandoned(run.executor, "measuring"))
        elif run.outcome is not RunOutcome.EXAMINED:
            return None
        if submission.cancel_requested_at is not None:
            ending.cancel(session, submission)
            return None
        run.outcome, run.executor = RunOutcome.MEASURING, self.executor
        session.flush()
        assignment = assignments.definition(submission.assignment)
        found = repository.run_evidence(session, run.id)
        grading = Grading(
            evidence={row.question: evidences.parse(row.data) for row in found},
            sandbox=run.sandbox,
            timings=dict(run.timings),
            artefact=repository.blob(session, run.artefact_sha256) if run.artefact_sha256 else None,
        )
        earlier = content.measured_before(session, run.content_key, assignment)
        handin = read_handin(session, submission)
        return Resumed(run.id, assignment, handin, grading, earlier, hopeless=_hopeless(run))

    def _is_at_work(self, session: Session, run: Run) -> bool:
        """Whether the worker that has the run lives and has not let go of it: a job may be delivered twice."""
        if run.executor == self.executor:
            return run.submission_id in self._at_it
        return workers.lives(session, run.executor, silent_seconds=self.silent_seconds)

    def _reuse(self, recorder: Recorder, run_id: int) -> None:
        """Take over what an earlier run measured on the same content, meanwhile."""
        with self.database.read() as session:
            found = {row.question: evidences.parse(row.data) for row in repository.run_evidence(session, run_id)}
        for question, evidence in found.items():
            if isinstance(evidence, PruningEvidence):
                recorder.keep(question, evidence)

    def _stop(self, recorder: Recorder) -> None:
        """Stop because somebody said so: for good, or to go on elsewhere."""
        with self.database.write() as session:
            submission = recorder.locked(session)
            if submission is None:
                return
            run = runs.run(session, recorder.run_id)
            if recorder.reason is StopReason.CANCELLED:
                ending.cancel(session, submission)
            else:
                self._put_back(session, run)

    def _fault(self, recorder: Recorder, resumed: Resumed, fault: Fault, detail: str) -> None:
        """A fault of ours: infrastructure is tried again, a fault of the grader would only repeat."""
        with self.database.write() as session:
            if recorder.locked(session) is None:
                return
            run = runs.run(session, recorder.run_id)
            _remember(run, detail)
            again = fault is Fault.INFRASTRUCTURE and not _hopeless(run)
            if again:
                self._put_back(session, run)
        if not again:
            self._give_up(recorder, resumed, fault)

    def _give_up(self, recorder: Recorder, resumed: Resumed, fault: Fault) -> None:
        """End without what is missing. The points stand, and the attempt is given back."""
        for question, evidence in later_stage.mark_lost(
            resumed.assignment, resumed.handin, resumed.grading, fault
        ).items():
            recorder.keep(question, evidence)
        recorder.finish(resumed.grading.sandbox, resumed.grading.timings)

    def _put_back(self, session: Session, run: Run) -> None:
        run.outcome = RunOutcome.EXAMINED
        session.flush()
        assignment = repository.assignment_of(session, run.submission_id)
        self.engine.enqueue_measuring(session, run.submission_id, assignment)


def _remember(run: Run, detail: str) -> None:
    """Keep why a try failed, a line a try."""
    line = " ".join(detail.split())[:1000]
    run.fault_detail = "\n".join(filter(None, [run.fault_detail, line]))


def _hopeless(run: Run) -> bool:
    """Whether this was tried often enough."""
    return tries.enough((run.fault_detail or "").splitlines())
