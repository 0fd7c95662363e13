"""Tables of the workers: who lives and can do what, which versions are at work, what is done for all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, now


class WorkerRow(Base):
    """One worker process by its executor id.

    ``boot`` is drawn anew at every start: a process that finds another's there has lost its id. ``reaped_at`` says when
    another worker took over the jobs of this one, silent or stopped.
    """

    __tablename__ = "workers"

    executor: Mapped[str] = mapped_column(String(80), primary_key=True)
    boot: Mapped[str] = mapped_column(String(32))
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    slots: Mapped[int]
    grader_version: Mapped[str] = mapped_column(String(80))
    sandbox: Mapped[dict[str, Any]]
    started_at: Mapped[datetime] = mapped_column(default=now)
    beat_at: Mapped[datetime] = mapped_column(default=now)
    stopped_at: Mapped[datetime | None]
    reaped_at: Mapped[datetime | None]
    capabilities: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class GraderVersion(Base):
    """A version of Assay that a service or a worker of this database ran, and when one started last.

    Jobs carry the version that enqueued them, and only its workers take them; see `app.worker.chores`.
    """

    __tablename__ = "grader_versions"

    version: Mapped[str] = mapped_column(String(80), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(default=now)


class Chore(Base):
    """Something that one worker does for all from time to time, and when it was begun last."""

    __tablename__ = "chores"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    begun_at: Mapped[datetime]
