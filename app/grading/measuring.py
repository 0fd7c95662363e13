"""The later stage of a grading, as a job of its own: it resumes the run that the first stage left.

The points are settled before. However the stage ends, the submission ends as graded.
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
from app.grading import ending, failures, reuse
from app.grading import repository as runs
from app.grading.grading import ClaimedRun, load_parts
from app.grading.recorder import Recorder, StopReason
from app.queue import repository as workers
from app.queue.port import JobEngine
from app.submissions import repository
from app.submissions.change_notifier import ChangeNotifier
from app.submissions.models import Run, RunOutcome, State
from grader import later_stage, remaining, stored_evidence
from grader.evidence import Fault
from grader.pipeline import Grading
from grader.sandbox.supervisor import Sandbox


@dataclass(frozen=True)
class ResumedRun(ClaimedRun):
    """A run whose later stage this worker has begun, with the result of the first stage."""

    grading: Grading
    is_exhausted: bool


class Measurer:
    """Does the later stage of gradings in this process. Thread-safe: every one has its own thread."""

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
        self._in_progress: set[uuid.UUID] = set()

    def run(self, submission_id: uuid.UUID) -> None:
        """Bring an examined submission to its end state. Never raises for what a submission holds."""
        with structlog.contextvars.bound_contextvars(submission=str(submission_id)):
            self._run(submission_id, structlog.get_logger().bind(submission=str(submission_id)))

    def hand_back(self, submission_id: uuid.UUID) -> None:
        """Enqueue a job again that did not begin."""
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
            self._in_progress.discard(submission_id)
            self.notifier.notify(submission_id)

    def _measure(self, submission_id: uuid.UUID, resumed: ResumedRun, log: Any) -> None:
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
        with failures.handling(log, partial(self._stop, recorder), partial(self._fault, recorder, resumed)):
            if resumed.is_exhausted:
                self._give_up(recorder, resumed, Fault.INFRASTRUCTURE)
            elif resumed.reused is not None:
                self._reuse(recorder, resumed, resumed.reused)
                recorder.finish(grading.sandbox, grading.timings)
            else:
                later_stage.run(
                    resumed.assignment, resumed.submitted, grading, self.sandbox, recorder, recorder.cancelled
                )
                recorder.finish(grading.sandbox, grading.timings)

    def _resume(self, submission_id: uuid.UUID) -> ResumedRun | None:
        resumed = None
        try:
            with self.database.write() as session:
                resumed = self._begin(session, submission_id)
                if resumed is not None:
                    # Add before the commit: from then on a second delivery of the job asks.
                    self._in_progress.add(submission_id)
        except BaseException:
            if resumed is not None:
                self._in_progress.discard(submission_id)
            raise
        return resumed

    def _begin(self, session: Session, submission_id: uuid.UUID) -> ResumedRun | None:
        submission = runs.lock_submission(session, submission_id)
        if submission is None or submission.state is not State.RUNNING or submission.run_id is None:
            return None
        run = runs.run(session, submission.run_id)
        if run.outcome is RunOutcome.MEASURING:
            if self._is_in_progress(session, run):
                return None
            _add_fault(run, failures.abandoned(run.executor, "measuring"))
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
            evidence={row.question: stored_evidence.parse(row.data) for row in found},
            sandbox=run.sandbox,
            timings=dict(run.timings),
            artefact=repository.blob(session, run.artefact_sha256) if run.artefact_sha256 else None,
        )
        earlier = reuse.find_reusable_run(session, run.content_key, assignment)
        submitted = load_parts(session, submission)
        return ResumedRun(run.id, assignment, submitted, earlier, grading, is_exhausted=_is_exhausted(run))

    def _is_in_progress(self, session: Session, run: Run) -> bool:
        """Whether a living worker works on the run: a job may be delivered twice."""
        if run.executor == self.executor:
            return run.submission_id in self._in_progress
        return workers.lives(session, run.executor, silent_seconds=self.silent_seconds)

    def _reuse(self, recorder: Recorder, resumed: ResumedRun, run_id: int) -> None:
        """Copy what is due from a run of the same content that has finished meanwhile."""
        with self.database.read() as session:
            stored = {row.question: row.data for row in repository.run_evidence(session, run_id)}
        for question in remaining.due(resumed.assignment, resumed.submitted.parts, resumed.grading.evidence):
            recorder.keep(question.number, stored_evidence.parse(stored[question.number]))

    def _stop(self, recorder: Recorder) -> None:
        """End a cancelled run for good, or put an interrupted one back for another worker."""
        with self.database.write() as session:
            submission = recorder.locked(session)
            if submission is None:
                return
            run = runs.run(session, recorder.run_id)
            if recorder.reason is StopReason.CANCELLED:
                ending.cancel(session, submission)
            else:
                self._put_back(session, run)

    def _fault(self, recorder: Recorder, resumed: ResumedRun, fault: Fault, detail: str) -> None:
        """A fault of ours: infrastructure is tried again, a fault of the grader would only repeat."""
        with self.database.write() as session:
            if recorder.locked(session) is None:
                return
            run = runs.run(session, recorder.run_id)
            _add_fault(run, detail)
            again = fault is Fault.INFRASTRUCTURE and not _is_exhausted(run)
            if again:
                self._put_back(session, run)
        if not again:
            self._give_up(recorder, resumed, fault)

    def _give_up(self, recorder: Recorder, resumed: ResumedRun, fault: Fault) -> None:
        """End without the missing evidence. The points stand, and the attempt is given back."""
        for question, evidence in later_stage.mark_lost(
            resumed.assignment, resumed.submitted, resumed.grading, fault
        ).items():
            recorder.keep(question, evidence)
        recorder.finish(resumed.grading.sandbox, resumed.grading.timings)

    def _put_back(self, session: Session, run: Run) -> None:
        run.outcome = RunOutcome.EXAMINED
        session.flush()
        assignment = repository.assignment_of(session, run.submission_id)
        self.engine.enqueue_measuring(session, run.submission_id, assignment)


def _add_fault(run: Run, detail: str) -> None:
    """Add why a try failed, a line a try."""
    line = " ".join(detail.split())[:1000]
    run.fault_detail = "\n".join(filter(None, [run.fault_detail, line]))


def _is_exhausted(run: Run) -> bool:
    """Whether the later stage is given up."""
    return failures.too_many((run.fault_detail or "").splitlines())
