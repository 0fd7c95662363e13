"""What a person may see: `role_in` alone decides it, from the person and the course.

How a route or a function asks:

- A route that names an assignment (`{slug}`, `?assignment=`), a submission, a regrade request, a regrade or a course
  asks for `AnyViewer`, `StaffViewer` or `AdminViewer`. `app.http.course_of_request` finds the course of the request by
  the names of its parameters, and the route gets the viewer within that course: ``viewer.role`` and ``viewer.is_staff``
  hold for it alone. Who has no role in the course gets the 404 of something that does not exist.
- A route that names none gets the viewer outside of any course: ``viewer.role`` is the lowest role that the person has
  anywhere. A list takes its rows from `assignments` or `app.submissions.repository.visible`, and asks `is_staff_of`
  for each row. What the body of a request names is narrowed with `within_assignment` before anything is read.
- A new parameter that names something of a course is added to `app.http.course_of_request`, and every new route to
  the list of `tests/integration/test_other_courses.py`, which fails without it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy.orm import Session

from app.assignments import service
from app.assignments.models import PublishedAssignment
from app.auth.viewer import Viewer
from app.courses import repository as courses
from app.courses import service as course_service
from app.courses.models import Course
from app.courses.names import course_of
from app.courses.service import CourseNotFound as CourseNotFound
from app.problems import Forbidden
from app.users.models import Role

STAFF = (Role.TA, Role.INSTRUCTOR, Role.ADMIN)


def role_in(viewer: Viewer, course: str) -> Role | None:
    """The role of a person in a course, or ``None`` for a course whose existence they do not learn.

    An admin is one in every course. Anybody else has the role with which they are enrolled and not marked as dropped.
    """
    return Role.ADMIN if viewer.is_admin else viewer.roles.get(course)


def within(viewer: Viewer, course: str) -> Viewer:
    """The viewer with the role in this course. Raises `CourseNotFound`."""
    role = role_in(viewer, course)
    if role is None:
        raise CourseNotFound
    return replace(viewer, role=role, course=course)


def within_assignment(viewer: Viewer, slug: str) -> Viewer:
    """The viewer with the role in the course of an assignment. Raises `AssignmentNotFound`."""
    try:
        return within(viewer, course_of(slug))
    except CourseNotFound:
        raise service.AssignmentNotFound.of(slug) from None


def staff_within_assignment(viewer: Viewer, slug: str) -> Viewer:
    """The viewer as staff of the course of an assignment. Raises `AssignmentNotFound` or `Forbidden`."""
    viewer = within_assignment(viewer, slug)
    if not viewer.is_staff:
        raise Forbidden("Only the course's staff may do this.")
    return viewer


def require_role(viewer: Viewer, role: Role) -> None:
    """Raises `Forbidden` unless the viewer has at least this role in the course of the request."""
    if list(Role).index(viewer.role) < list(Role).index(role):
        raise Forbidden("Only an instructor of the course may do this.")


def is_staff_of(viewer: Viewer, slug: str) -> bool:
    """Whether the viewer is staff of the course of an assignment."""
    return role_in(viewer, course_of(slug)) in STAFF


def find_course(session: Session, viewer: Viewer, slug: str) -> Course:
    """The course with this slug. Raises `CourseNotFound` where there is none, or the viewer has no role in it."""
    course = course_service.find(session, slug)
    within(viewer, slug)
    return course


def assignments(
    session: Session, viewer: Viewer, *, as_staff: bool = False, without_archived: bool = False
) -> list[PublishedAssignment]:
    """The newest version of every assignment of the viewer's courses, or of those in which the viewer is staff.

    ``without_archived`` leaves out those of archived courses, except for the course of the request.
    """
    hidden = courses.archived(session) - {viewer.course} if without_archived else set()
    rows = [row for row in service.all_current(session) if course_of(row.slug) not in hidden]
    if as_staff:
        return [row for row in rows if is_staff_of(viewer, row.slug)]
    return [row for row in rows if role_in(viewer, course_of(row.slug)) is not None]


def courses_of_staff(viewer: Viewer) -> Collection[str]:
    """The courses in which the viewer, who is no admin, is enrolled as staff."""
    return [course for course in viewer.roles if role_in(viewer, course) in STAFF]
