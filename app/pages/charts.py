"""The charts of a class as bars and dots, each with the filter that lists its students."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from app.pages.class_view import bounds_of
from app.scores.class_records import Attempt, ClassSnapshot
from app.submissions.models import State
from grader import messages
from grader.assignment import Assignment
from grader.checks import registry
from grader.evidence import Note
from grader.scoring import Verdict

_HISTOGRAM_BINS = 16
_PARAMETER_BINS = 12
_ACCURACY_BINS = 20
_MISTAKES = 15
_DAYS = 60
_DAYS_AHEAD = 14


@dataclass(frozen=True)
class Bar:
    """A bar: its label, its length as a share of the longest possible one, its text, and its filter."""

    label: str
    share: float
    text: str
    query: dict[str, Any]


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
    """All charts of a class. ``deadline_day`` is the last day in time; ``unmeasured`` have no accuracy to draw."""

    totals: tuple[Bar, ...]
    full: tuple[Bar, ...]
    mistakes: tuple[Bar, ...]
    days: tuple[Bar, ...]
    deadline_day: str | None
    parameters: tuple[Dot, ...]
    unmeasured: int
    graded: int


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
        days=tuple(_days([attempt.submitted_at for attempt in snapshot.attempts], last_day, zone)),
        deadline_day=last_day.isoformat() if last_day else None,
        parameters=tuple(_parameters(graded, snapshot.assignment)),
        unmeasured=sum(attempt.parameters is None or attempt.accuracy is None for attempt in graded),
        graded=len(graded),
    )


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
    bars = []
    for question in snapshot.assignment.questions:
        full = sum(
            cell.score >= cell.max_score
            for attempt in graded
            if (cell := attempt.cells.get(question.number)) and cell.verdict not in (Verdict.PENDING, Verdict.FAULT)
        )
        if graded:
            share = full / len(graded)
            query = {"question": question.number, "full": True}
            bars.append(Bar(question.number, share, f"{share:.0%} ({full:,})", query))
    return bars


def _mistakes(graded: Sequence[Attempt], tag: str) -> list[Bar]:
    """Mistakes by frequency, each with its question and the text that students read."""
    counts = Counter(mistake for attempt in graded for mistake in set(attempt.mistakes))
    most = max(counts.values(), default=1)
    return [
        Bar(sentence(mistake, tag), count / most, f"{count:,}", {"mistake": mistake})
        for mistake, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MISTAKES]
    ]


def sentence(mistake: str, tag: str) -> str:
    """The text of a message without the values that differ between students."""
    number, _, key = mistake.partition(" ")
    if key not in messages.ids():
        return f"{number} {key.replace('_', ' ')}"  # a known mistake of the assignment's author
    places = re.findall(r"\{(\w+)", messages.catalogue().get(key, {}).get("en", ""))
    return f"{number} {messages.render(Note(id=key, params=dict.fromkeys(places, '…')), tag)}"


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
