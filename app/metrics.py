"""What Prometheus reads at ``/metrics``."""

from __future__ import annotations

import time
from datetime import timedelta

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import func, select
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db.base import now
from app.db.sessions import ReadSession
from app.ended_runs import EndedRuns
from app.jobs.models import WorkerRow
from app.submissions.models import State, Submission

REQUESTS = Counter("assay_http_requests", "Requests answered", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("assay_http_request_seconds", "Seconds until an answer begins", ["route"])
SUBMISSIONS = Gauge("assay_submissions", "Submissions by state", ["state"])
QUEUE_AGE = Gauge("assay_queue_age_seconds", "How long the hand-in that waits longest has waited; 0 with none")
WORKERS = Gauge("assay_workers", "Workers of the installation that live", ["state"])
TOKENS_REFUSED = Counter("assay_tokens_refused", "Tokens that nobody holds, by where they were sent", ["where"])
for _where in ("bearer", "login"):
    TOKENS_REFUSED.labels(_where)

_API = "/api/v1"
router = APIRouter(include_in_schema=True, tags=["operations"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request, session: ReadSession) -> Response:
    """Counters, durations and the queue, for Prometheus."""
    seen: EndedRuns = request.app.state.ended_runs
    seen.count(session)
    waits_since = session.scalar(select(func.min(Submission.submitted_at)).where(Submission.state == State.QUEUED))
    QUEUE_AGE.set(max(0.0, (now() - waits_since).total_seconds()) if waits_since else 0)
    heard = now() - timedelta(seconds=request.app.state.settings.silent_seconds)
    unstopped = select(func.count()).select_from(WorkerRow).where(WorkerRow.stopped_at.is_(None))
    WORKERS.labels("alive").set(session.scalar(unstopped.where(WorkerRow.beat_at >= heard)) or 0)
    WORKERS.labels("silent").set(session.scalar(unstopped.where(WorkerRow.beat_at < heard)) or 0)
    counts = dict(session.execute(select(Submission.state, func.count()).group_by(Submission.state)).all())
    for state in State:
        SUBMISSIONS.labels(state.value).set(counts.get(state, 0))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


class RequestMetrics:
    """Middleware that counts requests by route, not by path: submissions have ids."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and measure it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "unknown")
                if scope["path"].startswith(_API):
                    route = _API + route  # the router's own prefix is not part of the route
                REQUESTS.labels(scope["method"], route, message["status"]).inc()
                REQUEST_SECONDS.labels(route).observe(time.perf_counter() - start)
            await send(message)

        await self.app(scope, receive, measured)
