"""The table of published assignment versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, now


class PublishedAssignment(Base):
    """One version of one assignment with its files, so that grading does not need its folder.

    The files have some hundred kilobytes and load on first access.
    """

    __tablename__ = "assignments"
    __table_args__ = (UniqueConstraint("slug", "digest"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    files: Mapped[dict[str, Any]] = mapped_column(deferred=True)
    published_at: Mapped[datetime] = mapped_column(default=now)
    is_draft: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it is not published yet: see `app.drafts`. Everything but drafts and their regrades leaves it out."""
