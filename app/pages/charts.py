"""The charts of a class as bars and dots, each with the filter that lists its students."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from app.pages.class_view import bounds_of
from app.scores.class_records import Attempt, ClassSnapshot
from app.scores.table import NO_RESULT, Spread, spread_of
from app.submissions.models import State
from grader import messages
from grader.assignment import Assignment
from grader.checks import registry
from grader.messages import short_names

_HISTOGRAM_BINS = 16
_PARAMETER_BINS = 12
_ACCURACY_BINS = 20
_MISTAKES = 15
_DAYS = 60
_DAYS_AHEAD = 14


@dataclass(frozen=True)
class Bar:
    """A bar: its label, its length as a share of the longest possible one, its text, its filter, and a longer label."""

    label: str
    share: float
    text: str
    query: dict[str, Any]
    title: str = ""


@dataclass(frozen=True)
class Dot:
    """Students with similar numbers of parameters and accuracies. ``across`` and ``up`` are shares of the axes.

    ``points`` is the mean of the students.
    """

    across: float
    up: float
    count: int
    parameters: int
    accuracy: float
    points: float
    query: dict[str, Any]


@dataclass(frozen=True)
class Charts:
    """All charts of a class. ``deadline_day`` is the last day in time; ``unmeasured`` have no accuracy to draw.

    ``spreads`` are by question, that of the totals under an empty number.
    """

    totals: tuple[Bar, ...]
    full: tuple[Bar, ...]
    mistakes: tuple[Bar, ...]
    days: tuple[Bar, ...]
    deadline_day: str | None
    parameters: tuple[Dot, ...]
    unmeasured: int
    graded: int
    spreads: Mapping[str, Spread]


@lru_cache(maxsize=4)
def draw(snapshot: ClassSnapshot, tag: str, zone: tzinfo = UTC) -> Charts:
    """The charts of the attempts that count; the days, those of a time zone, count every attempt."""
    graded = snapshot.graded
    deadline = snapshot.assignment.schedule.deadline
    last_day = deadline.astimezone(zone).date() if deadline else None
    return Charts(
        totals=tuple(_totals(graded, snapshot.assignment.max_score)),
        full=tuple(_full(graded, snapshot)),
        mistakes=tuple(_mistakes(graded, tag)),
        days=tuple(_days(sorted(time for one in snapshot.standings for time in one.times), last_day, zone)),
        deadline_day=last_day.isoformat() if last_day else None,
        parameters=tuple(_parameters(graded, snapshot.assignment)),
        unmeasured=sum(attempt.parameters is None or attempt.accuracy is None for attempt in graded),
        graded=len(graded),
        spreads=_spreads(graded, snapshot.assignment),
    )


def _spreads(graded: Sequence[Attempt], assignment: Assignment) -> dict[str, Spread]:
    """By question, and for the total under ``""``, the spread of the points."""
    results = {"": [(attempt.score, assignment.max_score) for attempt in graded]}
    for question in assignment.questions:
        cells = (attempt.cells.get(question.number) for attempt in graded)
        results[question.number] = [
            (cell.score, cell.max_score) for cell in cells if cell is not None and cell.verdict not in NO_RESULT
        ]
    spreads = {number: spread_of(points) for number, points in results.items()}
    return {number: spread for number, spread in spreads.items() if spread is not None}


def _totals(graded: Sequence[Attempt], max_score: float) -> list[Bar]:
    """Students by points, in bins of equal width; the last bin includes full points."""
    if not graded or not max_score:
        return []
    width = max_score / _HISTOGRAM_BINS
    counts = Counter(min(int(attempt.score / width), _HISTOGRAM_BINS - 1) for attempt in graded)
    bars = []
    for index in range(_HISTOGRAM_BINS):
        low = round(index * width, 4)
        # Points have two decimals, so the bin ends just below the next one.
        high = max_score if index == _HISTOGRAM_BINS - 1 else round((index + 1) * width - 0.005, 4)
        query = {"lowest": low, "highest": high, "state": State.GRADED}
        bars.append(Bar(f"{low:g}", counts[index] / max(counts.values()), f"{counts[index]:,}", query))
    return bars


def _full(graded: Sequence[Attempt], snapshot: ClassSnapshot) -> list[Bar]:
    """The share of full points by question, of the results that there are."""
    bars = []
    for question in snapshot.assignment.questions:
        cells = [cell for attempt in graded if (cell := attempt.cells.get(question.number)) is not None]
        results = [cell for cell in cells if cell.verdict not in NO_RESULT]
        full = sum(cell.score >= cell.max_score for cell in results)
        if graded:
            share = full / len(results) if results else 0.0
            query = {"question": question.number, "full": True}
            bars.append(Bar(question.number, share, f"{share:.0%} ({full:,})", query))
    return bars


def _mistakes(graded: Sequence[Attempt], tag: str) -> list[Bar]:
    """Mistakes by frequency, each with its question and its short name; ``title`` is what students read."""
    counts = Counter(mistake for attempt in graded for mistake in set(attempt.mistakes))
    most = max(counts.values(), default=1)
    return [
        Bar(short_name(mistake, tag), count / most, f"{count:,}", {"mistake": mistake}, sentence(mistake, tag))
        for mistake, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MISTAKES]
    ]


def sentence(mistake: str, tag: str) -> str:
    """What students read of a mistake, without the values that differ between them."""
    return _named(mistake, lambda key: messages.without_values(key, tag))


def short_name(mistake: str, tag: str) -> str:
    """The question of a mistake and a few words: ``2.1 softmax, not log_softmax``."""
    return _named(mistake, lambda key: short_names.short_name(key, tag))


def _named(mistake: str, text: Callable[[str], str]) -> str:
    number, _, key = mistake.partition(" ")
    # What is no message is a known mistake of the assignment's author.
    return f"{number} {text(key) if key in messages.ids() else key.replace('_', ' ')}"


def _days(times: Sequence[datetime], deadline: date | None, zone: tzinfo) -> list[Bar]:
    """Attempts, oldest first, by day without gaps, up to a deadline that is near; at most the latest 60 days."""
    if not times:
        return []
    last = times[-1].astimezone(zone).date()
    if deadline is not None and 0 < (deadline - last).days <= _DAYS_AHEAD:
        last = deadline
    first = max(times[0].astimezone(zone).date(), last - timedelta(days=_DAYS - 1))
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    bounds = [bounds_of(day, zone) for day in days]
    counts = [bisect_left(times, end) - bisect_left(times, start) for start, end in bounds]
    most = max(counts)
    return [_day(day, count, most) for day, count in zip(days, counts, strict=True)]


def _day(day: date, count: int, most: int) -> Bar:
    return Bar(day.isoformat(), count / most, f"{count:,}", {"day": day.isoformat()})


def _parameters(graded: Sequence[Attempt], assignment: Assignment) -> list[Dot]:
    """Students by model size and accuracy: one dot for each bin, so that the page of a large class stays small."""
    limit = registry.public_options(assignment).get("parameter_limit")
    if limit is None:
        return []
    # Models beyond the limit share the last bin.
    width = limit / (_PARAMETER_BINS - 1)
    bins: dict[tuple[int, int], list[tuple[int, float, float]]] = {}
    for attempt in graded:
        if attempt.parameters is not None and attempt.accuracy is not None:
            across = min(int(max(attempt.parameters - 1, 0) / width), _PARAMETER_BINS - 1)
            up = min(int(attempt.accuracy * _ACCURACY_BINS), _ACCURACY_BINS - 1)
            bins.setdefault((across, up), []).append((attempt.parameters, attempt.accuracy, attempt.score))
    return [_dot(across, members) for (across, _), members in sorted(bins.items())]


def _dot(across: int, members: Sequence[tuple[int, float, float]]) -> Dot:
    sizes, accuracies, points = zip(*members, strict=True)
    mean = sum(accuracies) / len(members)
    return Dot(
        across=(across + 0.5) / _PARAMETER_BINS,
        up=mean,
        count=len(members),
        parameters=sum(sizes) // len(members),
        accuracy=mean,
        points=sum(points) / len(members),
        query={
            "smallest": min(sizes),
            "largest": max(sizes),
            "least_accuracy": min(accuracies),
            "most_accuracy": max(accuracies),
        },
    )
