"""Tables of submissions: their parts, the runs that measured them, and the evidence of these runs."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import Enum, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.assignments.models import PublishedAssignment
from app.db.base import Base, now
from app.users.models import User
from grader.evidence import Fault


class State(StrEnum):
    """The state of a submission, in display order. The last three are end states."""

    QUEUED = "queued"
    RUNNING = "running"
    GRADED = "graded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether only a person's action changes the submission from now on."""
        return self in (State.GRADED, State.FAILED, State.CANCELLED)


class Phase(StrEnum):
    """What a run is at, or ended in: the first stage of a grading, its later stage, or both in one for a regrade."""

    FIRST = "first"
    LATER = "later"
    REMEASURE = "remeasure"


class RunOutcome(StrEnum):
    """Whether a run, or one try of it, still goes on, or how it ended.

    What a killed worker left behind stays ``running`` until another worker takes over.
    """

    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    FAULT = "fault"


class Cause(StrEnum):
    """The cause of a fault of ours that ended a try. The first four are deaths of what gradings share."""

    WORKER = "worker"
    DATABASE = "database"
    FORK_SERVER = "fork server"
    CHILD = "child"
    INFRASTRUCTURE = "infrastructure"
    GRADER = "grader"


def closed(kind: type[StrEnum]) -> Enum:
    """A column type that stores an enum's values as text in both databases."""
    return Enum(kind, native_enum=False, length=16, values_callable=lambda members: [each.value for each in members])


class Blob(Base):
    """Bytes by their SHA-256: equal uploads are stored once."""

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    stored_at: Mapped[datetime] = mapped_column(default=now)


class Submission(Base):
    """One submission of one student.

    ``attempt`` numbers the student's submissions to the assignment from 1. ``content_key`` is equal for equal parts of
    any student. ``run_id`` is the run whose results count; ``revision`` grows with every visible change. ``counts``
    says whether the attempt counts in the daily quota.
    """

    __tablename__ = "submissions"
    __table_args__ = (
        UniqueConstraint("user_id", "idempotency_key"),
        Index("ix_submissions_user_id_submitted_at", "user_id", "submitted_at"),
        Index("ix_submissions_submitted_at_id", "submitted_at", "id"),
        # Every page of a class checks for changes; this index alone answers the query.
        Index("ix_submissions_assignment_id_revision", "assignment_id", "revision"),
        Index("ix_submissions_assignment_id_submitted_at_id", "assignment_id", "submitted_at", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"), index=True)
    attempt: Mapped[int]
    state: Mapped[State] = mapped_column(closed(State), default=State.QUEUED, index=True)
    revision: Mapped[int] = mapped_column(default=0)
    repair: Mapped[Literal["suggest", "apply"]] = mapped_column(String(16))
    content_key: Mapped[str] = mapped_column(String(64))
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    body_digest: Mapped[str] = mapped_column(String(64))
    submitted_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    submitted_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    counts: Mapped[bool] = mapped_column(default=True)
    fault: Mapped[Fault | None] = mapped_column(closed(Fault))
    run_id: Mapped[int | None]

    user: Mapped[User] = relationship(foreign_keys=[user_id])
    assignment: Mapped[PublishedAssignment] = relationship()


class SubmissionPart(Base):
    """One uploaded part: its name, the uploaded file's name, its bytes."""

    __tablename__ = "submission_parts"

    submission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    filename: Mapped[str | None] = mapped_column(String(255))
    blob_sha256: Mapped[str] = mapped_column(ForeignKey("blobs.sha256"))

    blob: Mapped[Blob] = relationship()


class Run(Base):
    """One run of the grading of a submission. ``number`` counts a submission's runs from 1.

    A fault ends a run, except in its later stage, which keeps the first stage's results and is tried again. A run of a
    regrade (``regrade_id``) is invisible until the regrade is published. ``executor`` is the worker that began the run.
    ``interim`` is what the current try shows of evidence that it still measures, by question; the end of the try
    empties it. ``fault_detail`` holds the faults of runs from before there were tries.
    """

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("submission_id", "number"),
        Index("ix_runs_content_key_outcome", "content_key", "outcome"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("submissions.id"))
    number: Mapped[int]
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"))
    grader_version: Mapped[str] = mapped_column(String(80))
    content_key: Mapped[str] = mapped_column(String(64))
    executor: Mapped[str] = mapped_column(String(80))
    phase: Mapped[Phase] = mapped_column(closed(Phase), default=Phase.FIRST, server_default=Phase.FIRST.value)
    outcome: Mapped[RunOutcome] = mapped_column(closed(RunOutcome), default=RunOutcome.RUNNING)
    stage: Mapped[str | None] = mapped_column(String(40))
    stage_done: Mapped[int] = mapped_column(default=0)
    stage_total: Mapped[int] = mapped_column(default=0)
    interim: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    sandbox: Mapped[dict[str, Any]] = mapped_column(default=dict)
    timings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    picture_sha256: Mapped[str | None] = mapped_column(ForeignKey("blobs.sha256"))
    artefact_sha256: Mapped[str | None] = mapped_column(ForeignKey("blobs.sha256"))
    reused_run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    regrade_id: Mapped[uuid.UUID | None]
    fault_detail: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]


class Try(Base):
    """One try of a worker at a phase of a run. At most one try of a run goes on."""

    __tablename__ = "tries"
    __table_args__ = (Index("ix_tries_run_id", "run_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    phase: Mapped[Phase] = mapped_column(closed(Phase))
    executor: Mapped[str] = mapped_column(String(80))
    outcome: Mapped[RunOutcome] = mapped_column(closed(RunOutcome), default=RunOutcome.RUNNING)
    cause: Mapped[Cause | None] = mapped_column(closed(Cause))
    detail: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]


_GOES_ON = Try.outcome == RunOutcome.RUNNING
Index("uq_tries_run_id_running", Try.run_id, unique=True, sqlite_where=_GOES_ON, postgresql_where=_GOES_ON)
"""Two workers at one run would overwrite each other's results."""


class StoredEvidence(Base):
    """The evidence of one question from one run. Rows never change.

    A run that measures a question in steps writes a row for each; the last row counts.
    """

    __tablename__ = "evidence"
    __table_args__ = (Index("ix_evidence_run_id_question", "run_id", "question"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    submission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("submissions.id"), index=True)
    question: Mapped[str] = mapped_column(String(16))
    schema_version: Mapped[int]
    data: Mapped[dict[str, Any]]
    measured_at: Mapped[datetime] = mapped_column(default=now)
