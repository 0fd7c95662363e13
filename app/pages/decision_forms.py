"""The fields of decisions about students, and what the page of a student shows of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy.orm import Session

from app.db.base import now
from app.problems import Unprocessable
from app.submissions import quota
from app.submissions.excusals import repository as excusal_repository
from app.submissions.extensions import repository as extension_repository
from app.submissions.staff_notes import repository as note_repository
from grader.assignment import Assignment


class NoReason(Unprocessable):
    """The decision has no reason."""

    slug = "no-reason"


class NoMoment(Unprocessable):
    """The deadline is no date and time."""

    slug = "no-moment"


def context(
    session: Session, definition: Assignment, user_id: int, zone: tzinfo, typed: Mapping[str, str]
) -> dict[str, Any]:
    """What the page of a student shows of decisions; ``typed`` are the fields of a refused one."""
    slug, deadline = definition.slug, definition.schedule.deadline
    extension = extension_repository.get(session, slug, user_id)
    due = extension.deadline if extension else deadline
    return {
        "deadline": deadline,
        "extension": extension,
        "suggested": local_text(max(due, now()) + timedelta(days=1), zone) if due else "",
        "basis": extension.deadline.isoformat() if extension else "",
        "excusal": excusal_repository.get(session, slug, user_id),
        "quota": quota.of(session, user_id, definition),
        "notes": note_repository.of_student(session, slug, user_id),
        "typed": typed,
        "zone_name": str(zone),
    }


def local_text(moment: datetime, zone: tzinfo) -> str:
    """A time for a field ``datetime-local``, to the minute in the course's time zone."""
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def moment_of(text: str, zone: tzinfo) -> datetime:
    """The time in a field, in the course's time zone unless it names its own. Raises `NoMoment`."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    except ValueError:
        raise NoMoment(f"{text[:40]!r} is no date and time. Write it as 2026-05-27T23:59.") from None


def points_of(text: str) -> float:
    """The points in a field. Raises `Unprocessable`."""
    try:
        return float(text)
    except ValueError:
        raise Unprocessable(f"{text!r} is not a number of points.") from None


def reason_of(text: str) -> str:
    """The reason in a field. Raises `NoReason`."""
    reason = text.strip()
    if not reason or "\0" in reason:
        raise NoReason("Write a reason in a few words; it is kept with the decision.")
    return reason
