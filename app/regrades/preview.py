"""Compute the preview of a regrade: the points that the newest version gives for stored evidence.

Short transactions keep students' gradings from waiting. After a crash the work goes on with the entries still open.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.db.base import now
from app.db.engine import Database
from app.db.outage import DatabaseAway
from app.queue.port import JobEngine
from app.regrades import repository
from app.regrades.models import LATE, EntryState, Kind, Regrade, RegradeState
from app.regrades.repository import StoredResult
from app.regrades.rows import Change, ScoreRow, compare
from app.scores import computing
from grader import scoring, stored_evidence
from grader.assignment import Assignment
from grader.evidence import Evidence, Fault
from grader.lateness import lateness

BATCH_SIZE = 200
"""Submissions in one transaction."""

MeasuredEvidence = Mapping[str, tuple[int, Evidence]]
"""Evidence and its id by question."""


class NotScorable(Exception):
    """This submission cannot be regraded; the message says why and what helps."""


@dataclass(frozen=True)
class Result:
    """The result for one submission: its changes, or the fault that prevents the regrade."""

    stored_result: StoredResult
    changes: list[Change] = field(default_factory=list)
    fault: str | None = None

    def entry(self, regrade_id: uuid.UUID) -> dict[str, Any]:
        """The columns of the submission's entry."""
        submission = self.stored_result.submission
        return {
            "regrade_id": regrade_id,
            "submission_id": submission.id,
            "state": EntryState.FAULT if self.fault else EntryState.DONE,
            "fault": self.fault,
            "basis": self.stored_result.basis,
            "before_run_id": submission.run_id,
            "before_assignment_id": submission.assignment_id,
            "before_state": submission.state,
            "before_fault": submission.fault,
        }


class Previewer:
    """Runs the jobs of regrades. Thread-safe."""

    def __init__(self, database: Database, engine: JobEngine, stopping: Callable[[], bool]) -> None:
        self.database = database
        self.engine = engine
        self.stopping = stopping

    def run(self, regrade_id: uuid.UUID) -> None:
        """Compute the preview of a rescore, or enqueue the submissions of a remeasure. Our own fault ends it."""
        log = structlog.get_logger().bind(regrade=str(regrade_id))
        try:
            while self._batch(regrade_id):
                if self.stopping():
                    self.hand_back(regrade_id)
                    return
        except DatabaseAway:
            raise
        except Exception as error:
            log.exception("regrade failed")
            with self.database.write() as session:
                regrade = repository.get(session, regrade_id, lock=True)
                if regrade is not None and regrade.state is RegradeState.RUNNING:
                    regrade.state, regrade.ended_at = RegradeState.FAILED, now()
                    regrade.failure = f"{type(error).__name__}: {error}"[:4000]
        else:
            log.info("regrade handed out or previewed")

    def hand_back(self, regrade_id: uuid.UUID) -> None:
        """Put the job back into the queue, for another worker."""
        with self.database.write() as session:
            self.engine.enqueue_regrade(session, regrade_id)

    def _batch(self, regrade_id: uuid.UUID) -> bool:
        """Process one batch. False when no entry is open any more."""
        with self.database.read() as session:
            regrade = repository.get(session, regrade_id)
            if regrade is None or regrade.state is not RegradeState.RUNNING:
                return False
            waiting = repository.entry_ids(session, regrade_id, EntryState.PENDING, BATCH_SIZE)
            results = self._rescore(session, regrade, waiting) if regrade.kind is Kind.RESCORE else []
        with self.database.write() as session:
            regrade = repository.get(session, regrade_id, lock=True)
            if regrade is None or regrade.state is not RegradeState.RUNNING:
                return False
            # A second job, after a crash or a slow heartbeat, may have processed these entries meanwhile.
            open_ids = repository.in_state(session, regrade_id, EntryState.PENDING, waiting)
            if regrade.kind is Kind.RESCORE:
                store(
                    session, regrade, [result for result in results if result.stored_result.submission.id in open_ids]
                )
            else:
                self._enqueue(session, regrade, [identifier for identifier in waiting if identifier in open_ids])
            end_if_complete(session, regrade)
        return bool(waiting)

    def _rescore(self, session: Session, regrade: Regrade, waiting: list[uuid.UUID]) -> list[Result]:
        stored_results = repository.stored_results(session, waiting, evidence=True)
        return [rescored(regrade, stored_results[identifier]) for identifier in waiting]

    def _enqueue(self, session: Session, regrade: Regrade, waiting: list[uuid.UUID]) -> None:
        assignment = assignments.definition(regrade.target)
        for identifier in waiting:
            self.engine.enqueue_remeasure(session, regrade.id, identifier, assignment)
        repository.write_entries(
            session,
            [
                {"regrade_id": regrade.id, "submission_id": identifier, "state": EntryState.QUEUED}
                for identifier in waiting
            ],
        )


