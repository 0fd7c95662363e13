"""Publishing assignments, and the definitions of published versions."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.assignments import repository
from app.assignments.models import PublishedAssignment
from app.audit import service as audit
from app.db.base import now
from app.problems import Conflict, NotFound
from grader import assignment as assignments
from grader.assignment import Assignment

_definitions: dict[str, Assignment] = {}
"""Parsed assignments by digest, which covers the content of all files."""
_MAX_DEFINITIONS = 64


class AssignmentNotFound(NotFound):
    """There is no such assignment."""

    slug = "assignment-not-found"


class VersionTaken(Conflict):
    """A newer version of the assignment needs a higher `version`."""

    slug = "version-taken"


def publish_version(session: Session, assignment: Assignment, actor: str) -> PublishedAssignment:
    """Publish a new version of an assignment, or the first one; older versions stay. Raises `VersionTaken`.

    The version that is the newest already is published once. Hand-ins graded before keep their points until a
    regrade.
    """
    newest = repository.newest(session, assignment.slug, lock=True)
    if newest is not None and newest.digest == assignment.digest:
        return newest
    if newest is not None and assignment.version <= newest.version:
        raise VersionTaken(
            f"{assignment.slug} is published as version {newest.version} with other content; "
            f"write `version = {newest.version + 1}` into assignment.toml."
        )
    row = publish(session, assignment)
    audit.record(
        session, actor, "assignment.publish", assignment.slug, version=assignment.version, digest=assignment.digest
    )
    return row


def publish(session: Session, assignment: Assignment) -> PublishedAssignment:
    """Store this version unless it is stored already. A draft becomes a published version."""
    row = store_draft(session, assignment)
    if row.is_draft:
        row.is_draft, row.published_at = False, now()
        session.flush()
    return row


def store_draft(session: Session, assignment: Assignment) -> PublishedAssignment:
    """Store this version, unless it is stored already, as one that is not published."""
    stored = repository.by_digest(session, assignment.slug, assignment.digest)
    if stored is not None:
        return stored
    row = PublishedAssignment(
        slug=assignment.slug,
        version=assignment.version,
        digest=assignment.digest,
        files=dict(assignment.files),
        is_draft=True,
    )
    session.add(row)
    session.flush()
    return row


def publish_bundled(session: Session) -> None:
    """Publish every assignment that ships with Assay."""
    for slug in assignments.bundled_slugs():
        publish(session, assignments.bundled(slug))


def current(session: Session, slug: str) -> PublishedAssignment:
    """The newest version of an assignment. Raises `AssignmentNotFound`."""
    row = repository.newest(session, slug)
    if row is None:
        raise AssignmentNotFound(f"There is no assignment {slug!r}.")
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
    assignment = _definitions.get(row.digest)
    if assignment is None:
        assignment = assignments.from_files(row.files)
        if len(_definitions) >= _MAX_DEFINITIONS:
            _definitions.clear()
        _definitions[row.digest] = assignment
    return assignment


def current_definition(session: Session, slug: str) -> Assignment:
    """The parsed newest version of an assignment. Raises `AssignmentNotFound`."""
    return definition(current(session, slug))
