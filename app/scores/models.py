"""Tables of points: computed ones, which can be computed again at any time, and overrides by people."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, now
from app.submissions.models import StoredEvidence, closed
from app.users.models import User
from grader.evidence import Fault
from grader.scoring import Verdict


class StoredScore(Base):
    """The computed points of one question: a pure function of its evidence and its rubric."""

    __tablename__ = "scores"

    submission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    question: Mapped[str] = mapped_column(String(16), primary_key=True)
    evidence_id: Mapped[int] = mapped_column(ForeignKey("evidence.id"))
    rubric_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"))
    score: Mapped[float]
    max_score: Mapped[float]
    verdict: Mapped[Verdict] = mapped_column(closed(Verdict))
    fault: Mapped[Fault | None] = mapped_column(closed(Fault))
    messages: Mapped[list[Any]]
    computed_at: Mapped[datetime] = mapped_column(default=now)

    evidence: Mapped[StoredEvidence] = relationship()


class OverrideKind(StrEnum):
    """The decision of a person: points set by hand, or the computed points confirmed."""

    BY_HAND = "by_hand"
    CONFIRMED = "confirmed"


class Override(Base):
    """Points that a person decided on; they count instead of the computed ones.

    Every decision is a row of its own; the active one has no ``ended_at``. ``replaced`` are the points before it.
    """

    __tablename__ = "overrides"
    __table_args__ = (Index("ix_overrides_submission_id_question", "submission_id", "question"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("submissions.id"))
    question: Mapped[str] = mapped_column(String(16))
    kind: Mapped[OverrideKind] = mapped_column(closed(OverrideKind), default=OverrideKind.BY_HAND)
    score: Mapped[float]
    replaced: Mapped[float]
    reason: Mapped[str] = mapped_column(Text)
    by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    by: Mapped[User] = relationship(foreign_keys=[by_id])
    ended_by: Mapped[User | None] = relationship(foreign_keys=[ended_by_id])
