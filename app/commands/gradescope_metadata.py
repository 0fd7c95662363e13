"""What Gradescope says of a submission: its time, its deadline, and the earlier ones of the same student or group.

Source: https://gradescope-autograders.readthedocs.io/en/latest/submission_metadata/.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel

from grader import lateness
from grader.assignment import Schedule
from grader.lateness import Lateness

WINDOW = timedelta(hours=24)
REFUSED = "refused"
"""The member of ``extra_data`` that marks the results of a submission that was not graded."""


class Dates(BaseModel):
    """The deadline of the assignment, or of one student with an extension."""

    due_date: AwareDatetime | None = None


class User(BaseModel):
    """A student of the submission. ``assignment`` has the student's own dates."""

    assignment: Dates | None = None


class EarlierSubmission(BaseModel):
    """An earlier submission with its results, if its autograder wrote any."""

    submission_time: AwareDatetime
    score: float | None = None
    autograder_error: bool = False
    results: dict[str, Any] | None = None

    @property
    def is_attempt(self) -> bool:
        """Whether it was graded: neither refused nor failed by a fault of the autograder."""
        extra = (self.results or {}).get("extra_data")
        return not self.autograder_error and not (isinstance(extra, dict) and REFUSED in extra)


class Metadata(BaseModel):
    """The members that are used of ``submission_metadata.json``."""

    created_at: AwareDatetime
    assignment: Dates | None = None
    users: tuple[User, ...] = ()
    previous_submissions: tuple[EarlierSubmission, ...] = ()

    def lateness(self, schedule: Schedule) -> Lateness | None:
        """How late the submission is by Gradescope's deadline, the latest of a group, and by the assignment's rule."""
        dates = [self.assignment, *(user.assignment for user in self.users)]
        due = max((one.due_date for one in dates if one is not None and one.due_date is not None), default=None)
        return lateness.lateness(schedule.model_copy(update={"deadline": due}), self.created_at, None)

    def attempts(self) -> list[EarlierSubmission]:
        """The earlier submissions that were graded, the oldest first."""
        earlier = [one for one in self.previous_submissions if one.is_attempt and one.submission_time < self.created_at]
        return sorted(earlier, key=lambda one: one.submission_time)

    def next_attempt_at(self, schedule: Schedule) -> datetime | None:
        """When the student may submit again, if all attempts of the 24 hours before this submission were used."""
        times = [one.submission_time for one in self.attempts() if one.submission_time > self.created_at - WINDOW]
        excess = len(times) - schedule.attempts_per_day
        return times[excess] + WINDOW if excess >= 0 else None

    def counted_score(self, schedule: Schedule) -> float:
        """The points of the earlier submission that counts."""
        scores = [one.score for one in self.attempts() if one.score is not None]
        if not scores:
            return 0.0
        return max(scores) if schedule.keep == "best" else scores[-1]


def read(file: Path) -> Metadata | None:
    """The metadata, or ``None`` without such a file. Raises ``ValueError`` or ``OSError`` if it cannot be read."""
    if not file.exists():
        return None
    return Metadata.model_validate_json(file.read_bytes())
