"""Reviewing without the names of students: the reader's switch, or the rule of the assignment.

It keeps a grader from being biased, and no secret: whoever grades can still look names up in the class table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.http import request_language
from app.http.authentication import StaffViewer
from app.pages.login import local
from app.presenting import language
from app.scores.review_key import service as review_key
from grader.assignment import Assignment

router = APIRouter(prefix="/dashboard/{slug}/review/names")
COOKIE = "assay_hide_names"
"""Lasts until the browser is closed."""


@dataclass(frozen=True)
class StudentNames:
    """How a page of the review names students: ``of`` gives the text for a login.

    ``is_rule``: the assignment hides the names, so the reader cannot switch them on.
    """

    is_hidden: bool
    is_rule: bool
    of: Callable[[str], str]


def of_request(request: Request, session: Session, viewer: Viewer, assignment: Assignment) -> StudentNames:
    """The names for the reader of a page. The rule of an assignment does not hold for admins."""
    is_rule = assignment.review.hide_names and not viewer.is_admin
    if not is_rule and COOKIE not in request.cookies:
        return StudentNames(False, False, str)
    tag = request_language.of_request(request)
    pseudonym = review_key.pseudonyms(session, assignment.slug)
    return StudentNames(True, is_rule, lambda login: language.text(tag, "pseudonym", code=pseudonym(login)))


@router.post("")
def switch(
    request: Request,
    viewer: StaffViewer,
    slug: str,
    hidden: Annotated[bool, Form()] = False,
    back: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Hide or show the names in this browser, and lead back."""
    response = RedirectResponse(local(back or f"/dashboard/{slug}/review"), status_code=303)
    if hidden:
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, "1", httponly=True, samesite="lax", secure=secure)
    else:
        response.delete_cookie(COOKIE)
    return response
