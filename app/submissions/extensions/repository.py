"""SQL of extensions."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session, joinedload

from app.assignments.models import PublishedAssignment
from app.submissions.extensions.models import Extension
from app.submissions.models import Submission


def get(session: Session, slug: str, user_id: int) -> Extension | None:
    """A student's extension."""
    return session.get(Extension, (slug, user_id))


def of_assignment(session: Session, slug: str) -> list[Extension]:
    """Every extension of an assignment, by deadline."""
    query = (
        select(Extension).where(Extension.slug == slug).options(joinedload(Extension.user), joinedload(Extension.by))
    )
    return list(session.scalars(query.order_by(Extension.deadline, Extension.user_id)))


def latest(session: Session, slug: str) -> datetime | None:
    """The latest extended deadline of an assignment, if there is one."""
    return session.scalar(
        select(Extension.deadline).where(Extension.slug == slug).order_by(Extension.deadline.desc()).limit(1)
    )


def last(session: Session, slug: str) -> Extension | None:
    """The extension with the latest deadline, if there is one."""
    query = select(Extension).where(Extension.slug == slug).options(joinedload(Extension.user))
    return session.scalar(query.order_by(Extension.deadline.desc(), Extension.user_id).limit(1))


def deadlines(session: Session, slug: str) -> dict[int, datetime]:
    """The extended deadlines of an assignment by user."""
    query = select(Extension.user_id, Extension.deadline).where(Extension.slug == slug)
    return dict(session.execute(query).all())


def of_submissions(
    session: Session, submission_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, tuple[datetime, datetime | None]]:
    """The time of each submission, and the extended deadline of its student. Takes at most some hundred ids."""
    query = (
        select(Submission.id, Submission.submitted_at, Extension.deadline)
        .join(PublishedAssignment, PublishedAssignment.id == Submission.assignment_id)
        .outerjoin(Extension, and_(Extension.slug == PublishedAssignment.slug, Extension.user_id == Submission.user_id))
        .where(Submission.id.in_(submission_ids))
    )
    return {identifier: (submitted_at, deadline) for identifier, submitted_at, deadline in session.execute(query)}


def touch_submissions(session: Session, slug: str, user_id: int) -> None:
    """Increase the revision of the student's submissions: their points may have changed."""
    versions = select(PublishedAssignment.id).where(PublishedAssignment.slug == slug)
    session.execute(
        update(Submission)
        .where(Submission.user_id == user_id, Submission.assignment_id.in_(versions))
        .values(revision=Submission.revision + 1),
        execution_options={"synchronize_session": False},
    )
