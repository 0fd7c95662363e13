"""The attempts that a student has left: the assignment sets how many in any 24 hours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.audit import service as audit
from app.auth.viewer import Viewer
from app.db.base import now
from app.problems import TooManyRequests
from app.submissions import repository, students
from grader.assignment import Assignment

WINDOW = timedelta(hours=24)
FREE_CANCELS = 5
"""Submissions in 24 hours that may be cancelled before their grading at no cost. Each of them stores its bytes."""


class QuotaSpent(TooManyRequests):
    """All attempts of the last 24 hours are used."""

    slug = "quota-spent"

    def __init__(self, per_day: int, next_at: datetime) -> None:
        wait = max(1, math.ceil((next_at - now()).total_seconds()))
        detail = f"All {per_day} attempts of the last 24 hours are used. The next one is free in {wait} seconds."
        super().__init__(detail, headers={"Retry-After": str(wait)})


@dataclass(frozen=True)
class Quota:
    """Attempts in any 24 hours. ``next_at`` is the time of the next free attempt when none is left.

    ``has_free_cancel`` says whether a submission that is cancelled before its grading costs no attempt.
    """

    per_day: int
    used: int
    next_at: datetime | None
    has_free_cancel: bool

    @property
    def left(self) -> int:
        """Attempts left now."""
        return max(0, self.per_day - self.used)


def of(session: Session, user_id: int, assignment: Assignment) -> Quota:
    """The student's quota. Submissions that failed by a fault of the grader do not count, nor the last free cancels."""
    since = now() - WINDOW
    free = repository.free_cancel_times(session, user_id, assignment.slug, since)
    times = sorted([*repository.counted_times(session, user_id, assignment.slug, since), *free[:-FREE_CANCELS]])
    per_day = assignment.schedule.attempts_per_day
    excess = len(times) - per_day
    return Quota(
        per_day,
        len(times),
        times[excess] + WINDOW if excess >= 0 else None,
        has_free_cancel=len(free) < FREE_CANCELS,
    )


def give_back(session: Session, viewer: Viewer, slug: str, login: str) -> list[int]:
    """Return a student's attempts of the last 24 hours: they no longer count in the quota. Their numbers.

    Raises `AssignmentNotFound`, `UserNotFound` or `OwnCase`.
    """
    assignments.current(session, slug)
    student = students.find_other(session, viewer, slug, login)
    repository.lock_user(session, student.id)
    numbers = repository.give_back(session, student.id, slug, now() - WINDOW)
    if numbers:
        audit.record(session, viewer.login, "attempts.give_back", f"{slug}/{student.login}", attempts=numbers)
    return numbers


def has_free_cancel(session: Session, user_id: int, slug: str) -> bool:
    """Whether the student's next submission that is cancelled before its grading costs no attempt."""
    return len(repository.free_cancel_times(session, user_id, slug, now() - WINDOW)) < FREE_CANCELS
