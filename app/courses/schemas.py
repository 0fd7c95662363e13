"""JSON of courses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.courses.models import Course
from app.courses.names import SLUG
from app.language import LANGUAGES


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("this is no time zone; write one such as Asia/Taipei") from None
    return value


def _language(value: str) -> str:
    if value not in LANGUAGES:
        raise ValueError(f"the languages are {' and '.join(LANGUAGES)}")
    return value


_LINE = r"^[^\x00-\x1f\x7f]*$"
CourseSlug = Annotated[str, StringConstraints(strip_whitespace=True, pattern=SLUG)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, pattern=_LINE), Field(min_length=1, max_length=200)]
Term = Annotated[str, StringConstraints(strip_whitespace=True, pattern=_LINE), Field(max_length=80)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_time_zone)]
CourseLanguage = Annotated[str, AfterValidator(_language)]


class NewCourse(BaseModel):
    """A course to create. Its slug never changes: the names of its assignments begin with it."""

    model_config = ConfigDict(extra="forbid")

    slug: CourseSlug
    title: Title
    term: Term = ""
    time_zone: TimeZone = "UTC"
    language: CourseLanguage | None = None


class CourseChange(BaseModel):
    """What to change of a course; what is left out stays. A language of ``null`` leaves the choice to the readers."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    term: Term | None = None
    time_zone: TimeZone | None = None
    language: CourseLanguage | None = None

    def changes(self) -> dict[str, str | None]:
        """The values for `app.courses.service.edit`."""
        given = self.model_dump(exclude_unset=True)
        return {name: value for name, value in given.items() if value is not None or name == "language"}


class CourseView(BaseModel):
    """A course. An archived one, with ``archived_at``, is read-only."""

    model_config = ConfigDict(from_attributes=True)

    slug: str
    title: str
    term: str
    time_zone: str
    language: str | None
    created_at: datetime
    archived_at: datetime | None

    @classmethod
    def of(cls, course: Course) -> Self:
        """The course as the outside reads it."""
        return cls.model_validate(course)
