"""The table of second readings."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, now
from app.scores.models import Override
from app.users.models import User


class SecondReading(Base):
    """The points that a second grader would give to a question, beside the decision of the first one."""

    __tablename__ = "second_readings"

    submission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    question: Mapped[str] = mapped_column(String(16), primary_key=True)
    first_id: Mapped[int] = mapped_column(ForeignKey("overrides.id"))
    score: Mapped[float]
    note: Mapped[str] = mapped_column(Text)
    by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(default=now)

    first: Mapped[Override] = relationship()
    by: Mapped[User] = relationship()
