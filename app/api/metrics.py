"""What Prometheus reads at ``/metrics``."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from app.api.run_metrics import RunMetrics
from app.db.base import now
from app.http.sessions import ReadSession
from app.queue import repository as worker_repository
from app.submissions import statistics_repository as statistics
from app.submissions.models import State

SUBMISSIONS = Gauge("assay_submissions", "Submissions by state", ["state"])
QUEUE_AGE = Gauge("assay_queue_age_seconds", "Seconds that the oldest waiting submission has waited; 0 without one")
WORKERS = Gauge("assay_workers", "Workers of the installation by state", ["state"])

router = APIRouter(include_in_schema=True, tags=["operations"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request, session: ReadSession) -> Response:
    """Counters, durations and the queue, for Prometheus."""
    run_metrics: RunMetrics = request.app.state.run_metrics
    run_metrics.update(session)
    oldest = statistics.oldest_queued(session)
    QUEUE_AGE.set(max(0.0, (now() - oldest).total_seconds()) if oldest else 0)
    silent_seconds = request.app.state.settings.silent_seconds
    alive, silent = worker_repository.count_unstopped(session, silent_seconds=silent_seconds)
    WORKERS.labels("alive").set(alive)
    WORKERS.labels("silent").set(silent)
    counts = statistics.count_by_state(session)
    for state in State:
        SUBMISSIONS.labels(state.value).set(counts.get(state, 0))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
