"""Open questions for review, so that graders who work at the same time get different ones."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.db.base import now
from app.scores.claims import repository
from app.submissions import service as submissions

CLAIM = timedelta(minutes=3)
"""How long a claim lasts without renewal; the open page renews it every minute."""
_GRACE = timedelta(seconds=15)
"""How long a claim outlasts its question: a page that another grader is loading may not know of the decision yet."""
_KEPT = timedelta(hours=1)


@dataclass(frozen=True)
class OpenQuestion:
    """A question of a submission that another grader has open."""

    submission: uuid.UUID
    question: str
    login: str
    name: str


def open_first(
    session: Session, viewer: Viewer, candidates: Iterable[tuple[uuid.UUID, str]]
) -> tuple[uuid.UUID, str] | None:
    """Open the first of these questions that nobody else has open, and leave the viewer's former one.

    Returns ``None`` if all are open elsewhere.
    """
    moment = now()
    repository.forget(session, moment - _KEPT)
    repository.shorten(session, viewer.user_id, moment + _GRACE)
    for submission, question in candidates:
        if repository.take(session, submission, question, viewer.user_id, moment, moment + CLAIM):
            return submission, question
    return None


def renew(session: Session, viewer: Viewer, submission: uuid.UUID, question: str) -> bool:
    """Keep a question open, or open it. Returns whether it is the viewer's. Raises `SubmissionNotFound`."""
    submissions.find(session, viewer, submission)
    moment = now()
    return repository.take(session, submission, question, viewer.user_id, moment, moment + CLAIM)


def open_elsewhere(session: Session, viewer: Viewer, slug: str) -> list[OpenQuestion]:
    """What other graders have open in an assignment."""
    return [
        OpenQuestion(row.submission_id, row.question, row.login, row.name)
        for row in repository.active(session, slug, now())
        if row.user_id != viewer.user_id
    ]
