"""Measure one submission again for a regrade: a run of its own, hidden until the regrade is published."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.db.base import now
from app.db.engine import Database
from app.grading import failures, killed, reuse
from app.grading import repository as runs
from app.grading.grading import ClaimedRun, load_parts
from app.queue.port import JobEngine
from app.regrades import preview, repository, stale
from app.regrades.models import EntryState, Regrade, RegradeEntry, RegradeState
from app.scores import computing
from app.submissions import repository as submissions
from app.submissions.models import Run, RunOutcome, StoredEvidence
from grader import pipeline, stored_evidence
from grader.assignment import Assignment
from grader.checks import registry
from grader.evidence import Evidence, Fault
from grader.sandbox.supervisor import Sandbox

_QUERY_SECONDS = 0.25


class Remeasurer:
    """Measures submissions again in this process. Thread-safe: every measuring has its own thread."""

    def __init__(
        self, database: Database, engine: JobEngine, sandbox: Sandbox, executor: str, stopping: Callable[[], bool]
    ) -> None:
        self.database = database
        self.engine = engine
        self.sandbox = sandbox
        self.executor = executor
        self.stopping = stopping

    def run(self, regrade_id: uuid.UUID, submission_id: uuid.UUID) -> None:
        """Measure a submission unless that is done or no longer wanted. Never raises for what a submission holds."""
        with structlog.contextvars.bound_contextvars(regrade=str(regrade_id), submission=str(submission_id)):
            log = structlog.get_logger()
            claimed = self._begin(regrade_id, submission_id)
            if claimed is None:
                log.info("nothing to measure again")
                return
            log.info("measuring again", run=claimed.run_id, executor=self.executor, reused=claimed.reused)
            observer = _Observer(self.database, regrade_id, submission_id, claimed.run_id, self.stopping)
            with failures.handling(log, partial(self._stop, observer), partial(self._fault, observer)):
                if claimed.reused is None:
                    measured = pipeline.grade(
                        claimed.assignment, claimed.submitted, self.sandbox, observer, observer.cancelled
                    )
                    observer.finish(measured.sandbox, measured.timings)
                else:
                    observer.take_over(claimed.reused)

    def hand_back(self, regrade_id: uuid.UUID, submission_id: uuid.UUID) -> None:
        """Enqueue a job again that did not begin."""
        with self.database.write() as session:
            self.engine.enqueue_remeasure(session, regrade_id, submission_id, repository.target_of(session, regrade_id))

    def _begin(self, regrade_id: uuid.UUID, submission_id: uuid.UUID) -> ClaimedRun | None:
        with self.database.write() as session:
            regrade = repository.get(session, regrade_id, lock=True)
            if regrade is None or regrade.state is not RegradeState.RUNNING:
                return None
            entry = repository.entry(session, regrade_id, submission_id)
            if entry.state is not EntryState.QUEUED:
                return None
            failures.fail_abandoned(session, "measuring", *_runs(entry))
            if failures.is_exhausted(session, *_runs(entry)):
                _give_up(session, regrade, entry, "The measurement failed too often; see the faults of the runs.")
                return None
            submission = runs.submission(session, submission_id)
            whole = assignments.definition(regrade.target)
            assignment = _with_questions(whole, regrade.questions)
            content_key = reuse.content_key(submission, whole)
            earlier = reuse.find_reusable_run(session, content_key, whole)
            if regrade.questions and earlier is None:
                content_key = reuse.content_key(submission, whole, *regrade.questions)
                earlier = reuse.find_reusable_run(session, content_key, assignment)
            stored_result = repository.stored_results(session, [submission_id], evidence=True)[submission_id]
            wanted = regrade.questions or [question.number for question in whole.questions]
            again = stale.stale(session, whole, stored_result.rows, wanted)
            if not again or (earlier is not None and _rests_on(session, stored_result, earlier, regrade.questions)):
                # Measuring would give the evidence that counts already.
                preview.store(session, regrade, [preview.rescored(regrade, stored_result)])
                preview.end_if_complete(session, regrade)
                return None
            run = runs.add_run(session, submission_id, regrade.target_id, content_key, self.executor, regrade.id)
            entry.run_id = run.id
            if earlier is None:
                assignment = _with_questions(whole, again)
                _keep(session, run, whole, stored_result, [number for number in wanted if number not in again])
            return ClaimedRun(run.id, assignment, load_parts(session, submission), earlier)

    def _stop(self, observer: _Observer) -> None:
        """End a cancelled run for good, or an interrupted one so that another worker begins again."""
        with self.database.write() as session:
            regrade = observer.locked(session)
            run = runs.run(session, observer.run_id)
            run.finished_at = now()
            run.outcome = RunOutcome.CANCELLED if regrade is None else RunOutcome.INTERRUPTED
            if regrade is not None:
                self._requeue(session, regrade, observer.submission_id)

    def _requeue(self, session: Session, regrade: Regrade, submission_id: uuid.UUID) -> None:
        self.engine.enqueue_remeasure(session, regrade.id, submission_id, assignments.definition(regrade.target))

    def _fault(self, observer: _Observer, fault: Fault, detail: str) -> None:
        """End a run by a fault of ours. Only infrastructure is tried again: a bug would repeat itself."""
        with self.database.write() as session:
            regrade = observer.locked(session)
            if regrade is None:
                return
            run = runs.run(session, observer.run_id)
            failures.fail(run, detail)
            session.flush()
            entry = repository.entry(session, observer.regrade_id, observer.submission_id)
            if fault is Fault.INFRASTRUCTURE and not failures.is_exhausted(session, *_runs(entry)):
                self._requeue(session, regrade, observer.submission_id)
            else:
                _give_up(session, regrade, entry, f"A fault of the {fault.value}: {detail}"[:4000])


class _Observer:
    """The pipeline's observer: stores evidence and artefacts with the run, where students do not see them."""

    def __init__(
        self,
        database: Database,
        regrade_id: uuid.UUID,
        submission_id: uuid.UUID,
        run_id: int,
        stopping: Callable[[], bool],
    ) -> None:
        self.database = database
        self.regrade_id = regrade_id
        self.submission_id = submission_id
        self.run_id = run_id
        self.stopping = stopping
        self._last_query = 0.0
        self._is_cancelled = False

    def locked(self, session: Session) -> Regrade | None:
        """The regrade, locked, or ``None`` when it was cancelled or another run has replaced this one."""
        regrade = repository.get(session, self.regrade_id, lock=True)
        entry = repository.entry(session, self.regrade_id, self.submission_id)
        wanted = regrade is not None and regrade.state is RegradeState.RUNNING and entry.state is EntryState.QUEUED
        return regrade if wanted and entry.run_id == self.run_id else None

    def cancelled(self) -> bool:
        """Whether to stop. Queries the database a few times a second."""
        moment = time.monotonic()
        if not self._is_cancelled and moment - self._last_query >= _QUERY_SECONDS:
            self._last_query = moment
            with self.database.read() as session:
                run_id = repository.running_entry_run(session, self.regrade_id, self.submission_id)
                self._is_cancelled = run_id != self.run_id
        return self._is_cancelled or self.stopping()

    def progress(self, stage: str, done: int, total: int) -> None:
        """Do nothing: a regrade counts its progress in submissions."""

    def question(self, number: str, evidence: Evidence) -> None:
        """Store the evidence of a question. Raises `InfrastructureFault`: see `killed.require_repeated_kill`."""
        killed.require_repeated_kill(self.database, self.run_id, evidence)
        self._keep(number, evidence)

    def _keep(self, number: str, evidence: Evidence) -> None:
        with self.database.write() as session:
            row = StoredEvidence(run_id=self.run_id, submission_id=self.submission_id, question=number)
            computing.store_evidence(session, row, evidence)

    def picture(self, data: bytes) -> None:
        """Store the re-encoded plot."""
        with self.database.write() as session:
            runs.run(session, self.run_id).picture_sha256 = _store(session, data)

    def artefact(self, data: bytes) -> None:
        """Store the model as it was exported."""
        with self.database.write() as session:
            runs.run(session, self.run_id).artefact_sha256 = _store(session, data)

    def commit(self) -> None:
        """Each step is stored at once."""

    def take_over(self, run_id: int) -> None:
        """Copy the evidence of an earlier run of the same content."""
        with self.database.read() as session:
            earlier = runs.run(session, run_id)
            evidence_by_question = {
                row.question: stored_evidence.parse(row.data) for row in submissions.run_evidence(session, run_id)
            }
        for question, evidence in evidence_by_question.items():
            self._keep(question, evidence)
        self.finish(earlier.sandbox, {}, reused=earlier)

    def finish(self, sandbox: dict[str, Any], timings: dict[str, float], *, reused: Run | None = None) -> None:
        """End the run and store what publishing it would change."""
        with self.database.write() as session:
            regrade = self.locked(session)
            if regrade is None:
                return
            run = runs.run(session, self.run_id)
            run.outcome, run.finished_at = RunOutcome.FINISHED, now()
            run.sandbox, run.timings = computing.json_safe(sandbox), computing.json_safe(timings)
            if reused is not None:
                run.reused_run_id = reused.id
                run.picture_sha256, run.artefact_sha256 = reused.picture_sha256, reused.artefact_sha256
            session.flush()
            measured = {row.question: row for row in submissions.run_evidence(session, self.run_id)}
            stored_result = repository.stored_results(session, [self.submission_id])[self.submission_id]
            wanted = regrade.questions or list(measured)
            failed = [number for number in wanted if number in measured and measured[number].data.get("fault")]
            if failed:
                fault = Fault(measured[failed[0]].data["fault"])
                result = preview.Result(stored_result, fault=preview.own_fault(fault, failed[0]))
            else:
                measured_evidence = {
                    number: (row.id, stored_evidence.parse(row.data)) for number, row in measured.items()
                }
                result = preview.result(regrade, stored_result, measured_evidence)
            preview.store(session, regrade, [result])
            preview.end_if_complete(session, regrade)


