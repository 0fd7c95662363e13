"""The first stage of grading a submission, as a job: it gives every question its verdict.

The job may begin again after any crash, and the submission ends in exactly one end state. `app.grading.measuring` does
the later stage.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.db.base import now
from app.db.engine import Database
from app.grading import ending, failures, reuse
from app.grading import repository as runs
from app.grading.recorder import Recorder, StopReason
from app.queue.port import INTERACTIVE, JobEngine
from app.scores import computing
from app.submissions import repository
from app.submissions.change_notifier import ChangeNotifier
from app.submissions.models import Run, RunOutcome, State, Submission
from grader import later_stage, pipeline, stored_evidence
from grader.assignment import Assignment
from grader.evidence import Fault
from grader.sandbox.supervisor import Sandbox
from grader.submission import Part, SubmittedParts


@dataclass(frozen=True)
class ClaimedRun:
    """A run that this worker has begun. ``reused`` is an earlier run of the same content, if there is one."""

    run_id: int
    assignment: Assignment
    submitted: SubmittedParts
    reused: int | None


class Grader:
    """Grades submissions in this process. Thread-safe: every grading has its own thread."""

    def __init__(
        self, database: Database, notifier: ChangeNotifier, engine: JobEngine, sandbox: Sandbox, executor: str
    ) -> None:
        self.database = database
        self.notifier = notifier
        self.engine = engine
        self.sandbox = sandbox
        self.executor = executor
        self.stopping = False

    def grade(self, submission_id: uuid.UUID) -> None:
        """Grade a submission to its end state, unless it has one. Never raises for what a submission holds."""
        with structlog.contextvars.bound_contextvars(submission=str(submission_id)):
            self._grade(submission_id, structlog.get_logger().bind(submission=str(submission_id)))

    def hand_back(self, submission_id: uuid.UUID) -> None:
        """Enqueue a job again that did not begin."""
        with self.database.write() as session:
            assignment = repository.assignment_of(session, submission_id)
            self.engine.enqueue(session, submission_id, INTERACTIVE, assignment)

    def _grade(self, submission_id: uuid.UUID, log: Any) -> None:
        claimed = self._begin(submission_id)
        self.notifier.notify(submission_id)
        if claimed is None:
            log.info("nothing to grade")
            return
        log.info("grading", run=claimed.run_id, executor=self.executor, reused=claimed.reused)
        recorder = Recorder(
            self.database, self.notifier, submission_id, claimed.run_id, lambda: self.stopping, log, self.executor
        )
        with failures.handling(log, partial(self._stop, recorder), partial(self._fault, recorder)):
            if claimed.reused is not None:
                self._reuse(recorder, claimed.reused)
            else:
                found = pipeline.run_first_stage(
                    claimed.assignment, claimed.submitted, self.sandbox, recorder, recorder.cancelled
                )
                if later_stage.is_due(claimed.assignment, claimed.submitted, found):
                    recorder.examined(found.sandbox, found.timings, self.engine)
                else:
                    recorder.finish(found.sandbox, found.timings)
        self.notifier.notify(submission_id)

    def _begin(self, submission_id: uuid.UUID) -> ClaimedRun | None:
        with self.database.write() as session:
            submission = runs.lock_submission(session, submission_id)
            if submission is None or submission.state.ended:
                return None
            current = repository.run(session, submission.run_id)
            if current is not None and current.outcome in (RunOutcome.EXAMINED, RunOutcome.MEASURING):
                # The worker died between its commit and the end of its job; the later stage resumes the run.
                self.engine.enqueue_measuring(session, submission_id, assignments.definition(submission.assignment))
                return None
            ours = Run.submission_id == submission_id
            failures.fail_abandoned(session, "grading", ours)
            if submission.cancel_requested_at is not None:
                ending.cancel(session, submission)
                return None
            if submission.run_id is not None and failures.is_exhausted(session, ours):
                ending.give_up(session, submission, submission.run_id, Fault.INFRASTRUCTURE)
                return None
            assignment = assignments.definition(submission.assignment)
            content_key = reuse.content_key(submission, assignment)
            run = runs.add_run(session, submission_id, submission.assignment_id, content_key, self.executor)
            submission.state = State.RUNNING
            submission.run_id = run.id
            session.flush()
            repository.touch(session, submission_id)
            submitted = load_parts(session, submission)
            return ClaimedRun(run.id, assignment, submitted, reuse.find_reusable_run(session, content_key, assignment))

    def _reuse(self, recorder: Recorder, run_id: int) -> None:
        """Copy the evidence of an earlier run of the same content."""
        with self.database.read() as session:
            earlier = runs.run(session, run_id)
            found = {row.question: stored_evidence.parse(row.data) for row in repository.run_evidence(session, run_id)}
        for question, evidence in found.items():
            recorder.keep(question, evidence)
        recorder.finish(earlier.sandbox, {}, reused=earlier)

    def _stop(self, recorder: Recorder) -> None:
        """End a cancelled run for good, or an interrupted one so that another worker begins again."""
        with self.database.write() as session:
            submission = recorder.locked(session)
            if submission is None:
                return
            run = runs.run(session, recorder.run_id)
            run.sandbox = computing.json_safe(self.sandbox.report)
            if recorder.reason is StopReason.CANCELLED:
                ending.cancel(session, submission)
            else:
                run.outcome, run.finished_at = RunOutcome.INTERRUPTED, now()
                _requeue(session, self.engine, submission)

    def _fault(self, recorder: Recorder, fault: Fault, detail: str) -> None:
        """End a run by a fault of ours. Only infrastructure is tried again: a bug would repeat itself."""
        with self.database.write() as session:
            submission = recorder.locked(session)
            if submission is None:
                return
            run = runs.run(session, recorder.run_id)
            failures.fail(run, detail)
            session.flush()
            if fault is Fault.INFRASTRUCTURE and not failures.is_exhausted(session, Run.submission_id == submission.id):
                _requeue(session, self.engine, submission)
            else:
                ending.give_up(session, submission, run.id, fault)


def load_parts(session: Session, submission: Submission) -> SubmittedParts:
    """The parts as they were submitted."""
    parts = {
        part.name: Part(repository.blob(session, part.blob_sha256), part.filename)
        for part in repository.parts(session, submission.id)
    }
    return SubmittedParts(parts, submission.repair)


def _requeue(session: Session, engine: JobEngine, submission: Submission) -> None:
    submission.state = State.QUEUED
    session.flush()
    repository.touch(session, submission.id)
    engine.enqueue(session, submission.id, INTERACTIVE, assignments.definition(submission.assignment))
