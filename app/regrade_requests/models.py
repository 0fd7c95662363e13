"""The table of regrade requests. The rows of a question are its history."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, now
from app.submissions.models import Submission, closed
from app.users.models import User


class RequestState(StrEnum):
    """The state of a request, in display order. All but the first are final."""

    OPEN = "open"
    CHANGED = "changed"
    KEPT = "kept"
    WITHDRAWN = "withdrawn"


class RegradeRequest(Base):
    """A student's request about one question of one submission; at most one per question is open.

    ``points_before`` are the points at the time of the request, ``points_after`` at the time of the answer.
    """

    __tablename__ = "regrade_requests"
    __table_args__ = (Index("ix_regrade_requests_state_asked_at", "state", "asked_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("submissions.id"), index=True)
    question: Mapped[str] = mapped_column(String(16))
    state: Mapped[RequestState] = mapped_column(closed(RequestState), default=RequestState.OPEN)
    reason: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime] = mapped_column(default=now)
    points_before: Mapped[float]
    answer: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    points_after: Mapped[float | None]

    submission: Mapped[Submission] = relationship()
    answered_by: Mapped[User | None] = relationship()


_OPEN = RegradeRequest.state == RequestState.OPEN
Index(
    "uq_regrade_requests_open",
    RegradeRequest.submission_id,
    RegradeRequest.question,
    unique=True,
    sqlite_where=_OPEN,
    postgresql_where=_OPEN,
)
