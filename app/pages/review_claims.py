"""What other graders have open: the queue leads past it, and the page that shows it renews its own mark."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.db.engine import Database
from app.http.authentication import StaffViewer
from app.http.sessions import Db
from app.pages import rendering
from app.scores.claims import service as claims
from app.scores.claims.service import OpenQuestion

router = APIRouter(prefix="/dashboard/{slug}/review/claim")


@router.post("")
def renew(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    submission: Annotated[uuid.UUID, Form()],
    question: Annotated[str, Form(max_length=16)],
) -> HTMLResponse:
    """Keep a question open while its page is; the answer is the notice if somebody else has it open."""
    with database.write() as session:
        claims.renew(session, viewer, submission, question)
    with database.read() as session:
        holder = holder_of(session, viewer, slug, submission, question)
    return rendering.page(request, "review_claim.html", viewer=viewer, holder=holder)


def open_next(
    database: Database, viewer: Viewer, candidates: Sequence[tuple[uuid.UUID, str]], start: int
) -> tuple[uuid.UUID, str] | None:
    """Open the first candidate from a position on, and around, that nobody else has open.

    If all are open elsewhere it is the one at the position, which the page says.
    """
    at = min(start, max(len(candidates) - 1, 0))
    in_turn = [*candidates[at:], *candidates[:at]]
    with database.write() as session:
        return claims.open_first(session, viewer, in_turn) or (in_turn[0] if in_turn else None)


def holder_of(session: Session, viewer: Viewer, slug: str, submission: uuid.UUID, question: str) -> OpenQuestion | None:
    """The other grader who has this question open, if there is one."""
    elsewhere = claims.open_elsewhere(session, viewer, slug)
    return next((one for one in elsewhere if (one.submission, one.question) == (submission, question)), None)
