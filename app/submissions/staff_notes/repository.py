"""SQL of notes."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.submissions.staff_notes.models import StaffNote


def of_student(session: Session, slug: str, user_id: int) -> list[StaffNote]:
    """The notes about a student in an assignment, oldest first."""
    query = select(StaffNote).where(StaffNote.slug == slug, StaffNote.user_id == user_id)
    return list(session.scalars(query.options(joinedload(StaffNote.by)).order_by(StaffNote.id)))


def get(session: Session, slug: str, user_id: int, note_id: int) -> StaffNote | None:
    """One note about this student in this assignment."""
    query = select(StaffNote).where(StaffNote.id == note_id, StaffNote.slug == slug, StaffNote.user_id == user_id)
    return session.scalar(query)
