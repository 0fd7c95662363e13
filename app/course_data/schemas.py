"""JSON of copied and deleted courses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from app.courses.schemas import CourseView, NewCourse

MOST_DAYS = 3660


class NewCopy(NewCourse):
    """A course to create as a copy. Dates move by ``shift_days``, and are cleared without it."""

    shift_days: Annotated[int, Field(ge=-MOST_DAYS, le=MOST_DAYS)] | None = None


class CopiedAssignment(BaseModel):
    """An assignment of the copy with its dates.

    ``without_dates`` says that dates of the source were cleared, and with them grace and rule for late submissions;
    results told after the deadline are told when released then.
    """

    slug: str
    opens: datetime | None
    deadline: datetime | None
    without_dates: bool


class CourseCopy(BaseModel):
    """A new course, and what was copied into it."""

    course: CourseView
    assignments: list[CopiedAssignment]
    review_items: int
    saved_comments: int


class CourseDeletion(BaseModel):
    """What a deletion removes, or removed."""

    course: str
    assignments: int
    submissions: int
    enrolments: int
