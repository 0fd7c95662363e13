"""What Prometheus reads at ``/metrics``."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from sqlalchemy import func, select

from app.api.ended_runs import EndedRuns
from app.db.base import now
from app.http.sessions import ReadSession
from app.queue.models import WorkerRow
from app.submissions.models import State, Submission

SUBMISSIONS = Gauge("assay_submissions", "Submissions by state", ["state"])
QUEUE_AGE = Gauge("assay_queue_age_seconds", "Seconds that the oldest waiting submission has waited; 0 without one")
WORKERS = Gauge("assay_workers", "Workers of the installation by state", ["state"])

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
