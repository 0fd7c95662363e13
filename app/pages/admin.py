"""Pages of the admins: workers, queue, sandbox and audit log."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.api import workers
from app.courses import repository as courses
from app.db.base import now
from app.http.authentication import AdminViewer
from app.http.sessions import ReadSession
from app.pages import rendering
from app.submissions import repository as submissions

router = APIRouter(prefix="/admin")
_QUEUE_ROWS = 50


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
        courses=courses.several(session),
        more=max(work.waiting + work.running - len(waiting), 0),
        sandbox=workers.live_sandbox(session, request.app.state.settings),
    )


def _age(span: timedelta) -> str:
    """A span of time in its largest fitting unit: ``42 s``, ``3 min``, ``5 h``, ``2 d``."""
    seconds = max(int(span.total_seconds()), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
