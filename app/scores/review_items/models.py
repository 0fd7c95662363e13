"""The table of changes of review items."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, now
from app.users.models import User


class ReviewItemChange(Base):
    """A published change of a review item: its values before and after, and whose points changed.

    ``effects`` are lists of a submission's id, its old and its new points of the question.
    """

    __tablename__ = "review_item_changes"
    __table_args__ = (Index("ix_review_item_changes_item_id", "item_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("review_items.id"))
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    effects: Mapped[list[Any]]
    by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(default=now)

    by: Mapped[User] = relationship()
