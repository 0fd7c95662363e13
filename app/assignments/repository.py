"""SQL of published assignment versions."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Select, false, or_, select
from sqlalchemy.orm import Session

from app.assignments.models import PublishedAssignment
from app.courses.names import ANY_FURTHER, FIRST, pattern


def newest(session: Session, slug: str, *, lock: bool = False) -> PublishedAssignment | None:
    """The newest version of an assignment. ``lock`` keeps other publishers off until the transaction ends."""
    query = _newest_first(slug).limit(1)
    return session.scalar(query.with_for_update() if lock else query)


def versions(session: Session, slug: str) -> list[PublishedAssignment]:
    """Every version of an assignment, the newest first."""
    return list(session.scalars(_newest_first(slug)))


def by_digest(session: Session, slug: str, digest: str) -> PublishedAssignment | None:
    """The version of an assignment with this content, published or a draft."""
    query = select(PublishedAssignment).where(PublishedAssignment.slug == slug, PublishedAssignment.digest == digest)
    return session.scalar(query)


def slugs(session: Session) -> list[str]:
    """The slug of every assignment, in order."""
    query = select(PublishedAssignment.slug).where(~PublishedAssignment.is_draft)
    return list(session.scalars(query.distinct().order_by(PublishedAssignment.slug)))


def in_courses(courses: Collection[str]) -> ColumnElement[bool]:
    """The condition on published versions that they belong to one of these courses."""
    slug = PublishedAssignment.slug
    of_course = (~slug.like(ANY_FURTHER) if course == FIRST else slug.like(pattern(course)) for course in courses)
    return or_(false(), *of_course)


def _newest_first(slug: str) -> Select[PublishedAssignment]:
    query = select(PublishedAssignment).where(PublishedAssignment.slug == slug, ~PublishedAssignment.is_draft)
    return query.order_by(PublishedAssignment.version.desc(), PublishedAssignment.id.desc())
