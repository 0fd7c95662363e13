"""How late a submission is and what that costs, from the schedule, the time, and the student's extension."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from grader.assignment import Schedule

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Lateness:
    """A late submission: the deadline it missed, the begun days since, and the percent of its points that it loses."""

    deadline: datetime
    days: int
    percent: float

    def reduced(self, points: float) -> float:
        """The points after the deduction."""
        return points * (100 - self.percent) / 100


def due(schedule: Schedule, extended_to: datetime | None) -> datetime | None:
    """The deadline of a student: the assignment's, or the student's extension if that is later."""
    if schedule.deadline is None or extended_to is None:
        return schedule.deadline
    return max(schedule.deadline, extended_to)


def closes(schedule: Schedule, extended_to: datetime | None) -> datetime | None:
    """The last moment at which a student can submit: the end of the grace, or of the days of the late rule."""
    deadline = due(schedule, extended_to)
    if deadline is None:
        return None
    grace = timedelta(minutes=schedule.grace_minutes)
    return deadline + (max(grace, schedule.late.most_days * DAY) if schedule.late else grace)


def lateness(schedule: Schedule, submitted_at: datetime, extended_to: datetime | None) -> Lateness | None:
    """How late a submission is, or ``None`` within the deadline and its grace.

    The days count from the deadline, not from the end of the grace. After the last day of the rule only staff can
    submit, and the deduction stays that of the last day.
    """
    deadline = due(schedule, extended_to)
    if deadline is None or submitted_at <= deadline + timedelta(minutes=schedule.grace_minutes):
        return None
    days = math.ceil((submitted_at - deadline) / DAY)
    rule = schedule.late
    percent = min(100.0, rule.percent_per_day * min(days, rule.most_days)) if rule else 0.0
    return Lateness(deadline, days, percent)
