"""SQL of claims."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from app.assignments.models import PublishedAssignment
from app.scores.claims.models import ReviewClaim
from app.submissions.models import Submission
from app.users.models import User

_NO_SYNC = {"synchronize_session": False}


def take(
    session: Session, submission_id: uuid.UUID, question: str, user_id: int, moment: datetime, until: datetime
) -> bool:
    """Mark a question as open until a time, unless somebody else has it open. Of two at once only one succeeds."""
    insert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    values = {"submission_id": submission_id, "question": question, "user_id": user_id, "until": until}
    query = insert(ReviewClaim).values(values)
    query = query.on_conflict_do_update(
        index_elements=["submission_id", "question"],
        set_={"user_id": user_id, "until": until},
        where=or_(ReviewClaim.user_id == user_id, ReviewClaim.until <= moment),
    )
    return session.scalar(query.returning(ReviewClaim.user_id)) is not None


def active(session: Session, slug: str, moment: datetime) -> Sequence[Any]:
    """The claims of an assignment that have not run out: submission id, question, user id, login and name."""
    query = (
        select(ReviewClaim.submission_id, ReviewClaim.question, ReviewClaim.user_id, User.login, User.name)
        .join(User, User.id == ReviewClaim.user_id)
        .join(Submission, Submission.id == ReviewClaim.submission_id)
        .join(PublishedAssignment)
        .where(PublishedAssignment.slug == slug, ReviewClaim.until > moment)
    )
    return session.execute(query).all()


def shorten(session: Session, user_id: int, until: datetime) -> None:
    """Let all claims of a grader run out at this time, if they would later."""
    query = update(ReviewClaim).where(ReviewClaim.user_id == user_id, ReviewClaim.until > until)
    session.execute(query.values(until=until), execution_options=_NO_SYNC)


def forget(session: Session, before: datetime) -> None:
    """Delete the claims that ran out before this time."""
    session.execute(delete(ReviewClaim).where(ReviewClaim.until < before), execution_options=_NO_SYNC)
