"""The courses of launches: a context of a platform, its own course, is linked to a course here.

An admin links it. Where an admin lets a platform's instructors link, the first launch of somebody who is an instructor
of a course here does, and no other launch. While there is one course only, everything is of it.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.audit import service as audit
from app.courses import repository as course_repository
from app.courses import service as courses
from app.courses.names import FIRST, course_of
from app.db.base import now
from app.lti import accounts, repository
from app.lti.messages import ENDPOINT, Message
from app.lti.models import Context, Platform
from app.problems import Conflict, NotFound, Unprocessable
from app.users.models import Role

LONGEST = 255
"""The longest id of a context or a deployment."""


class ContextNotFound(NotFound):
    """The platform has no such course."""

    slug = "lti-context-not-found"


class ContextChanged(Conflict):
    """Somebody else linked this course of the platform meanwhile. Look at its present link, then choose again."""

    slug = "lti-context-changed"


class ContextUnusable(Unprocessable):
    """The course of the platform cannot be linked so."""

    slug = "lti-context-unusable"


def course_of_launch(session: Session, platform: Platform, message: Message) -> str | None:
    """The course of a verified launch. ``None`` for a context without a link, which the admins' page then lists."""
    row = repository.context(session, platform.id, message.deployment, message.context_id)
    if row is None:
        row = _add(session, platform, message.deployment, message.context_id)
    if message.context and row.title != message.context:
        row.title = message.context
    if row.course is None and not course_repository.several(session):
        row.course, row.linked_at = FIRST, now()
    # One that an admin unlinked stays so.
    if row.course is None and row.linked_at is None:
        course = _course_of_older_launches(session, platform, message) or _course_of_instructor(
            session, platform, message
        )
        if course is not None:
            _set(session, platform, row, course, f"lti {platform.name}")
    return row.course


def find(session: Session, platform: Platform, context_id: int) -> Context:
    """A context of this platform. Raises `ContextNotFound`."""
    row = repository.context_by_id(session, context_id)
    if row is None or row.platform_id != platform.id:
        raise ContextNotFound
    return row


def find_by_id(session: Session, platform: Platform, deployment: str, context_id: str) -> Context | None:
    """The context with the platform's own id. Raises `ContextUnusable` for a deployment that the platform lacks."""
    _check_deployment(platform, deployment)
    return repository.context(session, platform.id, deployment, context_id)


def link(session: Session, platform: Platform, row: Context, course: str, former: str | None, *, actor: str) -> None:
    """Link a context that is linked to ``former`` to another course.

    Raises `ContextChanged`, `CourseNotFound` or `CourseArchived`.
    """
    if row.course != former:
        raise ContextChanged
    courses.find(session, course)
    courses.require_open(session, course)
    _set(session, platform, row, course, actor)


def link_new(
    session: Session, platform: Platform, deployment: str, context_id: str, course: str, *, actor: str
) -> Context:
    """Link a context before its first launch. Raises `ContextUnusable`, or what `link` raises."""
    _check_deployment(platform, deployment)
    if not 0 < len(context_id) <= LONGEST or not context_id.isprintable():
        raise ContextUnusable("The id of the platform's course is missing or too long.")
    row = repository.context(session, platform.id, deployment, context_id)
    if row is None:
        row = _add(session, platform, deployment, context_id)
    link(session, platform, row, course, None, actor=actor)
    return row


def unlink(session: Session, platform: Platform, row: Context, former: str | None, *, actor: str) -> None:
    """Refuse further launches from a context; its people and their scores stay. Raises `ContextChanged`."""
    if row.course != former:
        raise ContextChanged
    row.course = None
    audit.record(session, actor, "lti.context.unlink", platform.name, context=row.context_id, former=former)


def let_instructors_link(session: Session, platform: Platform, *, allowed: bool, actor: str) -> None:
    """Allow instructors of a course here to link their courses of the platform by a launch, or allow it no more."""
    if platform.instructors_link != allowed:
        platform.instructors_link = allowed
        audit.record(session, actor, "lti.platform.instructors", platform.name, allowed=allowed)


def _check_deployment(platform: Platform, deployment: str) -> None:
    if deployment not in platform.deployments:
        raise ContextUnusable(f"{platform.name} has no deployment {deployment!r}.")


def _add(session: Session, platform: Platform, deployment: str, context_id: str) -> Context:
    row = Context(platform_id=platform.id, deployment=deployment, context_id=context_id)
    session.add(row)
    session.flush()
    return row


def _set(session: Session, platform: Platform, row: Context, course: str, actor: str) -> None:
    row.course, row.linked_at = course, now()
    audit.record(session, actor, "lti.context.link", platform.name, context=row.context_id, course=course)


def _course_of_older_launches(session: Session, platform: Platform, message: Message) -> str | None:
    """The course of the launch's gradebook column, if it was stored before contexts were: the context is in use."""
    endpoint = message.claims.get(ENDPOINT)
    url = endpoint.get("lineitem") if isinstance(endpoint, dict) else None
    item = repository.line_item(session, platform.id, url) if isinstance(url, str) else None
    return course_of(item.slug) if item is not None and item.context_id is None else None


def _course_of_instructor(session: Session, platform: Platform, message: Message) -> str | None:
    """The course of which the person of this launch is an instructor here: that of the assignment, or the only one."""
    if not (platform.staff and platform.instructors_link and message.is_instructor):
        return None
    user = accounts.known_person(session, platform, message)
    if user is None:
        return None
    taught = {row.course for row in user.enrolments if row.role is Role.INSTRUCTOR and row.dropped_at is None}
    if message.assignment is not None:
        taught &= {course_of(message.assignment)}
    return taught.pop() if len(taught) == 1 else None
