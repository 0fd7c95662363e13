"""``/courses``: the courses of the installation. `main` is the first one, which every installation has."""

from __future__ import annotations

import tempfile
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from app import problems
from app.api.files import file_answer, read_and_close
from app.auth import access
from app.course_data import copying, deletion, export
from app.course_data.schemas import CourseCopy, CourseDeletion, NewCopy
from app.courses import repository, service
from app.courses.models import Course
from app.courses.schemas import CourseChange, CourseView, NewCourse
from app.http import conditional
from app.http.authentication import AdminViewer, AnyViewer, StaffViewer
from app.http.request_language import Language
from app.http.sessions import Db, ReadSession, WriteSession
from app.users.models import Role

router = APIRouter(prefix="/courses", tags=["courses"], responses=problems.documented(401, 403, 422))
IfCourseMatch = Annotated[
    list[str] | None,
    Header(alias="If-Match", description="The course's `ETag`. 412 if the course has changed since."),
]


@router.get("")
def list_courses(viewer: AnyViewer, session: ReadSession) -> list[CourseView]:
    """The caller's courses, archived ones too; all courses for admins."""
    return [CourseView.of(row) for row in repository.every(session) if access.role_in(viewer, row.slug) is not None]


@router.post("", status_code=201, responses=problems.documented(409))
def create_course(viewer: AdminViewer, session: WriteSession, response: Response, new: NewCourse) -> CourseView:
    """Create a course. Its slug never changes; the slugs of its assignments are the course's, a dot, and their own."""
    course = service.create(
        session, new.slug, new.title, actor=viewer.login, term=new.term, time_zone=new.time_zone, language=new.language
    )
    response.headers["Location"] = f"/api/v1/courses/{course.slug}"
    return CourseView.of(course)


@router.get("/{course}", responses=problems.documented(404))
def get_course(viewer: AnyViewer, session: ReadSession, response: Response, course: str) -> CourseView:
    """A course. Its `ETag` is for `If-Match`."""
    row = service.find(session, course)
    response.headers["ETag"] = _tag(row)
    return CourseView.of(row)


@router.patch("/{course}", responses=problems.documented(404, 409, 412))
def set_course(
    viewer: StaffViewer,
    session: WriteSession,
    response: Response,
    course: str,
    change: CourseChange,
    if_match: IfCourseMatch = None,
) -> CourseView:
    """Change title, term, time zone or language. For instructors of the course and admins."""
    access.require_role(viewer, Role.INSTRUCTOR)
    row = service.find(session, course, lock=True)
    if if_match is not None and not conditional.matches(if_match, {_tag(row)}):
        raise service.CourseChanged(headers={"ETag": _tag(row)})
    service.edit(session, row, change.changes(), actor=viewer.login)
    response.headers["ETag"] = _tag(row)
    return CourseView.of(row)


@router.post("/{course}/archive", responses=problems.documented(404))
def archive_course(viewer: AdminViewer, session: WriteSession, course: str) -> CourseView:
    """Make a course read-only, and leave it out of lists. Nothing is deleted."""
    row = service.find(session, course, lock=True)
    service.archive(session, row, actor=viewer.login)
    return CourseView.of(row)


@router.post("/{course}/restore", responses=problems.documented(404))
def restore_course(viewer: AdminViewer, session: WriteSession, course: str) -> CourseView:
    """Let people work in an archived course again."""
    row = service.find(session, course, lock=True)
    service.restore(session, row, actor=viewer.login)
    return CourseView.of(row)


@router.post("/{course}/copy", status_code=201, responses=problems.documented(404, 409))
def copy_course(
    viewer: AdminViewer, session: WriteSession, response: Response, course: str, new: NewCopy
) -> CourseCopy:
    """Create a course with the assignments, review items and saved comments of this one; no people, no submissions."""
    copy = copying.copy(session, viewer, course, new, shift_days=new.shift_days)
    response.headers["Location"] = f"/api/v1/courses/{copy.course.slug}"
    return copy


@router.get(
    "/{course}/export.zip",
    response_class=Response,
    responses={**file_answer("application/zip", "The archive"), **problems.documented(404)},
)
def export_course(viewer: AdminViewer, database: Db, course: str, lang: Language) -> Response:
    """Everything of a course as a ZIP: people, assignments, scores, submissions with uploads, the audit log's part."""
    # The file outlives this function: the response reads and closes it.
    archive = tempfile.TemporaryFile()  # noqa: SIM115
    export.write(database, course, archive, lang, actor=viewer.login)
    archive.seek(0)
    headers = {"Content-Disposition": f'attachment; filename="{course}.zip"'}
    return StreamingResponse(read_and_close(archive), media_type="application/zip", headers=headers)


@router.delete("/{course}", responses=problems.documented(404, 409))
def remove_course(
    viewer: AdminViewer,
    session: WriteSession,
    course: str,
    confirm: Annotated[str, Query(max_length=16, description="The course's slug once more.")],
) -> CourseDeletion:
    """Delete an archived course for good, with its submissions and scores. Accounts stay, and so does the audit log."""
    return deletion.delete(session, course, confirm, actor=viewer.login)


def _tag(course: Course) -> str:
    return f'"{service.stamp(course)}"'
