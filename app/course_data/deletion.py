"""Delete a course with all that belongs to it. Accounts stay, and the audit log keeps that it happened."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.audit import service as audit
from app.course_data import repository
from app.course_data.schemas import CourseDeletion
from app.courses import service as courses
from app.courses.names import FIRST
from app.problems import Conflict, Unprocessable
from app.submissions import upload_repository

_BATCH = 500
"""Submissions in one statement."""


class CannotDeleteCourse(Conflict):
    """This course cannot be deleted now."""

    slug = "cannot-delete-course"


class CourseNotConfirmed(Unprocessable):
    """Write the short name of the course once more, so that no other course is deleted by mistake."""

    slug = "course-not-confirmed"


def plan(session: Session, slug: str) -> CourseDeletion:
    """What deleting a course would remove. Raises `CourseNotFound`."""
    courses.find(session, slug)
    return CourseDeletion(course=slug, **repository.counts(session, slug))


def obstacle(session: Session, slug: str, *, lock: bool = False) -> str | None:
    """Why a course cannot be deleted now; ``lock`` keeps the course as it is. Raises `CourseNotFound`."""
    course = courses.find(session, slug, lock=lock)
    if slug == FIRST:
        return "Every installation has this course. Archive it instead."
    if course.archived_at is None:
        return "Archive the course first, so that nobody works in it any more."
    if unfinished := repository.unfinished(session, slug):
        return f"Submissions being graded: {unfinished}. Wait until they have ended, or cancel them."
    if regrade := repository.running_regrade(session, slug):
        return f"Regrade {regrade} is running. Wait until it has ended, or cancel it."
    return None


def delete(session: Session, slug: str, confirmation: str, *, actor: str) -> CourseDeletion:
    """Delete an archived course for good, in the caller's transaction; ``confirmation`` is its slug once more.

    Raises `CourseNotFound`, `CourseNotConfirmed` or `CannotDeleteCourse`.
    """
    deletion = plan(session, slug)
    if confirmation != slug:
        raise CourseNotConfirmed
    if reason := obstacle(session, slug, lock=True):
        raise CannotDeleteCourse(reason)
    ids = repository.submission_ids(session, slug)
    for start in range(0, len(ids), _BATCH):
        upload_repository.delete_uploads(session, ids[start : start + _BATCH])
    repository.delete_course(session, slug)
    audit.record(session, actor, "course.delete", slug, **deletion.model_dump(exclude={"course"}))
    return deletion
