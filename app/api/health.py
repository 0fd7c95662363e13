"""``/healthz`` and ``/readyz``."""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel

from app import problems
from app.db.probe import WriteProbe
from app.worker.embedded import EmbeddedWorker

router = APIRouter(tags=["operations"])


class NotReady(problems.Unavailable):
    """The worker of this service is starting or stopping. Submissions are accepted and wait."""

    slug = "not-ready"


class Health(BaseModel):
    """The service is healthy."""

    status: str


@router.get("/healthz")
async def get_liveness() -> Health:
    """The process answers."""
    return Health(status="alive")


@router.get("/readyz", responses=problems.documented(503))
async def get_readiness(request: Request) -> Health:
    """The database stores; the worker beside this service, if it has one, has its sandbox proved and warm.

    Asked in a thread of its own: those of the other requests may all be waiting for the database.
    """
    state = request.app.state
    probe: WriteProbe = state.write_probe
    limiter: CapacityLimiter = state.probe_thread
    await to_thread.run_sync(probe.check, limiter=limiter)
    worker: EmbeddedWorker | None = state.worker
    if worker is not None and not worker.ready:
        raise NotReady
    return Health(status="ready")
