"""``/healthz`` and ``/readyz``."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy import text

from app import problems
from app.db.sessions import ReadSession
from app.jobs.worker import Worker

router = APIRouter(tags=["operations"])


class NotReady(problems.Unavailable):
    """The worker of this process is still starting, or stopping."""

    slug = "not-ready"


class Health(BaseModel):
    """All is well."""

    status: str


@router.get("/healthz")
def healthz() -> Health:
    """The process answers."""
    return Health(status="alive")


@router.get("/readyz", responses=problems.documented(503))
def readyz(request: Request, session: ReadSession) -> Health:
    """The database answers and has the right schema; the sandbox of this process, if it grades, is proved and warm."""
    session.execute(text("SELECT 1"))
    worker: Worker | None = request.app.state.worker
    if worker is not None and not worker.ready:
        raise NotReady
    return Health(status="ready")
