"""The dashboard's table by its query string: search, filters, order and page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.presenting.search import fold
from app.scores.class_records import Attempt, StudentStanding
from app.submissions.models import State
from grader.scoring import Verdict

PAGE_ROWS = 100
Key = Callable[[StudentStanding], Any]
_CHART_FILTERS = (
    "question", "verdict", "full", "mistake", "lowest", "highest", "smallest", "largest",
    "least_accuracy", "most_accuracy", "day",
)  # fmt: skip
_OF_ATTEMPT: dict[str, Callable[[Attempt], Any]] = {
    "score": lambda attempt: attempt.score,
    "state": lambda attempt: list(State).index(attempt.state),
    "review": lambda attempt: attempt.needs_review,
    "attempt": lambda attempt: attempt.number,
    "submitted_at": lambda attempt: attempt.submitted_at,
    "parameters": lambda attempt: attempt.parameters,
    "accuracy": lambda attempt: attempt.accuracy,
}


class ClassView(BaseModel):
    """The query string of the class table. Unknown columns sort by login.

    All bounds are inclusive; ``day`` is the day of any attempt in the course's time zone. ``full`` means full points in
    the question.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    q: Annotated[str, Field(max_length=200)] = ""
    state: State | None = None
    review: bool = False
    fault: bool = False
    late: bool = False
    missing: bool = False
    section: Annotated[str, Field(max_length=80)] = ""
    question: Annotated[str, Field(max_length=16)] = ""
    verdict: Verdict | None = None
    full: bool = False
    mistake: Annotated[str, Field(max_length=120)] = ""
    lowest: float | None = None
    highest: float | None = None
    smallest: int | None = None
    largest: int | None = None
    least_accuracy: float | None = None
    most_accuracy: float | None = None
    day: Annotated[date | None, Field(ge=date(1970, 1, 2), le=date(9999, 12, 30))] = None
    sort: Annotated[str, Field(max_length=40)] = "login"
    order: Literal["asc", "desc"] = "asc"
    page: Annotated[int, Field(ge=1, le=10_000)] = 1

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, values: Any) -> Any:
        # A form sends its empty fields too.
        return {name: value for name, value in dict(values).items() if value != ""}

    def select(
        self, standings: Sequence[StudentStanding], zone: tzinfo = UTC, also: str | None = None
    ) -> list[StudentStanding]:
        """The matching students in order; those without a value come last in both directions.

        The days are those of the ``zone``. The student with the login ``also`` is among them in any case.
        """
        words, filtered = fold(self.q).split(), bool(self.filters)
        day = bounds_of(self.day, zone) if self.day is not None else None
        matching = [
            standing
            for standing in standings
            if self._matches(standing, words, filtered, day) or standing.login == also
        ]
        key = self._key()
        valued = [(value, standing) for standing in matching if (value := key(standing)) is not None]
        valued.sort(key=lambda pair: pair[0], reverse=self.order == "desc")
        return [standing for _, standing in valued] + [standing for standing in matching if key(standing) is None]

    def query(self, **changes: Any) -> str:
        """The query string of this view with changes, for a link. It leads to the first page."""
        values = {**self.model_dump(mode="json", exclude_defaults=True), "page": None, **changes}
        used = {name: value for name, value in values.items() if value not in (None, "", False)}
        return urlencode({name: "1" if value is True else str(value) for name, value in used.items()})

    @property
    def filters(self) -> dict[str, Any]:
        """The active filters of the charts, by field."""
        return {name: value for name in _CHART_FILTERS if (value := getattr(self, name)) not in (None, "", False)}

    def _matches(
        self, standing: StudentStanding, words: list[str], filtered: bool, day: tuple[datetime, datetime] | None
    ) -> bool:
        if words and not all(word in standing.search_text for word in words):
            return False
        if self.section and standing.section != self.section:
            return False
        attempt = standing.counting
        if attempt is None:
            return not (self.state or self.review or self.fault or self.late or filtered)
        return (
            not self.missing
            and self.state in (None, attempt.state)
            and (not self.review or attempt.needs_review)
            and (not self.fault or attempt.has_fault)
            and (not self.late or attempt.late is not None)
            and (day is None or any(day[0] <= moment < day[1] for moment in standing.times))
            and (not filtered or self._matches_results(attempt))
        )

    def _matches_results(self, attempt: Attempt) -> bool:
        cells = [cell for number, cell in attempt.cells.items() if self.question in ("", number)]
        parameters, accuracy = attempt.parameters, attempt.accuracy
        return (
            (self.verdict is None or any(cell.verdict is self.verdict for cell in cells))
            and (not self.full or (bool(cells) and all(cell.score >= cell.max_score for cell in cells)))
            and (not self.mistake or self.mistake in attempt.mistakes)
            and (self.lowest is None or attempt.score >= self.lowest)
            and (self.highest is None or attempt.score <= self.highest)
            and (self.smallest is None or (parameters is not None and parameters >= self.smallest))
            and (self.largest is None or (parameters is not None and parameters <= self.largest))
            and (self.least_accuracy is None or (accuracy is not None and accuracy >= self.least_accuracy))
            and (self.most_accuracy is None or (accuracy is not None and accuracy <= self.most_accuracy))
        )

    def _key(self) -> Key:
        if self.sort in _OF_ATTEMPT:
            of_attempt = _OF_ATTEMPT[self.sort]
            return lambda standing: of_attempt(standing.counting) if standing.counting else None
        if self.sort[:1].isdigit():
            return lambda standing: (
                cell.score if standing.counting and (cell := standing.counting.cells.get(self.sort)) else None
            )
        return lambda standing: standing.login


def bounds_of(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """The first moment of a day in a time zone, and that of the next day."""
    first = datetime.combine(day, time(), zone).astimezone(UTC)
    return first, datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
