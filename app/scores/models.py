"""Tables of points: computed ones, which can be computed again at any time, and overrides by people."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
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
    """The decision of a person: points set by hand, the computed points confirmed, or review items given."""

    BY_HAND = "by_hand"
    CONFIRMED = "confirmed"
    REVIEW_ITEMS = "review_items"


class ReviewItem(Base):
    """What graders tick at the review of a question: a text by language, and the points that it takes off.

    ``key`` is the digit that ticks it. A retired item is not offered, and whoever has it keeps it. ``revision`` counts
    the changes.
    """

    __tablename__ = "review_items"
    __table_args__ = (UniqueConstraint("slug", "question", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40))
    question: Mapped[str] = mapped_column(String(16))
    text: Mapped[dict[str, Any]]
    deduction: Mapped[float]
    key: Mapped[int | None]
    retired: Mapped[bool] = mapped_column(default=False)
    revision: Mapped[int] = mapped_column(default=1)


class GivenItem(Base):
    """A review item of one decision."""

    __tablename__ = "given_items"
    __table_args__ = (Index("ix_given_items_item_id", "item_id"),)

    override_id: Mapped[int] = mapped_column(ForeignKey("overrides.id"), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("review_items.id"), primary_key=True)


class Override(Base):
    """Points that a person decided on; they count instead of the computed ones.

    Every decision is a row of its own; the active one has no ``ended_at``. ``replaced`` are the points before it. With
    review items, ``score`` is computed from the items, also when one of them changes.
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
    items: Mapped[list[ReviewItem]] = relationship(
        secondary="given_items", order_by=(ReviewItem.key.is_(None), ReviewItem.key, ReviewItem.id)
    )
