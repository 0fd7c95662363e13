"""SQL of the key."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.scores.review_key.models import ReviewKey


def key(session: Session) -> str:
    """The key of this installation."""
    return session.scalars(select(ReviewKey.key)).one()
