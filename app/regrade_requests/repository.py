"""SQL of regrade requests. A viewer may see those of visible submissions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from app.assignments.models import PublishedAssignment
from app.auth.viewer import Viewer
from app.regrade_requests.models import RegradeRequest, RequestState
from app.submissions.models import Submission
from app.submissions.repository import visible


def get(session: Session, viewer: Viewer, request_id: int, *, lock: bool = False) -> RegradeRequest | None:
    """A request that the viewer may see. ``lock`` keeps other writers off until the transaction ends."""
    query = select(RegradeRequest).join(RegradeRequest.submission).where(RegradeRequest.id == request_id)
    query = query.where(visible(viewer))
    return session.scalar(query.with_for_update(of=RegradeRequest) if lock else query)


def slug_of(session: Session, request_id: int) -> str | None:
    """The assignment of a request."""
    query = select(PublishedAssignment.slug).join(Submission).join(RegradeRequest)
    return session.scalar(query.where(RegradeRequest.id == request_id))


def of_ids(session: Session, request_ids: Sequence[int]) -> list[RegradeRequest]:
    """The requests with these ids."""
    return list(session.scalars(_with_relations().where(RegradeRequest.id.in_(request_ids))))


def of_submission(session: Session, submission_id: uuid.UUID) -> list[RegradeRequest]:
    """Every request of a submission, oldest first."""
    query = _with_relations().where(RegradeRequest.submission_id == submission_id)
    return list(session.scalars(query.order_by(RegradeRequest.id)))


def list_requests(
    session: Session, viewer: Viewer, *, assignment: str | None, student: str | None, open_only: bool, limit: int
) -> list[RegradeRequest]:
    """Visible requests: the open ones, oldest first; then the answered ones, latest first."""
    query = _with_relations().join(RegradeRequest.submission).where(visible(viewer))
    if assignment is not None:
        query = query.where(Submission.assignment_id.in_(_versions(assignment)))
    if student is not None:
        query = query.where(Submission.user.has(login=student))
    is_open = RegradeRequest.state == RequestState.OPEN
    requests = list(session.scalars(query.where(is_open).order_by(RegradeRequest.asked_at).limit(limit)))
    if not open_only:
        answered = query.where(~is_open).order_by(RegradeRequest.answered_at.desc()).limit(limit)
        requests += session.scalars(answered)
    return requests


def count_open(session: Session, slug: str) -> int:
    """The number of open requests of an assignment."""
    query = select(func.count()).select_from(RegradeRequest).join(RegradeRequest.submission)
    query = query.where(RegradeRequest.state == RequestState.OPEN, Submission.assignment_id.in_(_versions(slug)))
    return session.scalar(query) or 0


def is_open(session: Session, submission_id: uuid.UUID, question: str) -> bool:
    """Whether the question of the submission has an open request."""
    query = select(RegradeRequest.id).where(
        RegradeRequest.submission_id == submission_id,
        RegradeRequest.question == question,
        RegradeRequest.state == RequestState.OPEN,
    )
    return session.scalar(query) is not None


def _with_relations() -> Select[RegradeRequest]:
    submission = joinedload(RegradeRequest.submission)
    return select(RegradeRequest).options(
        submission.joinedload(Submission.user),
        submission.joinedload(Submission.assignment),
        joinedload(RegradeRequest.answered_by),
    )


def _versions(slug: str) -> Select[int]:
    return select(PublishedAssignment.id).where(PublishedAssignment.slug == slug)
