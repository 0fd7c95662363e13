"""SQL of published assignment versions."""

from __future__ import annotations

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.assignments.models import PublishedAssignment


def newest(session: Session, slug: str) -> PublishedAssignment | None:
    """The newest version of an assignment."""
    return session.scalar(_newest_first(slug).limit(1))


def versions(session: Session, slug: str) -> list[PublishedAssignment]:
    """Every version of an assignment, the newest first."""
    return list(session.scalars(_newest_first(slug)))


def by_digest(session: Session, slug: str, digest: str) -> PublishedAssignment | None:
    """The version of an assignment with this content."""
    return session.scalar(_newest_first(slug).where(PublishedAssignment.digest == digest))


def slugs(session: Session) -> list[str]:
    """The slug of every assignment, in order."""
    return list(session.scalars(select(PublishedAssignment.slug).distinct().order_by(PublishedAssignment.slug)))


def _newest_first(slug: str) -> Select[PublishedAssignment]:
    query = select(PublishedAssignment).where(PublishedAssignment.slug == slug)
    return query.order_by(PublishedAssignment.version.desc(), PublishedAssignment.id.desc())
