"""What Prometheus reads at ``/metrics``."""

from __future__ import annotations

import ipaddress
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security.http import HTTPAuthorizationCredentials
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from app.api.run_metrics import RunMetrics
from app.courses import repository as courses
from app.db.base import now
from app.http.authentication import bearer_scheme, optional_viewer
from app.http.sessions import Db, ReadSession
from app.problems import Forbidden, Unauthenticated, documented
from app.queue import repository as worker_repository
from app.submissions import statistics_repository as statistics
from app.submissions.models import State

SUBMISSIONS = Gauge("assay_submissions", "Submissions by state", ["state"])
QUEUE_AGE = Gauge("assay_queue_age_seconds", "Seconds that the oldest waiting submission has waited; 0 without one")
WORKERS = Gauge("assay_workers", "Workers of the installation by state", ["state"])

_PROXY_HEADERS = ("forwarded", "via", "x-real-ip", "x-forwarded-")
"""Headers that a proxy adds begin so: a request with one does not come from this machine itself."""

router = APIRouter(include_in_schema=True, tags=["operations"])


def require_reader(
    request: Request, database: Db, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer_scheme)]
) -> None:
    """The metrics token, staff, or a direct request from this machine. With several courses admins, not staff.

    Raises `Unauthenticated` or `Forbidden`.
    """
    token = request.app.state.settings.metrics_token
    given = bearer.credentials.encode() if bearer is not None else b""
    if token is not None and secrets.compare_digest(given, token.get_secret_value().encode()):
        return
    if "authorization" not in request.headers and _is_direct_local(request):
        return
    viewer = optional_viewer(request, database, bearer)
    if viewer is None:
        raise Unauthenticated
    if not viewer.is_staff_anywhere:
        raise Forbidden("Only the course's staff may read the metrics.")
    with database.read() as session:
        if not viewer.is_admin and courses.several(session):
            raise Forbidden("The metrics are of several courses, so only an admin may read them.")


def _is_direct_local(request: Request) -> bool:
    if any(name.startswith(_PROXY_HEADERS) for name in request.headers):
        return False
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


@router.get(
    "/metrics",
    response_class=Response,
    dependencies=[Depends(require_reader)],
    responses={200: {"content": {"text/plain": {}}}, **documented(401, 403)},
)
def get_metrics(request: Request, session: ReadSession) -> Response:
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
