"""Searching, filtering and sorting the dashboard's table."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from app.pages.class_view import ClassView, bounds_of
from app.scores.class_records import Attempt, Cell, StudentStanding
from app.submissions.models import State
from grader.evidence import Fault
from grader.lateness import Lateness
from grader.scoring import Verdict

FIRST = datetime(2025, 12, 30, tzinfo=UTC)
DEADLINE = datetime(2026, 1, 2, tzinfo=UTC)


def standing(
    login: str, score: float | None = None, verdict: Verdict = Verdict.PARTIAL, name: str = "", **more: Any
) -> StudentStanding:
    attempt: dict[str, Any] = {
        "submission": uuid.uuid4(),
        "number": 1,
        "submitted_at": datetime(2026, 1, 1, 23, tzinfo=UTC),
        "state": State.GRADED,
        "fault": None,
        "late": None,
        "cells": {"1.1": Cell(score or 0, 4, verdict, None, False)},
        "mistakes": (),
        "parameters": None,
        "accuracy": None,
        **more,
    }
    counting = None if score is None else Attempt(score=score, **attempt)
    times = () if counting is None else (FIRST, counting.submitted_at)
    return StudentStanding(login, name or f"Name of {login}", f"ID-{login}", counting, times)


LATE: dict[str, Any] = {"submitted_at": datetime(2026, 1, 3, tzinfo=UTC), "late": Lateness(DEADLINE, 1, 0.0)}
CLASS = [
    standing("ann", 2.0, parameters=90_000, mistakes=("kd.alpha_swapped",)),
    standing("ben"),
    standing("cho", 4.0, Verdict.NEEDS_REVIEW, parameters=50_000, **LATE),
    standing("dia", 1.0, state=State.FAILED, fault=Fault.INFRASTRUCTURE),
]


def logins(**query: object) -> list[str]:
    return [one.login for one in ClassView(**query).select(CLASS)]


def test_everybody_by_login_at_first() -> None:
    assert logins() == ["ann", "ben", "cho", "dia"]


def test_points_sort_both_ways_and_missing_ones_stay_last() -> None:
    assert logins(sort="score") == ["dia", "ann", "cho", "ben"]
    assert logins(sort="score", order="desc") == ["cho", "ann", "dia", "ben"]
    assert logins(sort="1.1", order="desc") == ["cho", "ann", "dia", "ben"]
    assert logins(sort="parameters") == ["cho", "ann", "ben", "dia"]


def test_a_column_that_is_none_changes_nothing() -> None:
    assert logins(sort="9.9") == ["ann", "ben", "cho", "dia"]
    assert logins(sort="color") == ["ann", "ben", "cho", "dia"]


def test_search_finds_login_name_and_number() -> None:
    assert logins(q="CHO") == ["cho"]
    assert logins(q="of a name") == ["ann", "ben", "cho", "dia"]
    assert logins(q="of ann") == ["ann"]
    assert logins(q="id-ben") == ["ben"]


@pytest.mark.parametrize("query", ["jose", "JOSÉ", "lukasz", "Łukasz", "ｊｏｓｅ", "jose\u0301 LUK"])
def test_search_ignores_accents_case_and_width(query: str) -> None:
    people = [standing("a", name="José Łukasz"), standing("b", name="Joseph Lund"), standing("c", name="王小明")]
    found = [one.login for one in ClassView(q=query).select(people)]
    assert found == (["a", "b"] if query in ("jose", "JOSÉ", "ｊｏｓｅ") else ["a"])
    assert [one.login for one in ClassView(q="小明").select(people)] == ["c"]


def test_a_day_is_one_of_the_courses_time_zone() -> None:
    taipei = ZoneInfo("Asia/Taipei")
    late_evening = [standing("eve", 1.0, submitted_at=datetime(2026, 1, 1, 16, tzinfo=UTC))]  # midnight in Taipei
    first, second = ClassView(day="2026-01-01"), ClassView(day="2026-01-02")
    assert [len(view.select(late_evening, UTC)) for view in (first, second)] == [1, 0]
    assert [len(view.select(late_evening, taipei)) for view in (first, second)] == [0, 1]


def test_a_summer_time_day_ends_with_its_last_hour() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start, end = bounds_of(date(2026, 3, 29), berlin)  # 23 hours
    assert (start, end) == (datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC))


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_beyond_the_calendar_is_refused(day: str) -> None:
    with pytest.raises(ValidationError):
        ClassView(day=day)


def test_a_student_who_no_longer_matches_keeps_the_place() -> None:
    view = ClassView(review=True)
    assert [one.login for one in view.select(CLASS, also="ben")] == ["ben", "cho"]


def test_filters_narrow_down() -> None:
    assert logins(state="failed") == ["dia"]
    assert logins(review="1") == ["cho"]
    assert logins(fault="1") == ["dia"]
    assert logins(late="1") == ["cho"]
    assert logins(missing="1") == ["ben"]


def test_a_bar_of_a_chart_leads_to_its_students() -> None:
    assert logins(lowest=1, highest=2) == ["ann", "dia"]
    assert logins(smallest=60_000) == ["ann"]
    assert logins(largest=60_000) == ["cho"]
    assert logins(mistake="kd.alpha_swapped") == ["ann"]
    assert logins(question="1.1", full="1") == ["cho"]
    assert logins(question="1.1", verdict="partial") == ["ann", "dia"]
    assert logins(question="9.9", full="1") == []
    assert logins(day="2026-01-03") == ["cho"]
    assert logins(day="2025-12-30") == ["ann", "cho", "dia"]  # an earlier attempt, which does not count


def test_empty_fields_of_the_form_ask_for_nothing() -> None:
    assert logins(state="", verdict="", q="", lowest="") == ["ann", "ben", "cho", "dia"]


def test_a_link_keeps_what_it_does_not_change_and_starts_at_the_first_page() -> None:
    view = ClassView(q="a&b", review=True, sort="score", order="desc", page=3)
    assert view.query(order="asc") == "q=a%26b&review=1&sort=score&order=asc"
    assert view.query(page=4) == "q=a%26b&review=1&sort=score&order=desc&page=4"
    assert view.query(review=None) == "q=a%26b&sort=score&order=desc"
