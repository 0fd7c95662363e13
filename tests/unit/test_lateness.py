"""Deadlines, grace, the late rule and extensions, as arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from grader.assignment import LateRule, Schedule
from grader.lateness import closes, due, lateness

DEADLINE = datetime(2026, 5, 20, 16, tzinfo=UTC)
RULE = LateRule(percent_per_day=15, most_days=3)
STRICT = Schedule(deadline=DEADLINE, grace_minutes=10)
LENIENT = Schedule(deadline=DEADLINE, grace_minutes=10, late=RULE)


def after(**time: float) -> datetime:
    return DEADLINE + timedelta(**time)


def test_the_grace_costs_nothing_and_the_next_second_a_day() -> None:
    assert lateness(LENIENT, after(minutes=10), None) is None
    late = lateness(LENIENT, after(minutes=10, seconds=1), None)
    assert late is not None
    assert (late.days, late.percent, late.reduced(4.0)) == (1, 15, 3.4)


@pytest.mark.parametrize(("hours", "days", "percent"), [(24, 1, 15), (24.01, 2, 30), (72, 3, 45), (1000, 42, 45)])
def test_days_are_begun_days_up_to_the_most(hours: float, days: int, percent: float) -> None:
    late = lateness(LENIENT, after(hours=hours), None)
    assert late is not None
    assert (late.days, late.percent) == (days, percent)


def test_an_assignment_closes_after_its_grace_or_its_late_days() -> None:
    assert closes(Schedule(), None) is None
    assert closes(STRICT, None) == after(minutes=10)
    assert closes(LENIENT, None) == after(days=3)
    assert closes(
        Schedule(deadline=DEADLINE, grace_minutes=2880, late=LateRule(percent_per_day=1, most_days=1)), None
    ) == after(days=2)


def test_an_extension_moves_everything_and_never_backwards() -> None:
    extended = after(days=7)
    assert due(LENIENT, extended) == extended
    assert closes(STRICT, extended) == extended + timedelta(minutes=10)
    assert lateness(LENIENT, after(days=5), extended) is None
    late = lateness(LENIENT, after(days=7, hours=1), extended)
    assert late is not None
    assert (late.deadline, late.days) == (extended, 1)
    assert due(LENIENT, after(days=-7)) == DEADLINE
    assert due(Schedule(), extended) is None


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_later_never_earns_more(first: int, second: int) -> None:
    lost = [
        late.percent if (late := lateness(LENIENT, after(minutes=minutes), None)) else 0
        for minutes in sorted((first, second))
    ]
    assert lost == sorted(lost)


@pytest.mark.parametrize(
    "values",
    [
        {"deadline": datetime(2026, 5, 20)},
        {"late": RULE},
        {"grace_minutes": 5},
        {"opens": DEADLINE, "deadline": DEADLINE},
        {"deadline": DEADLINE, "late": {"percent_per_day": 101, "most_days": 1}},
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Schedule.model_validate(values)
