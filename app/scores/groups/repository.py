"""SQL of group decisions."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.scores.groups.models import GroupDecision, GroupMember
from app.submissions.models import Submission
from app.users.models import User


def get(session: Session, slug: str, decision_id: int, *, lock: bool = False) -> GroupDecision | None:
    """The group decision of an assignment with this id. ``lock`` keeps other writers off."""
    query = select(GroupDecision).where(GroupDecision.id == decision_id, GroupDecision.slug == slug)
    if lock:
        return session.scalar(query.with_for_update())
    return session.scalar(query.options(joinedload(GroupDecision.by), joinedload(GroupDecision.undone_by)))


def latest(session: Session, slug: str, limit: int) -> list[GroupDecision]:
    """The last group decisions of an assignment, newest first."""
    query = select(GroupDecision).where(GroupDecision.slug == slug).order_by(GroupDecision.id.desc()).limit(limit)
    return list(session.scalars(query.options(joinedload(GroupDecision.by))))


def members(session: Session, decision_id: int) -> list[GroupMember]:
    """The members of a group decision, in the order in which their submissions are locked."""
    query = select(GroupMember).where(GroupMember.decision_id == decision_id)
    return list(session.scalars(query.order_by(GroupMember.submission_id)))


def students(session: Session, decision_id: int) -> dict[uuid.UUID, User]:
    """The student of each submission of a group decision, whichever of their attempts counts now."""
    query = (
        select(GroupMember.submission_id, User)
        .join(Submission, Submission.id == GroupMember.submission_id)
        .join(User, User.id == Submission.user_id)
        .where(GroupMember.decision_id == decision_id)
    )
    return dict(session.execute(query).all())
