"""SQL of drafts."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.db.base import now
from app.drafts.models import AssignmentDraft, DraftState, TrialState
from app.regrades.models import Regrade


def get(session: Session, draft_id: uuid.UUID, *, lock: bool = False) -> AssignmentDraft | None:
    """A draft. ``lock`` keeps other writers off until the transaction ends."""
    query = select(AssignmentDraft).where(AssignmentDraft.id == draft_id)
    return session.scalar(query.with_for_update() if lock else query)


def open_one(session: Session, slug: str, *, lock: bool = False) -> AssignmentDraft | None:
    """The open draft of an assignment."""
    query = select(AssignmentDraft).where(AssignmentDraft.slug == slug, AssignmentDraft.state == DraftState.OPEN)
    return session.scalar(query.with_for_update() if lock else query)


def every_open(session: Session) -> list[AssignmentDraft]:
    """The open drafts, by slug."""
    query = select(AssignmentDraft).where(AssignmentDraft.state == DraftState.OPEN).order_by(AssignmentDraft.slug)
    return list(session.scalars(query.options(joinedload(AssignmentDraft.version))))


def newest_regrade(session: Session, version_id: int) -> Regrade | None:
    """The latest regrade by this version."""
    query = select(Regrade).where(Regrade.target_id == version_id)
    return session.scalar(query.order_by(Regrade.created_at.desc()).limit(1))


def waiting_trials(session: Session, patience: timedelta) -> list[tuple[uuid.UUID, str]]:
    """The ids and slugs of the open drafts whose trial has been waiting for so long."""
    query = select(AssignmentDraft.id, AssignmentDraft.slug).where(
        AssignmentDraft.state == DraftState.OPEN,
        AssignmentDraft.trial_state == TrialState.WAITING,
        AssignmentDraft.created_at < now() - patience,
    )
    return [(row.id, row.slug) for row in session.execute(query)]
