"""``/assignments/{slug}/release``: students read the results that wait for it. For the staff."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from app import problems
from app.http.authentication import StaffViewer
from app.http.class_cache import Classes
from app.http.request_language import Language
from app.http.sessions import ReadSession, WriteSession
from app.scores.release_state import ReleaseState, of_class
from app.scores.releases import service
from app.scores.releases.models import Release

router = APIRouter(
    prefix="/assignments/{slug}/release", tags=["assignments"], responses=problems.documented(401, 403, 404, 422)
)


class ReleaseView(BaseModel):
    """The release of an assignment's scores; ``by`` is null if a command released them."""

    assignment: str
    by: str | None
    at: datetime


@router.get("")
def get_release(viewer: StaffViewer, session: ReadSession, slug: str) -> ReleaseView:
    """The release of the scores; 404 if they are not released."""
    return _view(service.find(session, slug))


@router.get("/preview")
def preview_release(
    viewer: StaffViewer, session: ReadSession, classes: Classes, slug: str, lang: Language
) -> ReleaseState:
    """What students read now, question by question, and how many results a release would show them."""
    return of_class(session, classes.snapshot(session, slug), lang)


@router.put("")
def release_scores(viewer: StaffViewer, session: WriteSession, slug: str) -> ReleaseView:
    """Let students read the results of questions with `tell = "when released"`. Done twice, the first one stays."""
    return _view(service.release(session, slug, viewer.login, viewer.user_id))


@router.delete("", status_code=204)
def withhold_scores(viewer: StaffViewer, session: WriteSession, slug: str) -> None:
    """Withhold the results again. What students have read, and files that were downloaded, cannot be unsent."""
    service.take_back(session, slug, viewer.login)


def _view(row: Release) -> ReleaseView:
    return ReleaseView(assignment=row.slug, by=row.by.login if row.by else None, at=row.at)
