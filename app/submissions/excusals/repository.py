"""SQL of excused students."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.submissions.excusals.models import Excusal


def get(session: Session, slug: str, user_id: int) -> Excusal | None:
    """The entry of a student who is excused."""
    return session.get(Excusal, (slug, user_id))


def user_ids(session: Session, slug: str) -> frozenset[int]:
    """Everybody who is excused from an assignment."""
    return frozenset(session.scalars(select(Excusal.user_id).where(Excusal.slug == slug)))
