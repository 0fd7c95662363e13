"""Store each result of a run at once, as long as the run is the one that counts."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.db.base import now
from app.db.engine import Database
from app.grading import ending, killed
from app.grading import repository as runs
from app.queue.port import JobEngine
from app.scores import computing
from app.submissions import repository
from app.submissions.change_notifier import ChangeNotifier
from app.submissions.models import Run, RunOutcome, State, StoredEvidence, Submission
from grader.context import QUESTIONS_STAGE
from grader.evidence import Evidence

_QUERY_SECONDS = 0.25
_PROGRESS_SECONDS = 0.25
MEASURING_STAGE = "measuring"
"""The stage of a run whose later stage waits for a worker."""


class StopReason(StrEnum):
    """Why a run has to stop before its end."""

    CANCELLED = "cancelled"
    SHUTDOWN = "shutdown"
    SUPERSEDED = "superseded"


class Recorder:
    """The pipeline's observer for one stage of a run. Thread-safe.

    ``active_outcome`` is the outcome that the run has while this stage is at work.
    """

    def __init__(
        self,
        database: Database,
        notifier: ChangeNotifier,
        submission_id: uuid.UUID,
        run_id: int,
        stopping: Callable[[], bool],
        log: Any,
        executor: str,
        active_outcome: RunOutcome = RunOutcome.RUNNING,
    ) -> None:
        self.executor = executor
        self.active_outcome = active_outcome
        self.database = database
        self.notifier = notifier
        self.stopping = stopping
        self.submission_id = submission_id
        self.run_id = run_id
        self.log = log
        self.reason: StopReason | None = None
        self._lock = threading.Lock()
        self._last_query = self._last_progress = 0.0
        self._stage: str | None = None
        self._stored_questions: set[str] = set()

    def locked(self, session: Session) -> Submission | None:
        """The submission, locked, or ``None`` when another run has replaced this one.

        That happens to a worker that counted as dead and comes back.
        """
        submission = runs.lock_submission(session, self.submission_id)
        run = runs.fresh_run(session, self.run_id)
        if submission is None or run is None or not self._holds(submission, run):
            self.reason = StopReason.SUPERSEDED
            return None
        return submission

    def _holds(self, submission: Submission, run: Run) -> bool:
        """Whether the run counts and this worker still works on it."""
        is_own = run.outcome is self.active_outcome and run.executor == self.executor
        return is_own and submission.run_id == run.id and submission.state is State.RUNNING

    def progress(self, stage: str, done: int, total: int) -> None:
        """Store the progress: a new stage at once, steps a few times a second. `keep` stores that of questions."""
        if stage == QUESTIONS_STAGE:
            return
        with self._lock:
            moment = time.monotonic()
            if stage == self._stage and moment - self._last_progress < _PROGRESS_SECONDS:
                return
            self._stage, self._last_progress = stage, moment
        with self.database.write() as session:
            if self.locked(session) is not None:
                run = runs.run(session, self.run_id)
                run.stage, run.stage_done, run.stage_total = stage, done, total
                repository.touch(session, self.submission_id)
        self.notifier.notify(self.submission_id)

    def question(self, number: str, evidence: Evidence) -> None:
        """Store evidence and points of a question. Raises `InfrastructureFault`: see `require_repeated_kill`."""
        killed.require_repeated_kill(self.database, self.run_id, evidence)
        self.keep(number, evidence)

    def keep(self, number: str, evidence: Evidence) -> None:
        """Store the evidence of a question and its points."""
        with self.database.write() as session:
            submission = self.locked(session)
            if submission is None:
                return
            row = StoredEvidence(run_id=self.run_id, submission_id=self.submission_id, question=number)
            score = computing.store_score(
                session, computing.store_evidence(session, row, evidence), submission.assignment
            )
            if self.active_outcome is RunOutcome.RUNNING:
                self._stored_questions.add(number)
                run = runs.run(session, self.run_id)
                run.stage, run.stage_done = QUESTIONS_STAGE, len(self._stored_questions)
                run.stage_total = len(assignments.definition(submission.assignment).questions)
            session.flush()
            repository.touch(session, self.submission_id)
            seconds = (row.measured_at - submission.submitted_at).total_seconds()
        self.notifier.notify(self.submission_id)
        self.log.info("question", number=number, verdict=score.verdict.value, score=score.score, seconds=seconds)

    def picture(self, data: bytes) -> None:
        """Store the re-encoded plot."""
        self._store(data, lambda run, sha256: setattr(run, "picture_sha256", sha256))

    def artefact(self, data: bytes) -> None:
        """Store the model as it was exported."""
        self._store(data, lambda run, sha256: setattr(run, "artefact_sha256", sha256))

    def commit(self) -> None:
        """Each step is stored at once."""

    def _store(self, data: bytes, set_digest: Callable[[Run, str], None]) -> None:
        sha256 = hashlib.sha256(data).hexdigest()
        with self.database.write() as session:
            if self.locked(session) is not None:
                repository.store_blobs(session, {sha256: data})
                set_digest(runs.run(session, self.run_id), sha256)

    def cancelled(self) -> bool:
        """Whether to stop; `reason` says why. Queries the database a few times a second."""
        if self.reason is None and self.stopping():
            self.reason = StopReason.SHUTDOWN
        with self._lock:
            moment = time.monotonic()
            is_due = self.reason is None and moment - self._last_query >= _QUERY_SECONDS
            if is_due:
                self._last_query = moment
        if is_due:
            self.reason = self._query_stop_reason()
        return self.reason is not None

    def _query_stop_reason(self) -> StopReason | None:
        with self.database.read() as session:
            submission, run = runs.submission(session, self.submission_id), runs.run(session, self.run_id)
            if not self._holds(submission, run):
                return StopReason.SUPERSEDED
            return StopReason.CANCELLED if submission.cancel_requested_at is not None else None

    def examined(self, sandbox: dict[str, Any], timings: dict[str, float], engine: JobEngine) -> None:
        """End the first stage of the run and enqueue the later one."""
        with self.database.write() as session:
            submission = self.locked(session)
            if submission is None:
                return
            run = runs.run(session, self.run_id)
            run.outcome = RunOutcome.EXAMINED
            run.sandbox, run.timings = computing.json_safe(sandbox), computing.json_safe(timings)
            run.stage, run.stage_done, run.stage_total = MEASURING_STAGE, 0, 0
            session.flush()
            if submission.cancel_requested_at is not None:
                # The last verdict was stored before this run noticed the request.
                ending.cancel(session, submission)
            else:
                repository.touch(session, self.submission_id)
                engine.enqueue_measuring(session, self.submission_id, assignments.definition(submission.assignment))
        self.log.info("examined", seconds=round(timings["total"], 3))

    def finish(
        self,
        sandbox: dict[str, Any],
        timings: dict[str, float],
        *,
        reused: Run | None = None,
    ) -> None:
        """End the run and its submission; see `ending.finish`."""
        with self.database.write() as session:
            submission = self.locked(session)
            if submission is None:
                return
            run = runs.run(session, self.run_id)
            run.sandbox, run.timings = computing.json_safe(sandbox), computing.json_safe(timings)
            if reused is not None:
                run.reused_run_id = reused.id
                run.picture_sha256, run.artefact_sha256 = reused.picture_sha256, reused.artefact_sha256
            ending.finish(session, submission, run)
            seconds = round((now() - run.started_at).total_seconds(), 3)
        self.log.info("graded", seconds=seconds)
