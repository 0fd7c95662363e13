"""The table of workers: who lives, and what their sandboxes hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
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
