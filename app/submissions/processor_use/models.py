"""The table of processor time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, now


class ProcessorUse(Base):
    """Processor seconds that the sandbox used for one stage of one grading of a student, at its end."""

    __tablename__ = "processor_use"
    __table_args__ = (Index("ix_processor_use_user_id_at", "user_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    seconds: Mapped[float]
    at: Mapped[datetime] = mapped_column(default=now)
