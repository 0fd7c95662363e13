"""The table of notes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, now
from app.users.models import User


class StaffNote(Base):
    """A note of the staff about one student in one assignment."""

    __tablename__ = "staff_notes"
    __table_args__ = (Index("ix_staff_notes_slug_user_id", "slug", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str] = mapped_column(Text)
    by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(default=now)

    by: Mapped[User] = relationship(foreign_keys=[by_id])
