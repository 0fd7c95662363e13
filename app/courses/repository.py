"""SQL of courses."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.courses.models import Course
from app.courses.names import FIRST


def get(session: Session, slug: str, *, lock: bool = False) -> Course | None:
    """A course. ``lock`` keeps other writers off until the transaction ends."""
    query = select(Course).where(Course.slug == slug)
    return session.scalar(query.with_for_update() if lock else query)


def every(session: Session) -> list[Course]:
    """All courses: the first one, then the others by slug; archived ones too."""
    return list(session.scalars(select(Course).order_by(Course.slug != FIRST, Course.slug)))


def several(session: Session) -> list[Course]:
    """All courses, if there is more than the first one; else none, and nobody reads of courses."""
    rows = every(session)
    return rows if len(rows) > 1 else []


def archived(session: Session) -> set[str]:
    """The slugs of the archived courses."""
    return set(session.scalars(select(Course.slug).where(Course.archived_at.is_not(None))))
