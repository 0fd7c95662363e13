"""SQL of submissions. `visible` alone decides which rows a viewer may see."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, true, tuple_, union_all, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, joinedload

from app.assignments import service as assignments
from app.assignments.models import PublishedAssignment
from app.assignments.repository import in_courses
from app.auth import access
from app.auth.viewer import Viewer
from app.db.base import now
from app.submissions.models import Blob, Run, State, StoredEvidence, Submission, SubmissionPart
from app.users.models import User
from grader.assignment import Assignment

_BLOB_TOUCH = timedelta(hours=1)
"""Bytes that are stored again count as new from this age on; the deletion of unused ones waits longer."""


def visible(viewer: Viewer) -> ColumnElement[bool]:
    """The condition on submissions that a viewer may see: their own in their courses, as staff all of the course.

    Within a course, only those of the course.
    """
    if viewer.is_admin:
        return true() if viewer.course is None else _in_courses([viewer.course])
    courses = viewer.roles if viewer.course is None else [viewer.course]
    as_staff = [course for course in access.courses_of_staff(viewer) if course in courses]
    own = and_(Submission.user_id == viewer.user_id, _in_courses(courses))
    return or_(own, _in_courses(as_staff)) if as_staff else own


def _in_courses(courses: Collection[str]) -> ColumnElement[bool]:
    return Submission.assignment_id.in_(select(PublishedAssignment.id).where(in_courses(courses)))


def get(session: Session, viewer: Viewer, submission_id: uuid.UUID, *, lock: bool = False) -> Submission | None:
    """The submission if the viewer may see it. ``lock`` keeps other writers off until the transaction ends."""
    query = select(Submission).where(Submission.id == submission_id, visible(viewer))
    if lock:
        return session.scalar(query.with_for_update())
    return session.scalar(query.options(joinedload(Submission.user), joinedload(Submission.assignment)))


def load(session: Session, submission_id: uuid.UUID) -> Submission:
    """The submission that has this id, for any viewer. Raises ``NoResultFound``."""
    return session.get_one(Submission, submission_id)


def assignment_of(session: Session, submission_id: uuid.UUID) -> Assignment:
    """The definition of the version that this submission belongs to."""
    return assignments.definition(load(session, submission_id).assignment)


def slug_of(session: Session, submission_id: uuid.UUID) -> str | None:
    """The assignment that a submission belongs to."""
    return session.scalar(select(PublishedAssignment.slug).join(Submission).where(Submission.id == submission_id))


def student_of(session: Session, submission_id: uuid.UUID) -> int | None:
    """Whose submission it is."""
    return session.scalar(select(Submission.user_id).where(Submission.id == submission_id))


def status(session: Session, viewer: Viewer, submission_id: uuid.UUID) -> tuple[State, int] | None:
    """The state and revision alone, for frequent polling."""
    row = session.execute(
        select(Submission.state, Submission.revision).where(Submission.id == submission_id, visible(viewer))
    ).one_or_none()
    return row if row else None


def statuses(session: Session, submission_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[State, int]]:
    """The state and revision of each of these submissions, for any viewer."""
    query = select(Submission.id, Submission.state, Submission.revision).where(Submission.id.in_(submission_ids))
    return {key: (state, revision) for key, state, revision in session.execute(query)}


def page(
    session: Session,
    viewer: Viewer,
    *,
    assignment: str | None,
    student: str | None,
    state: State | None,
    before: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[Submission]:
    """Visible submissions, newest first, after the position ``before``."""
    newest = (Submission.submitted_at.desc(), Submission.id.desc())
    query = (
        select(Submission)
        .where(visible(viewer))
        .options(joinedload(Submission.user), joinedload(Submission.assignment))
        .order_by(*newest)
        .limit(limit)
    )
    conditions: list[ColumnElement[bool]] = []
    if state is not None:
        conditions.append(Submission.state == state)
    if before is not None:
        conditions.append(tuple_(Submission.submitted_at, Submission.id) < tuple_(*before))
    if student is not None:
        query = query.join(User, Submission.user_id == User.id).where(User.login == student)
    if assignment is not None:
        versions = session.scalars(select(PublishedAssignment.id).where(PublishedAssignment.slug == assignment)).all()
        if student is None and access.is_staff_of(viewer, assignment) and versions:
            # An index gives the newest of each version; SQLite would sort all submissions of the assignment.
            version_ids = [
                select(Submission.id)
                .where(Submission.assignment_id == version, *conditions)
                .order_by(*newest)
                .limit(limit)
                for version in versions
            ]
            conditions = [Submission.id.in_(union_all(*(select(ids.subquery().c.id) for ids in version_ids)))]
        else:
            conditions.append(Submission.assignment_id.in_(versions))
    return list(session.scalars(query.where(*conditions)))


def newest_slug(session: Session, slugs: Collection[str]) -> str | None:
    """The assignment, one of these, of the newest submission."""
    query = select(PublishedAssignment.slug).join(Submission, Submission.assignment_id == PublishedAssignment.id)
    query = query.where(PublishedAssignment.slug.in_(slugs))
    return session.scalar(query.order_by(Submission.submitted_at.desc(), Submission.id.desc()).limit(1))


def unfinished(session: Session, limit: int) -> list[Submission]:
    """Submissions that wait or are being graded, oldest first."""
    query = select(Submission).where(Submission.state.in_((State.QUEUED, State.RUNNING)))
    query = query.options(joinedload(Submission.user), joinedload(Submission.assignment))
    return list(session.scalars(query.order_by(Submission.submitted_at, Submission.id).limit(limit)))


def by_idempotency_key(session: Session, user_id: int, key: str) -> Submission | None:
    """The student's submission with this idempotency key."""
    return session.scalar(select(Submission).where(Submission.user_id == user_id, Submission.idempotency_key == key))


