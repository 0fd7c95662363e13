"""Tables of comments."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, now
from app.users.models import User


class Comment(Base):
    """A comment of a grader on a question of a submission. A removed one stays as a record."""

    __tablename__ = "comments"
    __table_args__ = (Index("ix_comments_submission_id", "submission_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("submissions.id"))
    question: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    removed_at: Mapped[datetime | None]

    by: Mapped[User] = relationship()


class SavedComment(Base):
    """A comment on a question of an assignment that graders may use again."""

    __tablename__ = "saved_comments"
    __table_args__ = (Index("ix_saved_comments_slug", "slug"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40))
    question: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(default=now)

    by: Mapped[User] = relationship()
