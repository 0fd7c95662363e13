"""The pages of a student as the student reads them, for the staff: to read alone.

The pages are made for the student's own rights, so withheld results stay withheld. Nothing on them acts: the fields are
disabled, addresses outside of this view are removed, and the policy of the page lets a browser send no form and no
request of a script. Each opening is in the audit log.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.assignments import service as assignments
from app.audit import service as audit
from app.auth.viewer import Viewer
from app.courses.names import course_of
from app.db.engine import Database
from app.http.authentication import StaffViewer
from app.http.sessions import Db
from app.pages import home
from app.pages.form_state import FormState
from app.pages.submission import report_page
from app.submissions import service as submissions
from app.users import service as users
from app.users.models import Role

router = APIRouter(prefix="/dashboard/{slug}/students/{login}/view")
_ADDRESS = re.compile(r'\s(href|action|hx-[a-z]+|sse-connect|formaction)="([^"]*)"')
_CONTROL = re.compile(r"<(input|button|select|textarea)\b")
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_REPORT = re.compile(rf"/submissions/({_UUID})((?:#.*)?)")


@dataclass(frozen=True)
class StudentView:
    """The view that a page is part of: whose it is, and where it begins and ends."""

    login: str
    name: str
    base: str
    leave: str
    slug: str

    def rewrite(self, html: str) -> str:
        """The page with every field disabled, and the addresses of this view in the place of all others.

        Texts of students are escaped, so that they hold neither a tag nor a quoted address.
        """
        return _CONTROL.sub(r"<\1 disabled", _ADDRESS.sub(self._address, html))

    def _address(self, match: re.Match[str]) -> str:
        name, address = match.groups()
        if name == "href":
            if address.startswith(("#", "/static/", "http://", "https://", self.leave)):
                return match[0]
            if report := _REPORT.fullmatch(address):
                return f' href="{self.base}/{report[1]}{report[2]}"'
            if start := re.fullmatch(
                rf"/\?assignment={re.escape(self.slug)}(?:&(?:amp;)?(cursor=[\w=-]+))?(#\w+)?", address
            ):
                return f' href="{self.base}{"?" + start[1] if start[1] else ""}{start[2] or ""}"'
        return ""


@router.get("")
def start(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    login: str,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> HTMLResponse:
    """The student's start page of this assignment."""
    student = _open(request, database, viewer, slug, login)
    with database.read() as session:
        return home.start_page(request, session, student, slug, FormState(), cursor)


@router.get("/{submission_id}")
def report(
    request: Request, viewer: StaffViewer, database: Db, slug: str, login: str, submission_id: uuid.UUID
) -> HTMLResponse:
    """One report of the student. Raises `SubmissionNotFound`, also for another student's."""
    student = _open(request, database, viewer, slug, login)
    with database.read() as session:
        submission = submissions.find(session, student, submission_id)
        if submission.assignment.slug != slug:
            raise submissions.SubmissionNotFound
        return report_page(request, session, student, submission_id)


def _open(request: Request, database: Database, viewer: Viewer, slug: str, login: str) -> Viewer:
    """Note the opening, and make every page of this request one of the view.

    Raises `AssignmentNotFound` or `UserNotFound`.
    """
    with database.write() as session:
        assignments.current(session, slug)
        user = users.find(session, login)
        audit.record(session, viewer.login, "student.view", f"{slug}/{user.login}", path=request.url.path)
    leave = f"/dashboard/{quote(slug)}/students/{quote(user.login)}"
    request.state.student_view = StudentView(user.login, user.name, f"{leave}/view", leave, slug)
    # Staff have rights beyond a student's, so anybody is shown with those of a student, in this course alone.
    course = course_of(slug)
    return Viewer(user.id, user.login, user.name, Role.STUDENT, {course: Role.STUDENT}, course)