def by_attempt(session: Session, user_id: int, slug: str, attempt: int) -> Submission | None:
    """The student's attempt at an assignment with this number."""
    query = select(Submission).join(PublishedAssignment)
    query = query.where(Submission.user_id == user_id, PublishedAssignment.slug == slug)
    return session.scalar(query.where(Submission.attempt == attempt))


def counted_times(session: Session, user_id: int, slug: str, since: datetime) -> Sequence[datetime]:
    """When a student submitted the attempts that count in the quota, after ``since``; oldest first."""
    query = select(Submission.submitted_at).join(PublishedAssignment)
    query = query.where(Submission.user_id == user_id, PublishedAssignment.slug == slug, Submission.counts)
    return session.scalars(query.where(Submission.submitted_at > since).order_by(Submission.submitted_at)).all()


def free_cancel_times(session: Session, user_id: int, slug: str, since: datetime) -> Sequence[datetime]:
    """When a student submitted what was cancelled at no cost, after ``since``; oldest first."""
    query = select(Submission.submitted_at).join(PublishedAssignment)
    query = query.where(Submission.user_id == user_id, PublishedAssignment.slug == slug, ~Submission.counts)
    query = query.where(Submission.state == State.CANCELLED, Submission.submitted_at > since)
    return session.scalars(query.order_by(Submission.submitted_at)).all()


def give_back(session: Session, user_id: int, slug: str, since: datetime) -> list[int]:
    """Take a student's attempts after ``since`` out of the daily quota. Returns their numbers."""
    versions = select(PublishedAssignment.id).where(PublishedAssignment.slug == slug)
    rows = session.scalars(
        select(Submission).where(
            Submission.user_id == user_id,
            Submission.assignment_id.in_(versions),
            Submission.counts,
            Submission.submitted_at > since,
        )
    ).all()
    for row in rows:
        row.counts = False
    return sorted(row.attempt for row in rows)


def next_attempt(session: Session, user_id: int, slug: str) -> int:
    """The number of the student's next attempt at an assignment. The caller holds the user's row."""
    last = session.scalar(
        select(func.max(Submission.attempt))
        .join(PublishedAssignment)
        .where(Submission.user_id == user_id, PublishedAssignment.slug == slug)
    )
    return (last or 0) + 1


def lock_user(session: Session, user_id: int) -> None:
    """Serialise the submissions of one student, for quota, attempt number and idempotency key.

    SQLite has one writer at a time and needs no lock.
    """
    if session.get_bind().dialect.name != "sqlite":
        session.execute(select(User.id).where(User.id == user_id).with_for_update())


