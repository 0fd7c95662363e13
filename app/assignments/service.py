"""Publishing assignments, and the definitions of published versions."""

from __future__ import annotations

from typing import Self

from sqlalchemy.orm import Session

from app.assignments import repository
from app.assignments.models import PublishedAssignment
from app.audit import service as audit
from app.courses import service as courses
from app.courses.names import FIRST, LONGEST, course_of, full_name
from app.db.base import now
from app.problems import Conflict, NotFound, Unprocessable
from grader import assignment as assignments
from grader.assignment import Assignment

_definitions: dict[tuple[str, str], Assignment] = {}
"""Parsed assignments by slug and digest, which covers the content of all files."""
_MAX_DEFINITIONS = 64


class AssignmentNotFound(NotFound):
    """There is no such assignment."""

    slug = "assignment-not-found"

    @classmethod
    def of(cls, slug: str) -> Self:
        """The error of an assignment that does not exist, or not for whom is asking."""
        return cls(f"There is no assignment {slug!r}.")


class NameTooLong(Unprocessable):
    """The names of the course and the assignment are too long together."""

    slug = "name-too-long"


class VersionTaken(Conflict):
    """A newer version of the assignment needs a higher `version`."""

    slug = "version-taken"


def publish_version(session: Session, assignment: Assignment, actor: str, course: str = FIRST) -> PublishedAssignment:
    """Publish a new version of an assignment, or the first one; older versions stay.

    The version that is the newest already is published once. Submissions graded before keep their points until a
    regrade. Raises `VersionTaken`, `NameTooLong`, `CourseNotFound` or `CourseArchived`.
    """
    slug = slug_in(course, assignment)
    courses.find(session, course_of(slug))
    courses.require_open(session, course_of(slug))
    newest = repository.newest(session, slug, lock=True)
    if newest is not None and newest.digest == assignment.digest:
        return newest
    if newest is not None and assignment.version <= newest.version:
        raise VersionTaken(
            f"{slug} is published as version {newest.version} with other content; "
            f"write `version = {newest.version + 1}` into assignment.toml."
        )
    row = publish(session, assignment, course)
    audit.record(session, actor, "assignment.publish", slug, version=assignment.version, digest=assignment.digest)
    return row


def publish(session: Session, assignment: Assignment, course: str = FIRST) -> PublishedAssignment:
    """Store this version unless it is stored already. A draft becomes a published version."""
    row = store_draft(session, assignment, course)
    if row.is_draft:
        row.is_draft, row.published_at = False, now()
        session.flush()
    return row


def store_draft(session: Session, assignment: Assignment, course: str = FIRST) -> PublishedAssignment:
    """Store this version, unless it is stored already, as one that is not published."""
    slug = slug_in(course, assignment)
    stored = repository.by_digest(session, slug, assignment.digest)
    if stored is not None:
        return stored
    row = PublishedAssignment(
        slug=slug,
        version=assignment.version,
        digest=assignment.digest,
        files=dict(assignment.files),
        is_draft=True,
    )
    session.add(row)
    session.flush()
    return row


def slug_in(course: str, assignment: Assignment) -> str:
    """The name of a course's assignment in the installation. Raises `NameTooLong`."""
    slug = full_name(course, assignment.slug)
    if len(slug) > LONGEST:
        raise NameTooLong(
            f"{slug} has {len(slug)} characters; {LONGEST} is the most. Shorten the slug of the assignment."
        )
    return slug


def publish_bundled(session: Session) -> None:
    """Publish every assignment that ships with Assay."""
    for slug in assignments.bundled_slugs():
        publish(session, assignments.bundled(slug))


def current(session: Session, slug: str) -> PublishedAssignment:
    """The newest version of an assignment. Raises `AssignmentNotFound`."""
    row = repository.newest(session, slug)
    if row is None:
        raise AssignmentNotFound.of(slug)
    return row


def all_current(session: Session) -> list[PublishedAssignment]:
    """The newest version of every assignment, by slug."""
    return [current(session, slug) for slug in repository.slugs(session)]


def versions(session: Session, slug: str) -> list[PublishedAssignment]:
    """Every version of an assignment, the newest first. Raises `AssignmentNotFound`."""
    current(session, slug)
    return repository.versions(session, slug)


def definition(row: PublishedAssignment) -> Assignment:
    """The parsed assignment of a stored version. Parsing happens once in a process."""
    assignment = _definitions.get((row.slug, row.digest))
    if assignment is None:
        # The files name the assignment within its course.
        assignment = assignments.from_files(row.files).model_copy(update={"slug": row.slug})
        if len(_definitions) >= _MAX_DEFINITIONS:
            _definitions.clear()
        _definitions[row.slug, row.digest] = assignment
    return assignment


def current_definition(session: Session, slug: str) -> Assignment:
    """The parsed newest version of an assignment. Raises `AssignmentNotFound`."""
    return definition(current(session, slug))
