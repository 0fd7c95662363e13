"""The table of drafts: versions of assignments that are not published yet."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.assignments.models import PublishedAssignment
from app.db.base import Base, now
from app.submissions.models import closed
from app.users.models import User


class DraftState(StrEnum):
    """Where a draft stands. Another draft of its assignment discards an open one."""

    OPEN = "open"
    PUBLISHED = "published"
    DISCARDED = "discarded"


class TrialState(StrEnum):
    """Where the trial of a draft's rubrics stands. None is needed where no rubric differs from the published one."""

    NOT_NEEDED = "not_needed"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class AssignmentDraft(Base):
    """One draft. ``version_id`` is its row among the versions, which nobody but admins sees before it is published.

    ``trial`` holds a `grader.rubric.RubricTrial` a question as JSON data; ``trial_failure`` says why there is none.
    """

    __tablename__ = "assignment_drafts"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    slug: Mapped[str] = mapped_column(String(40))
    version_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"))
    state: Mapped[DraftState] = mapped_column(closed(DraftState), default=DraftState.OPEN)
    created_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    trial_state: Mapped[TrialState] = mapped_column(closed(TrialState))
    trial: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    trial_failure: Mapped[str | None] = mapped_column(Text)

    version: Mapped[PublishedAssignment] = relationship()
    created_by: Mapped[User] = relationship()


_OPEN = AssignmentDraft.state == DraftState.OPEN
Index("uq_assignment_drafts_slug_open", AssignmentDraft.slug, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)
"""An assignment has at most one open draft."""
