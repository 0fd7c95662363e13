"""SQL of releases."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.scores.releases.models import Release


def get(session: Session, slug: str) -> Release | None:
    """The release of an assignment's scores, if there is one."""
    return session.get(Release, slug)