def _keep(
    session: Session, run: Run, assignment: Assignment, stored_result: repository.StoredResult, numbers: list[str]
) -> None:
    """Copy the evidence of these questions into a new run: measuring them again would give the same."""
    for number in numbers:
        row = StoredEvidence(run_id=run.id, submission_id=run.submission_id, question=number)
        computing.store_evidence(session, row, stored_evidence.parse_json(stored_result.evidence[number]))
    former = submissions.run(session, stored_result.submission.run_id)
    stores = {name for number in numbers for name in registry.of(assignment.question(number)).stores}
    if former is not None and "picture" in stores:
        run.picture_sha256 = former.picture_sha256
    if former is not None and "artefact" in stores:
        run.artefact_sha256 = former.artefact_sha256


def _with_questions(assignment: Assignment, numbers: list[str]) -> Assignment:
    """The assignment with these questions alone, and those whose evidence measuring them reads.

    No numbers mean all of them.
    """
    if not numbers:
        return assignment
    others = [other.number for number in numbers for other in stale.rests_on(assignment, assignment.question(number))]
    questions = tuple(question for question in assignment.questions if question.number in {*numbers, *others})
    return assignment.model_copy(update={"questions": questions})


def _rests_on(session: Session, stored_result: repository.StoredResult, run_id: int, numbers: list[str]) -> bool:
    """Whether the current evidence comes from this run, or was copied from it."""
    evidence_ids = [row.evidence_id for number, row in stored_result.rows.items() if not numbers or number in numbers]
    return runs.runs_of_evidence(session, evidence_ids) == [run_id]


def _runs(entry: RegradeEntry) -> tuple[ColumnElement[bool], ...]:
    """The runs of a submission in this regrade."""
    return Run.submission_id == entry.submission_id, Run.regrade_id == entry.regrade_id


def _give_up(session: Session, regrade: Regrade, entry: RegradeEntry, reason: str) -> None:
    stored_result = repository.stored_results(session, [entry.submission_id])[entry.submission_id]
    preview.store(session, regrade, [preview.Result(stored_result, fault=reason)])
    preview.end_if_complete(session, regrade)


def _store(session: Session, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    submissions.store_blobs(session, {sha256: data})
    return sha256
