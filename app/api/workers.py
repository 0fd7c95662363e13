"""``GET /admin/workers`` and ``GET /sandbox``: the workers, and the sandbox they grade in."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app import problems
from app.db.base import now
from app.http.authentication import AdminViewer, AnyViewer
from app.http.sessions import ReadSession
from app.queue import repository
from app.queue.models import WorkerRow
from app.settings import Settings
from app.submissions import statistics_repository as statistics
from app.submissions.models import State

router = APIRouter(responses=problems.documented(401))


class WorkerState(StrEnum):
    """State of a worker. A silent one counts as dead."""

    ALIVE = "alive"
    SILENT = "silent"
    STOPPED = "stopped"


class NoSandbox(problems.Unavailable):
    """No worker is running, so the state of the sandbox is not known. Start one with `assay worker`."""

    slug = "no-sandbox"


class WorkerView(BaseModel):
    """One worker process. ``running`` counts its gradings in progress.

    ``capabilities``: cores, layers of the sandbox that hold, data sets with their digests, the grader's version.
    """

    executor: str
    state: WorkerState
    host: str
    pid: int
    slots: int
    running: int
    grader_version: str
    capabilities: dict[str, Any]
    started_at: datetime
    beat_at: datetime


class Workers(BaseModel):
    """All workers, and the queue."""

    waiting: int
    running: int
    workers: list[WorkerView]


@router.get("/admin/workers", tags=["admin"], responses=problems.documented(403))
def list_workers(request: Request, viewer: AdminViewer, session: ReadSession) -> Workers:
    """The workers, and the length of the queue, with gradings whose later stage is waiting."""
    counts = statistics.count_by_state(session)
    running = statistics.count_running_by_executor(session)
    waiting_for_later_stage = statistics.count_waiting_for_later_stage(session)
    settings: Settings = request.app.state.settings
    return Workers(
        waiting=counts.get(State.QUEUED, 0) + waiting_for_later_stage,
        running=counts.get(State.RUNNING, 0) - waiting_for_later_stage,
        workers=[
            WorkerView(
                executor=row.executor,
                state=_state(row, settings),
                host=row.host,
                pid=row.pid,
                slots=row.slots,
                running=running.get(row.executor, 0),
                grader_version=row.grader_version,
                capabilities=row.capabilities or {},
                started_at=row.started_at,
                beat_at=row.beat_at,
            )
            for row in repository.workers(session)
        ],
    )


@router.get("/sandbox", tags=["operations"], responses=problems.documented(503))
def get_sandbox(request: Request, viewer: AnyViewer, session: ReadSession) -> dict[str, Any]:
    """Layers, floor, limits and ABI of the sandbox, as the latest live worker proved them at its start."""
    report = live_sandbox(session, request.app.state.settings)
    if report is None:
        raise NoSandbox
    return report


def live_sandbox(session: Session, settings: Settings) -> dict[str, Any] | None:
    """The sandbox report of the live worker with the latest heartbeat."""
    rows = (row for row in repository.workers(session) if _state(row, settings) is WorkerState.ALIVE)
    return next((row.sandbox for row in rows), None)


def _state(row: WorkerRow, settings: Settings) -> WorkerState:
    if row.stopped_at is not None:
        return WorkerState.STOPPED
    silent = row.beat_at < now() - timedelta(seconds=settings.silent_seconds)
    return WorkerState.SILENT if silent else WorkerState.ALIVE
