"""Courses: create, edit, archive, restore. In the caller's transaction; ``actor`` stands in the audit log."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from sqlalchemy.orm import Session

from app.audit import service as audit
from app.courses import repository
from app.courses.models import Course
from app.courses.names import SLUG
from app.db.base import now
from app.problems import Conflict, NotFound, PreconditionFailed, Unprocessable


class CourseNotFound(NotFound):
    """There is no such course."""

    slug = "course-not-found"


class CourseTaken(Conflict):
    """There is a course with this short name already. Choose another one."""

    slug = "course-taken"


class InvalidCourseSlug(Unprocessable):
    """A course's short name has 1 to 16 lower-case letters, digits and hyphens, and does not begin with a hyphen."""

    slug = "course-slug"


class CourseChanged(PreconditionFailed):
    """Somebody else has changed this course meanwhile. Look at the current one and decide again."""

    slug = "course-changed"


class CourseArchived(Conflict):
    """This course is archived and read-only. An admin can restore it."""

    slug = "course-archived"


def find(session: Session, slug: str, *, lock: bool = False) -> Course:
    """The course with this slug. Raises `CourseNotFound`."""
    course = repository.get(session, slug, lock=lock)
    if course is None:
        raise CourseNotFound(f"There is no course {slug!r}.")
    return course


def create(
    session: Session,
    slug: str,
    title: str,
    *,
    actor: str,
    term: str = "",
    time_zone: str = "UTC",
    language: str | None = None,
) -> Course:
    """Add a course. Raises `InvalidCourseSlug` or `CourseTaken`."""
    if not re.match(SLUG, slug):
        raise InvalidCourseSlug
    if repository.get(session, slug) is not None:
        raise CourseTaken(f"There is a course {slug} already. Choose another short name.")
    course = Course(slug=slug, title=title, term=term, time_zone=time_zone, language=language)
    session.add(course)
    session.flush()
    audit.record(
        session, actor, "course.create", slug, title=title, term=term, time_zone=time_zone, language=language or ""
    )
    return course


def edit(
    session: Session, course: Course, changes: Mapping[str, str | None], *, actor: str, basis: str | None = None
) -> None:
    """Change title, term, time zone or language. Raises `CourseChanged` if the course is not that of the ``basis``."""
    if basis and basis != stamp(course):
        raise CourseChanged
    require_open(session, course.slug)
    changed = {name: value for name, value in changes.items() if getattr(course, name) != value}
    for name, value in changed.items():
        setattr(course, name, value)
    if changed:
        audit.record(
            session, actor, "course.edit", course.slug, **{name: value or "" for name, value in changed.items()}
        )


def archive(session: Session, course: Course, *, actor: str) -> None:
    """Make a course read-only and put it out of the way. Archiving an archived one changes nothing."""
    if course.archived_at is None:
        course.archived_at = now()
        audit.record(session, actor, "course.archive", course.slug)


def restore(session: Session, course: Course, *, actor: str) -> None:
    """Let people work in an archived course again."""
    if course.archived_at is not None:
        course.archived_at = None
        audit.record(session, actor, "course.restore", course.slug)


def is_archived(session: Session, slug: str) -> bool:
    """Whether there is a course with this slug that is archived."""
    course = repository.get(session, slug)
    return course is not None and course.archived_at is not None


def require_open(session: Session, slug: str) -> None:
    """Raises `CourseArchived` for the slug of an archived course."""
    course = repository.get(session, slug)
    if course is not None and course.archived_at is not None:
        raise CourseArchived(f"The course {course.title or slug} is archived and read-only. An admin can restore it.")


def stamp(course: Course) -> str:
    """A value that changes with every change of a course."""
    archived = course.archived_at.isoformat() if course.archived_at else None
    values = [course.title, course.term, course.time_zone, course.language, archived]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
