"""SQL of regrades. Whole classes are read and written in chunks, by columns and not by objects."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Text, and_, cast, delete, func, insert, select, update
from sqlalchemy.orm import Session, joinedload

from app.assignments import service as assignments
from app.assignments.models import PublishedAssignment
from app.regrades.models import EntryState, Regrade, RegradeChange, RegradeEntry, RegradeState
from app.regrades.rows import Change, ScoreRow, basis
from app.regrades.selection import Condition
from app.scores.models import Override, StoredScore
from app.submissions.extensions import repository as extensions
from app.submissions.models import Run, State, StoredEvidence, Submission
from app.users.models import User
from grader.assignment import Assignment

_CHUNK = 500
"""Both databases limit the parameters of one statement."""


def chunks(ids: Collection[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    """The ids in lists short enough for one statement."""
    every = list(ids)
    for start in range(0, len(every), _CHUNK):
        yield every[start : start + _CHUNK]


def get(session: Session, regrade_id: uuid.UUID, *, lock: bool = False) -> Regrade | None:
    """A regrade. ``lock`` keeps other writers off until the transaction ends."""
    query = select(Regrade).where(Regrade.id == regrade_id)
    return session.scalar(query.with_for_update() if lock else query)


def slug_of(session: Session, regrade_id: uuid.UUID) -> str | None:
    """The assignment of a regrade."""
    return session.scalar(select(Regrade.slug).where(Regrade.id == regrade_id))


def target_of(session: Session, regrade_id: uuid.UUID) -> Assignment:
    """The definition of the version that a regrade measures or scores with."""
    return assignments.definition(session.get_one(Regrade, regrade_id).target)


def newest(session: Session, limit: int) -> list[Regrade]:
    """The latest regrades of all assignments, newest first."""
    query = select(Regrade).options(joinedload(Regrade.created_by), joinedload(Regrade.target))
    return list(session.scalars(query.order_by(Regrade.created_at.desc(), Regrade.id).limit(limit)))


def open_one(session: Session, slug: str) -> Regrade | None:
    """The regrade of an assignment that is neither published nor ended."""
    states = (RegradeState.RUNNING, RegradeState.PREVIEW)
    return session.scalar(select(Regrade).where(Regrade.slug == slug, Regrade.state.in_(states)))


def add_entries(session: Session, regrade_id: uuid.UUID, submission_ids: Collection[uuid.UUID]) -> None:
    """The submissions of a new regrade."""
    for chunk in chunks(submission_ids):
        values = [
            {"regrade_id": regrade_id, "submission_id": identifier, "state": EntryState.PENDING} for identifier in chunk
        ]
        session.execute(insert(RegradeEntry), values)


def entry(session: Session, regrade_id: uuid.UUID, submission_id: uuid.UUID) -> RegradeEntry:
    """One submission of a regrade."""
    return session.get_one(RegradeEntry, (regrade_id, submission_id), populate_existing=True)


def done_entries(session: Session, regrade_id: uuid.UUID) -> dict[uuid.UUID, RegradeEntry]:
    """The entries of a regrade whose submissions were regraded, by submission."""
    query = select(RegradeEntry).where(RegradeEntry.regrade_id == regrade_id, RegradeEntry.state == EntryState.DONE)
    return {entry.submission_id: entry for entry in session.scalars(query)}


def submission_ids(session: Session, regrade_id: uuid.UUID) -> set[uuid.UUID]:
    """All submissions of a regrade."""
    return set(session.scalars(select(RegradeEntry.submission_id).where(RegradeEntry.regrade_id == regrade_id)))


def measured_with(session: Session, evidence_id: int) -> tuple[dict[str, Any], str, PublishedAssignment]:
    """Evidence with the grader's version and the version of the assignment that measured it."""
    evidence, grader_version, assignment = session.execute(
        select(StoredEvidence.data, Run.grader_version, PublishedAssignment)
        .join(Run, Run.id == StoredEvidence.run_id)
        .join(PublishedAssignment, PublishedAssignment.id == Run.assignment_id)
        .where(StoredEvidence.id == evidence_id)
    ).one()
    return evidence, grader_version, assignment


def entry_ids(session: Session, regrade_id: uuid.UUID, state: EntryState, limit: int | None = None) -> list[uuid.UUID]:
    """The submissions of a regrade in this state."""
    query = select(RegradeEntry.submission_id).where(RegradeEntry.regrade_id == regrade_id, RegradeEntry.state == state)
    return list(session.scalars(query.order_by(RegradeEntry.submission_id).limit(limit)))


def in_state(
    session: Session, regrade_id: uuid.UUID, state: EntryState, submission_ids: Collection[uuid.UUID]
) -> set[uuid.UUID]:
    """The submissions among these that are in this state within a regrade."""
    query = select(RegradeEntry.submission_id).where(RegradeEntry.regrade_id == regrade_id, RegradeEntry.state == state)
    return {
        identifier
        for chunk in chunks(submission_ids)
        for identifier in session.scalars(query.where(RegradeEntry.submission_id.in_(chunk)))
    }


