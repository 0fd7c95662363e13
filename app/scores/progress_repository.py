"""SQL of the progress of reviews."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from app.assignments.models import PublishedAssignment
from app.scores.models import Override, StoredScore
from app.submissions.models import Submission
from app.users.models import User
from grader.scoring import Verdict


def reviews(session: Session, slug: str) -> Sequence[Any]:
    """The results that the grader left to people: submission id, question, and the login of who decided or ``None``."""
    active = and_(
        Override.submission_id == StoredScore.submission_id,
        Override.question == StoredScore.question,
        Override.ended_at.is_(None),
    )
    query = (
        select(StoredScore.submission_id, StoredScore.question, User.login)
        .join(Submission, Submission.id == StoredScore.submission_id)
        .join(PublishedAssignment)
        .outerjoin(Override, active)
        .outerjoin(User, User.id == Override.by_id)
        .where(PublishedAssignment.slug == slug, StoredScore.verdict == Verdict.NEEDS_REVIEW)
    )
    return session.execute(query).all()
