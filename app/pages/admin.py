"""Pages of the admins: workers, queue, sandbox and audit log."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.api import workers
from app.audit import repository as audit_repository
from app.audit import service as audit
from app.db.base import now
from app.http.authentication import AdminViewer
from app.http.sessions import ReadSession
from app.pages import rendering
from app.submissions import repository as submissions

router = APIRouter(prefix="/admin")
_QUEUE_ROWS = 50
_AUDIT_ROWS = 100


@router.get("")
def overview(request: Request, viewer: AdminViewer, session: ReadSession) -> HTMLResponse:
    """Workers and their ages, the queue and its ages, the sandbox's layers."""
    moment = now()
    waiting = submissions.unfinished(session, _QUEUE_ROWS)
    work = workers.list_workers(request, viewer, session)
    return rendering.page(
        request,
        "admin.html",
        viewer=viewer,
        work=work,
        silence={worker.executor: _age(moment - worker.beat_at) for worker in work.workers},
        queue=[(row, _age(moment - row.submitted_at)) for row in waiting],
        more=max(work.waiting + work.running - len(waiting), 0),
        sandbox=workers.live_sandbox(session, request.app.state.settings),
    )


@router.get("/audit")
def audit_log(
    request: Request,
    viewer: AdminViewer,
    session: ReadSession,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> HTMLResponse:
    """The audit log, newest first, and whether its chain is whole."""
    entries = audit_repository.latest(session, before=before, limit=_AUDIT_ROWS)
    more = entries[-1].id if len(entries) == _AUDIT_ROWS else None
    broken = audit.first_broken(session)
    return rendering.page(request, "admin_audit.html", viewer=viewer, entries=entries, more=more, broken=broken)


def _age(span: timedelta) -> str:
    """A span of time in its largest fitting unit: ``42 s``, ``3 min``, ``5 h``, ``2 d``."""
    seconds = max(int(span.total_seconds()), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