def is_complete(session: Session, regrade_id: uuid.UUID) -> bool:
    """Whether a regrade has processed every submission. One index answers it, because it is asked after each one."""
    open_entries = select(RegradeEntry.submission_id).where(
        RegradeEntry.regrade_id == regrade_id, RegradeEntry.state.in_((EntryState.PENDING, EntryState.QUEUED))
    )
    return session.scalar(open_entries.limit(1)) is None


def progress(session: Session, regrade_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[EntryState, int]]:
    """The number of submissions in each state, by regrade."""
    query = select(RegradeEntry.regrade_id, RegradeEntry.state, func.count()).where(
        RegradeEntry.regrade_id.in_(regrade_ids)
    )
    counts: dict[uuid.UUID, dict[EntryState, int]] = {regrade_id: {} for regrade_id in regrade_ids}
    for regrade_id, state, count in session.execute(query.group_by(RegradeEntry.regrade_id, RegradeEntry.state)):
        counts[regrade_id][state] = count
    return counts


def changed(session: Session, regrade_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """The number of changes that students see or would see, by regrade."""
    query = select(RegradeChange.regrade_id, func.count()).where(
        RegradeChange.regrade_id.in_(regrade_ids), RegradeChange.reason.is_not(None)
    )
    return dict(session.execute(query.group_by(RegradeChange.regrade_id)).all())


def faults(session: Session, regrade_id: uuid.UUID) -> Sequence[Row[uuid.UUID, str, str | None]]:
    """Submission, student and reason of every entry that could not be regraded."""
    query = (
        select(RegradeEntry.submission_id, User.login, RegradeEntry.fault)
        .join(Submission, Submission.id == RegradeEntry.submission_id)
        .join(User, User.id == Submission.user_id)
        .where(RegradeEntry.regrade_id == regrade_id, RegradeEntry.state == EntryState.FAULT)
        .order_by(User.login, RegradeEntry.submission_id)
    )
    return session.execute(query).all()


def visible_changes(session: Session, regrade_id: uuid.UUID) -> list[tuple[RegradeChange, str, float | None]]:
    """Every change that a student sees, with the login and the active override's points, by student and question."""
    query = (
        select(RegradeChange, User.login, Override.score)
        .join(Submission, Submission.id == RegradeChange.submission_id)
        .join(User, User.id == Submission.user_id)
        .outerjoin(
            Override,
            and_(
                Override.submission_id == RegradeChange.submission_id,
                Override.question == RegradeChange.question,
                Override.ended_at.is_(None),
            ),
        )
        .where(RegradeChange.regrade_id == regrade_id, RegradeChange.reason.is_not(None))
        .order_by(User.login, Submission.submitted_at, Submission.id, RegradeChange.question)
    )
    return [(change, login, override) for change, login, override in session.execute(query)]


def changes(session: Session, regrade_id: uuid.UUID) -> list[Change]:
    """Every row that a regrade writes, visible or not."""
    rows = session.scalars(select(RegradeChange).where(RegradeChange.regrade_id == regrade_id))
    return [
        Change(
            submission_id=row.submission_id,
            question=row.question,
            before=ScoreRow.of(row.before) if row.before else None,
            after=ScoreRow.of(row.after) if row.after else None,
            reason=row.reason,
        )
        for row in rows
    ]


def published_for(
    session: Session, submission_id: uuid.UUID
) -> Sequence[Row[str, float | None, float | None, datetime | None]]:
    """Question, old points, new points and time of what published regrades changed on a submission, oldest first."""
    query = (
        select(RegradeChange.question, RegradeChange.old, RegradeChange.new, Regrade.published_at)
        .join(Regrade, Regrade.id == RegradeChange.regrade_id)
        .where(
            RegradeChange.submission_id == submission_id,
            RegradeChange.reason.is_not(None),
            Regrade.state == RegradeState.PUBLISHED,
        )
        .order_by(Regrade.published_at)
    )
    return session.execute(query).all()


@dataclass(frozen=True)
class StoredResult:
    """A submission with the scores and the evidence that count now."""

    submission: Submission
    rows: dict[str, ScoreRow]
    evidence: dict[str, str]
    """Stored evidence by question, as JSON text; empty unless asked for."""
    extended_to: datetime | None = None
    """The student's extended deadline."""

    @property
    def basis(self) -> str:
        """See `app.regrades.rows.basis`."""
        return basis(self.submission.state, self.submission.run_id, self.submission.assignment_id, self.rows)


def stored_results(
    session: Session, submission_ids: Collection[uuid.UUID], *, evidence: bool = False, lock: bool = False
) -> dict[uuid.UUID, StoredResult]:
    """Submissions with their current scores, in the order of the ids."""
    results: dict[uuid.UUID, StoredResult] = {}
    for chunk in chunks(sorted(submission_ids)):
        # One order of locking prevents deadlocks between two writers.
        query = select(Submission).where(Submission.id.in_(chunk)).order_by(Submission.id)
        if lock:
            query = query.with_for_update()
        submissions = session.scalars(query, execution_options={"populate_existing": True})
        times = extensions.of_submissions(session, chunk)
        results |= {
            submission.id: StoredResult(submission, {}, {}, times[submission.id][1]) for submission in submissions
        }
        for identifier, question, row, data in _score_rows(session, chunk, evidence):
            results[identifier].rows[question] = row
            if data is not None:
                results[identifier].evidence[question] = data
    return results


def _score_rows(
    session: Session, ids: list[uuid.UUID], evidence: bool
) -> Iterator[tuple[uuid.UUID, str, ScoreRow, str | None]]:
    columns = [
        StoredScore.submission_id,
        StoredScore.question,
        *(getattr(StoredScore, name) for name in ScoreRow.__slots__),
    ]
    query = select(*columns).where(StoredScore.submission_id.in_(ids))
    if evidence:
        query = query.add_columns(cast(StoredEvidence.data, Text)).join(
            StoredEvidence, StoredEvidence.id == StoredScore.evidence_id
        )
    for values in session.execute(query):
        identifier, question, *score = values
        data = score.pop() if evidence else None
        yield identifier, question, ScoreRow(*score), data


def of_other_versions(session: Session, submission_ids: Collection[uuid.UUID], version_id: int) -> list[uuid.UUID]:
    """The submissions among these that another version of the assignment graded."""
    identifiers: list[uuid.UUID] = []
    for chunk in chunks(submission_ids):
        query = select(Submission.id).where(Submission.id.in_(chunk), Submission.assignment_id != version_id)
        identifiers += session.scalars(query)
    return identifiers


def write_entries(session: Session, values: list[dict[str, Any]]) -> None:
    """Set columns of entries by their key."""
    if values:
        session.execute(update(RegradeEntry), values)


def write_changes(session: Session, regrade_id: uuid.UUID, changes: Collection[Change]) -> None:
    """Store the changes of a regrade."""
    if changes:
        session.execute(insert(RegradeChange), [change.values(regrade_id) for change in changes])


def write_scores(session: Session, targets: Collection[tuple[Change, ScoreRow | None]], published_at: datetime) -> None:
    """Update, insert or delete the scores of the changes, so that these rows are stored."""
    by_key: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for change, row in targets:
        key = {"submission_id": change.submission_id, "question": change.question}
        if row is None:
            session.execute(
                delete(StoredScore).where(
                    StoredScore.submission_id == change.submission_id, StoredScore.question == change.question
                )
            )
        else:
            stored = change.before if row is change.after else change.after
            by_key["insert" if stored is None else "update"].append(key | row.columns(published_at))
    if by_key["insert"]:
        session.execute(insert(StoredScore), by_key["insert"])
    if by_key["update"]:
        session.execute(update(StoredScore), by_key["update"])


def write_submissions(session: Session, values: list[dict[str, Any]]) -> None:
    """Set columns of submissions by their id."""
    if values:
        session.execute(update(Submission), values)


def select_submissions(session: Session, slug: str, condition: Condition, questions: list[str]) -> list[uuid.UUID]:
    """The graded and failed submissions of an assignment that meet the condition, oldest first.

    A grading that still runs uses the newest version anyway, and a cancelled one has nothing to score. A regrade of
    some ``questions`` applies the condition to those.
    """
    query = (
        select(Submission.id, Submission.submitted_at)
        .join(PublishedAssignment, PublishedAssignment.id == Submission.assignment_id)
        .join(User, User.id == Submission.user_id)
        .where(PublishedAssignment.slug == slug, Submission.state.in_((State.GRADED, State.FAILED)))
        # Without evidence and uploads, a regrade would take the points that stay.
        .where(User.deleted_at.is_(None))
        .order_by(Submission.submitted_at, Submission.id)
    )
    if condition.student is not None:
        query = query.where(User.login == condition.student)
    if condition.grader_version is not None:
        query = query.join(Run, Run.id == Submission.run_id).where(Run.grader_version == condition.grader_version)
    query = query.where(*_between(condition.submitted_since, condition.submitted_until))
    if condition.question is None and condition.verdict is None and condition.message is None:
        return [identifier for identifier, _ in session.execute(query)]
    scored = query.join(StoredScore, StoredScore.submission_id == Submission.id).add_columns(StoredScore.messages)
    numbers = [condition.question] if condition.question is not None else questions
    if numbers:
        scored = scored.where(StoredScore.question.in_(numbers))
    if condition.verdict is not None:
        scored = scored.where(StoredScore.verdict == condition.verdict)
    matching = {
        identifier: None
        for identifier, _, messages in session.execute(scored)
        if condition.message is None or condition.message in (message["id"] for message in messages)
    }
    return list(matching)


def _between(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    bounds = []
    if since is not None:
        bounds.append(Submission.submitted_at >= since)
    if until is not None:
        bounds.append(Submission.submitted_at < until)
    return bounds