def store_blobs(session: Session, blobs: Mapping[str, bytes]) -> None:
    """Store bytes under their SHA-256 unless they are stored already."""
    moment = now()
    insert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    # One order for all transactions prevents deadlocks between equal uploads.
    values = [
        {"sha256": key, "size": len(data), "data": data, "stored_at": moment} for key, data in sorted(blobs.items())
    ]
    # A conflict locks the row, so that `forget_cancelled` never deletes bytes that this transaction refers to.
    session.execute(
        insert(Blob).on_conflict_do_update(
            index_elements=["sha256"], set_={"stored_at": moment}, where=Blob.stored_at < moment - _BLOB_TOUCH
        ),
        values,
    )


def forget_cancelled(session: Session, before: datetime, limit: int = 100) -> int:
    """Delete the parts, and their bytes, of submissions that were cancelled without a verdict before this time.

    Bytes that anything else refers to stay. Returns the number of submissions.
    """
    ended = Submission.state == State.CANCELLED, Submission.finished_at < before
    parts_left = exists().where(SubmissionPart.submission_id == Submission.id)
    verdicts = exists().where(StoredEvidence.submission_id == Submission.id)
    query = select(Submission.id).where(*ended, parts_left, ~verdicts).order_by(Submission.finished_at).limit(limit)
    identifiers = session.scalars(query).all()
    if not identifiers:
        return 0
    own = SubmissionPart.submission_id.in_(identifiers)
    digests = session.scalars(select(SubmissionPart.blob_sha256).where(own).distinct()).all()
    session.execute(delete(SubmissionPart).where(own))
    references = (SubmissionPart.blob_sha256, Run.picture_sha256, Run.artefact_sha256)
    unused = (~exists().where(reference == Blob.sha256) for reference in references)
    session.execute(delete(Blob).where(Blob.sha256.in_(digests), Blob.stored_at < before, *unused))
    return len(identifiers)


def blob(session: Session, sha256: str) -> bytes:
    """The bytes with this SHA-256."""
    return session.scalars(select(Blob.data).where(Blob.sha256 == sha256)).one()


def parts(session: Session, submission_id: uuid.UUID) -> list[SubmissionPart]:
    """The uploaded parts of a submission, without their bytes."""
    query = select(SubmissionPart).where(SubmissionPart.submission_id == submission_id).order_by(SubmissionPart.name)
    return list(session.scalars(query.options(joinedload(SubmissionPart.blob))))


def part_files(
    session: Session, submission_id: uuid.UUID, names: Collection[str] | None = None
) -> list[tuple[str, str | None, bytes]]:
    """The name, the uploaded file's name and the bytes of each part of a submission, or of those with these names."""
    query = select(SubmissionPart.name, SubmissionPart.filename, Blob.data).join(SubmissionPart.blob)
    if names is not None:
        query = query.where(SubmissionPart.name.in_(names))
    rows = session.execute(query.where(SubmissionPart.submission_id == submission_id).order_by(SubmissionPart.name))
    return [(name, filename, data) for name, filename, data in rows]


def run(session: Session, run_id: int | None) -> Run | None:
    """A run by id."""
    return session.get(Run, run_id) if run_id is not None else None


def load_run(session: Session, run_id: int) -> Run:
    """The run that has this id. Raises ``NoResultFound``."""
    return session.get_one(Run, run_id)


def assignment_of_run(session: Session, run_id: int) -> Assignment:
    """The definition of the version that a run measured with."""
    return assignments.definition(session.get_one(PublishedAssignment, load_run(session, run_id).assignment_id))


def runs(session: Session, submission_id: uuid.UUID) -> list[Run]:
    """Every run of a submission, oldest first."""
    return list(session.scalars(select(Run).where(Run.submission_id == submission_id).order_by(Run.number)))


def run_evidence(session: Session, run_id: int) -> list[StoredEvidence]:
    """The last evidence of each question from one run."""
    rows = session.scalars(select(StoredEvidence).where(StoredEvidence.run_id == run_id).order_by(StoredEvidence.id))
    return list({row.question: row for row in rows}.values())


def first_measured(session: Session, run_id: int) -> dict[str, datetime]:
    """By question, the time of its first evidence in a run."""
    first = select(StoredEvidence.question, func.min(StoredEvidence.measured_at))
    return dict(session.execute(first.where(StoredEvidence.run_id == run_id).group_by(StoredEvidence.question)).all())


def touch(session: Session, submission_id: uuid.UUID) -> None:
    """Increase the revision: something visible changed."""
    session.execute(
        update(Submission).where(Submission.id == submission_id).values(revision=Submission.revision + 1),
        execution_options={"synchronize_session": False},
    )