def store(session: Session, regrade: Regrade, results: list[Result]) -> None:
    """Store the results of some submissions."""
    repository.write_entries(session, [result.entry(regrade.id) for result in results])
    repository.write_changes(session, regrade.id, [change for result in results for change in result.changes])


def end_if_complete(session: Session, regrade: Regrade) -> None:
    """End the preview when no entry is open. The caller has locked the regrade's row."""
    session.flush()
    if repository.is_complete(session, regrade.id):
        regrade.state, regrade.previewed_at = RegradeState.PREVIEW, now()


def rescored(regrade: Regrade, stored_result: StoredResult) -> Result:
    """The result of scoring the current evidence by the regrade's version of the assignment."""
    measured = {}
    for number, text in stored_result.evidence.items():
        if regrade.whole or number in regrade.questions:
            try:
                measured[number] = stored_result.rows[number].evidence_id, stored_evidence.parse_json(text)
            except ValueError as error:
                reason = str(error).splitlines()[0]
                return Result(
                    stored_result, fault=f"The stored evidence of question {number} cannot be read ({reason})."
                )
    return result(regrade, stored_result, measured)


def result(regrade: Regrade, stored_result: StoredResult, measured: MeasuredEvidence) -> Result:
    """The result of scoring this evidence by the regrade's version of the assignment."""
    try:
        return Result(stored_result, _changes(regrade, stored_result, measured))
    except NotScorable as reason:
        return Result(stored_result, fault=str(reason))
    except Exception as error:  # noqa: BLE001 - one broken submission must not cost the class its regrade
        structlog.get_logger().exception("submission not regraded", submission=str(stored_result.submission.id))
        return Result(stored_result, fault=f"{type(error).__name__}: {error}"[:4000])


def _changes(regrade: Regrade, stored_result: StoredResult, measured: MeasuredEvidence) -> list[Change]:
    target = assignments.definition(regrade.target)
    current = assignments.definition(stored_result.submission.assignment)
    cause = _cause(regrade, current, target)
    numbers = regrade.questions or [question.number for question in target.questions]
    after: dict[str, ScoreRow | None] = {}
    if regrade.whole:
        # Questions that the new version no longer asks lose their score.
        after = {question.number: None for question in current.questions}
    for number in numbers:
        if number not in measured:
            raise NotScorable(f"Question {number} was never measured for this submission. Regrade with `remeasure`.")
        after[number] = _score(target, regrade.target_id, number, *measured[number])
    identifier = stored_result.submission.id
    comparisons = (
        compare(identifier, number, stored_result.rows.get(number), row, regrade.kind, cause)
        for number, row in after.items()
    )
    changes = [change for change in comparisons if change is not None]
    if regrade.whole:
        changes += _late(stored_result, current, target)
    return changes


def _late(stored_result: StoredResult, current: Assignment, target: Assignment) -> list[Change]:
    """The change to the late deduction when the new version has another deadline or late rule."""
    submission, extended_to = stored_result.submission, stored_result.extended_to
    before, after = (
        late.percent if (late := lateness(version.schedule, submission.submitted_at, extended_to)) else 0.0
        for version in (current, target)
    )
    if before == after:
        return []
    reason = f"version {target.version} of {target.slug}: late submission deducts {after:g}% instead of {before:g}%"
    return [Change(submission.id, LATE, None, None, reason, (before, after))]


def _score(target: Assignment, rubric_id: int, number: str, evidence_id: int, evidence: Evidence) -> ScoreRow:
    scored = scoring.score(target, number, evidence)
    return ScoreRow(
        evidence_id=evidence_id,
        rubric_id=rubric_id,
        score=scored.score,
        max_score=scored.max_score,
        verdict=scored.verdict,
        fault=scored.fault,
        messages=computing.stored_messages(scored),
        computed_at=None,
    )


def _cause(regrade: Regrade, current: Assignment, target: Assignment) -> str:
    version = f"version {target.version} of {target.slug}"
    if current.version != target.version:
        version += f" instead of {current.version}"
    if regrade.kind is Kind.RESCORE:
        return f"scored by {version}"
    return f"measured again by grader {regrade.grader_version}, scored by {version}"


def own_fault(fault: Fault, question: str) -> str:
    """The fault of a submission whose measuring failed through no fault of the student."""
    return f"Question {question} could not be measured: a fault of the {fault.value}. The former result stays."
