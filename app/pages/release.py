"""The release of an assignment's results to its students, with a preview of who reads what."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.http import request_language
from app.http.authentication import StaffViewer
from app.http.sessions import Db, ReadSession
from app.lti import delivery_repository
from app.pages.class_pages import class_page, class_snapshot
from app.scores import release_state
from app.scores.releases import service
from grader.assignment import Tell
from grader.scoring import Verdict

router = APIRouter(prefix="/dashboard/{slug}/release")
_VERDICTS = (Verdict.FULL, Verdict.PARTIAL, Verdict.NONE, Verdict.NEEDS_REVIEW)


@router.get("")
def release(request: Request, viewer: StaffViewer, session: ReadSession, slug: str) -> HTMLResponse:
    """What students read now, by question, and the button that releases or withdraws results."""
    snapshot = class_snapshot(request, session, slug)
    state = release_state.of_class(session, snapshot, request_language.of_request(request))
    passbacks, _ = delivery_repository.size(session, slug)
    return class_page(
        request,
        "release.html",
        session,
        viewer,
        snapshot.assignment,
        state=state,
        verdicts=_VERDICTS,
        after_deadline=state.numbers(Tell.AFTER_DEADLINE, told=False),
        until_release=state.numbers(Tell.WHEN_RELEASED, told=False),
        released=state.numbers(Tell.WHEN_RELEASED, told=True),
        to_review=sum(one.verdicts.get(Verdict.NEEDS_REVIEW, 0) for one in state.released_questions),
        passbacks=passbacks,
    )


@router.post("")
def change(
    viewer: StaffViewer, database: Db, slug: str, action: Annotated[Literal["release", "withdraw"], Form()]
) -> Response:
    """Release the results, or withdraw the release. Doing either twice changes nothing."""
    with database.write() as session:
        if action == "release":
            service.release(session, slug, viewer.login, viewer.user_id)
        elif service.is_released(session, slug):
            service.take_back(session, slug, viewer.login)
    return RedirectResponse(f"/dashboard/{slug}/release", status_code=303)
