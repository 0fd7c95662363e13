"""The entries of the audit log that concern a course."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from app.audit import repository as audit
from app.course_data import repository

_OF_COURSES = "course."
"""The beginning of the actions whose subject is a course."""


def entries(session: Session, course: str) -> Iterator[Row[Any]]:
    """The entries about a course, its people's enrolments, assignments, submissions and regrades, oldest first."""
    own = {str(one) for one in (*repository.submission_ids(session, course), *repository.regrade_ids(session, course))}
    slugs = set(repository.published_slugs(session, course))
    for entry in audit.entries(session):
        first = entry.subject.partition("/")[0]
        named = {first, *(value for value in entry.detail.values() if isinstance(value, str))}
        if entry.action.startswith(_OF_COURSES):
            is_own = entry.subject == course
        else:
            is_own = not own.isdisjoint(named) or not slugs.isdisjoint(named) or entry.detail.get("course") == course
        if is_own:
            yield entry


def latest(session: Session, course: str, *, before: int | None, limit: int) -> list[Row[Any]]:
    """The newest entries about a course first; with ``before`` only entries with a smaller id."""
    own = (entry for entry in entries(session, course) if before is None or entry.id < before)
    return list(deque(own, maxlen=limit))[::-1]
