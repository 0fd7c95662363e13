"""Tables of group decisions."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, now
from app.users.models import User


class GroupDecision(Base):
    """One decision on a question of several submissions. Its overrides are those of its members."""

    __tablename__ = "group_decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), index=True)
    question: Mapped[str] = mapped_column(String(16))
    score: Mapped[float]
    reason: Mapped[str] = mapped_column(Text)
    by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    by: Mapped[User] = relationship(foreign_keys=[by_id])
    undone_by: Mapped[User | None] = relationship(foreign_keys=[undone_by_id])


class GroupMember(Base):
    """A submission of a group: the override that it got, or the problem for which it was left as it was.

    A member of an undone decision with both has an override that was not undone, for this problem.
    """

    __tablename__ = "group_members"

    decision_id: Mapped[int] = mapped_column(ForeignKey("group_decisions.id"), primary_key=True)
    submission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    override_id: Mapped[int | None] = mapped_column(ForeignKey("overrides.id"))
    problem: Mapped[str | None] = mapped_column(String(40))
