"""Tables of regrades: what was asked, which submissions it covers, and what would change."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.assignments.models import PublishedAssignment
from app.db.base import Base, now
from app.submissions.models import State, closed
from app.users.models import User
from grader.evidence import Fault


class Kind(StrEnum):
    """What is done again: the points from stored evidence, or the measuring too."""

    RESCORE = "rescore"
    REMEASURE = "remeasure"


class RegradeState(StrEnum):
    """Where a regrade stands, in the order it takes. The last four are end states."""

    RUNNING = "running"
    PREVIEW = "preview"
    PUBLISHED = "published"
    REVERTED = "reverted"
    CANCELLED = "cancelled"
    FAILED = "failed"


class EntryState(StrEnum):
    """Where one submission of a regrade stands. ``queued`` waits for its measuring, or is being measured."""

    PENDING = "pending"
    QUEUED = "queued"
    DONE = "done"
    FAULT = "fault"


LATE = "late"
"""In the place of a question's number: a change to what is lost by handing in late."""


class Regrade(Base):
    """One regrade. ``target_id`` is the version of the assignment that scores; no ``questions`` means all of them.

    ``total`` counts the selected submissions.
    """

    __tablename__ = "regrades"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    slug: Mapped[str] = mapped_column(String(40))
    target_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"))
    kind: Mapped[Kind] = mapped_column(closed(Kind))
    condition: Mapped[dict[str, Any]]
    questions: Mapped[list[Any]]
    grader_version: Mapped[str] = mapped_column(String(80))
    state: Mapped[RegradeState] = mapped_column(closed(RegradeState), default=RegradeState.RUNNING)
    total: Mapped[int]
    failure: Mapped[str | None] = mapped_column(Text)
    created_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    previewed_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    target: Mapped[PublishedAssignment] = relationship()
    created_by: Mapped[User] = relationship()

    @property
    def open(self) -> bool:
        """Whether it is neither published nor ended. An assignment has at most one open regrade."""
        return self.state in (RegradeState.RUNNING, RegradeState.PREVIEW)

    @property
    def whole(self) -> bool:
        """Whether every question is regraded, so that the whole submission moves to the new version and run."""
        return not self.questions


_OPEN = Regrade.state.in_((RegradeState.RUNNING, RegradeState.PREVIEW))
Index("uq_regrades_slug_open", Regrade.slug, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)
"""An assignment has at most one open regrade."""


class RegradeEntry(Base):
    """One submission of a regrade, with its state when its preview was computed.

    ``basis`` is the digest of the submission's result, taken at the preview and again after publishing: another digest
    means that the result has changed since. ``run_id`` is the run that measured again.
    """

    __tablename__ = "regrade_entries"
    __table_args__ = (
        Index("ix_regrade_entries_regrade_id_state", "regrade_id", "state"),
        Index("ix_regrade_entries_submission_id", "submission_id"),
    )

    regrade_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("regrades.id"), primary_key=True)
    submission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    state: Mapped[EntryState] = mapped_column(closed(EntryState), default=EntryState.PENDING)
    fault: Mapped[str | None] = mapped_column(Text)
    basis: Mapped[str | None] = mapped_column(String(64))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    before_run_id: Mapped[int | None]
    before_assignment_id: Mapped[int | None]
    before_state: Mapped[State | None] = mapped_column(closed(State))
    before_fault: Mapped[Fault | None] = mapped_column(closed(Fault))


class RegradeChange(Base):
    """One question of one submission whose stored score a regrade replaces, ``old`` points by ``new`` ones.

    `LATE` in the place of the question is no score: ``old`` and ``new`` are what lateness takes, in percent.

    ``before`` and ``after`` are rows of the scores' table as JSON data, null where there is none. ``reason`` is null
    when the student sees no difference in points, verdict or messages: the row only names its new evidence.
    """

    __tablename__ = "regrade_changes"
    __table_args__ = (Index("ix_regrade_changes_submission_id", "submission_id"),)

    regrade_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("regrades.id"), primary_key=True)
    submission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    question: Mapped[str] = mapped_column(String(16), primary_key=True)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    old: Mapped[float | None]
    new: Mapped[float | None]
    reason: Mapped[str | None] = mapped_column(Text)
