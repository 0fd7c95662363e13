"""Lists of several courses, grouped by course: the open ones first, then the archived ones, which pages fold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from app.courses import repository
from app.courses.models import Course
from app.courses.names import course_of

_Row = TypeVar("_Row")


@dataclass(frozen=True)
class CourseGroup(Generic[_Row]):
    """The rows of one course, or all rows without a ``course`` where they are of one: then no page names it."""

    course: Course | None
    rows: list[_Row]

    @property
    def is_archived(self) -> bool:
        """Whether the course is archived."""
        return self.course is not None and self.course.archived_at is not None


def group(session: Session, rows: Sequence[_Row], slug: Callable[[_Row], str]) -> list[CourseGroup[_Row]]:
    """The rows by the course of their assignment, whose slug is given by ``slug``."""
    by_course: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        by_course[course_of(slug(row))].append(row)
    if len(by_course) < 2:
        return [CourseGroup(None, list(rows))]
    groups = [CourseGroup(one, by_course[one.slug]) for one in repository.every(session) if one.slug in by_course]
    return sorted(groups, key=lambda each: each.is_archived)
