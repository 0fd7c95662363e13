"""SQL of second readings."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, joinedload

from app.assignments.models import PublishedAssignment
from app.scores.models import Override, StoredScore
from app.scores.second_readings.models import SecondReading
from app.submissions.models import Submission
from app.users.models import User
from grader.scoring import Verdict


def get(session: Session, submission_id: uuid.UUID, question: str) -> SecondReading | None:
    """The second reading of a question of a submission."""
    return session.get(SecondReading, (submission_id, question))


def unread(session: Session, slug: str) -> Sequence[Any]:
    """The reviews without a second reading, oldest first: submission id, question, reviewer's id, student's id."""
    query = (
        select(Override.submission_id, Override.question, Override.by_id, Submission.user_id)
        .join(
            StoredScore,
            and_(StoredScore.submission_id == Override.submission_id, StoredScore.question == Override.question),
        )
        .join(Submission, Submission.id == Override.submission_id)
        .join(PublishedAssignment)
        .outerjoin(
            SecondReading,
            and_(SecondReading.submission_id == Override.submission_id, SecondReading.question == Override.question),
        )
        .where(
            PublishedAssignment.slug == slug,
            Override.ended_at.is_(None),
            StoredScore.verdict == Verdict.NEEDS_REVIEW,
            SecondReading.submission_id.is_(None),
        )
        .order_by(Override.id)
    )
    return session.execute(query).all()


def of_assignment(session: Session, slug: str) -> list[tuple[SecondReading, str]]:
    """The second readings of an assignment with the login of each student, newest first."""
    query = (
        select(SecondReading, User.login)
        .join(Submission, Submission.id == SecondReading.submission_id)
        .join(User, User.id == Submission.user_id)
        .join(PublishedAssignment)
        .where(PublishedAssignment.slug == slug)
        .options(joinedload(SecondReading.by), joinedload(SecondReading.first).joinedload(Override.by))
        .order_by(SecondReading.at.desc())
    )
    return [(row[0], row[1]) for row in session.execute(query)]
