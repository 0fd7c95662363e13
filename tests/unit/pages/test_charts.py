"""The class in bars and dots, each leading to exactly the students it counts."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import UTC, date, timedelta, tzinfo
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from fastapi import Request

from app.pages import charts
from app.pages.class_view import ClassView
from app.scores.class_records import ClassRecords, ClassSnapshot
from tests.unit.pages.conftest import Course


def snapshot(course: Course) -> ClassSnapshot:
    with course.database.read() as session:
        return ClassRecords().snapshot(session, "hw13")


def count_behind(query: dict[str, object], snap: ClassSnapshot, zone: tzinfo = UTC) -> int:
    """How many students the link of a bar shows."""
    scope = {"type": "http", "query_string": urlencode(query).encode()}
    return len(ClassView(**Request(scope).query_params).select(snap.standings, zone))


def test_every_bar_leads_to_as_many_students_as_it_says(course: Course) -> None:
    course.enrol(40, 2)
    snap = snapshot(course)
    drawn = charts.draw(snap, "en")
    assert sum(int(bar.text) for bar in drawn.totals) == 40
    assert [count_behind(bar.query, snap) for bar in drawn.totals] == [int(bar.text) for bar in drawn.totals]
    assert [count_behind(bar.query, snap) for bar in drawn.mistakes] == [int(bar.text) for bar in drawn.mistakes]
    assert [f"({count_behind(bar.query, snap)})" for bar in drawn.full] == [bar.text.split()[1] for bar in drawn.full]
    assert sum(dot.count for dot in drawn.parameters) == 40
    assert all(count_behind(dot.query, snap) >= dot.count for dot in drawn.parameters)


def test_days_have_no_gap_and_count_every_attempt(course: Course) -> None:
    course.enrol(10, 3)
    days = charts.draw(snapshot(course), "en").days
    assert sum(int(bar.text) for bar in days) == 30
    numbers = [date.fromisoformat(bar.label).toordinal() for bar in days]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


@pytest.mark.parametrize(("days", "reaches"), [(3, True), (14, True), (15, False), (-2, False)])
def test_the_days_go_on_to_a_deadline_that_is_near(course: Course, days: int, reaches: bool) -> None:
    course.enrol(5, 1)
    snap = snapshot(course)
    last = max(attempt.submitted_at for attempt in snap.attempts)
    schedule = snap.assignment.schedule.model_copy(update={"deadline": last + timedelta(days=days)})
    drawn = charts.draw(replace(snap, assignment=snap.assignment.model_copy(update={"schedule": schedule})), "en")
    assert (drawn.days[-1].label == drawn.deadline_day) is reaches
    assert (drawn.days[-1].label == last.date().isoformat()) is not reaches


def test_a_class_without_submissions_has_nothing_to_draw(course: Course) -> None:
    course.enrol(2, 0)
    drawn = charts.draw(snapshot(course), "zh-Hant")
    assert drawn.graded == 0
    assert [*drawn.totals, *drawn.days, *drawn.mistakes, *drawn.parameters] == []


def test_mistakes_are_told_in_the_readers_language(course: Course) -> None:
    course.enrol(40, 1)
    english, chinese = charts.draw(snapshot(course), "en"), charts.draw(snapshot(course), "zh-Hant")
    assert len(english.mistakes) == len(chinese.mistakes) > 0
    assert english.mistakes[0].label != chinese.mistakes[0].label


def test_mistakes_of_every_question_are_counted_without_a_students_own_values(course: Course) -> None:
    course.enrol(40, 1)
    labels = [bar.label for bar in charts.draw(snapshot(course), "en").mistakes]
    assert {label.split()[0] for label in labels} >= {"1.1", "2.1", "2.2", "3.2"}
    too_large = next(label for label in labels if label.startswith("1.1"))
    assert "… parameters" in too_large
    assert not re.search(r"\d", too_large.removeprefix("1.1"))


def test_a_day_of_the_course_leads_to_everybody_who_submitted_on_it(course: Course) -> None:
    course.enrol(30, 1)
    snap = snapshot(course)
    days = {name: charts.draw(snap, "en", ZoneInfo(name)).days for name in ("UTC", "Pacific/Kiritimati")}
    for name, bars in days.items():
        assert [count_behind(bar.query, snap, ZoneInfo(name)) for bar in bars] == [int(bar.text) for bar in bars]
        assert sum(int(bar.text) for bar in bars) == 30
    assert days["UTC"] != days["Pacific/Kiritimati"]


def test_a_filter_says_what_its_bar_said(course: Course) -> None:
    course.enrol(20, 1)
    bar = charts.draw(snapshot(course), "en").mistakes[0]
    page = course.get(f"/dashboard/hw13?{urlencode(bar.query)}&verdict=none").text
    chips = [html.unescape(chip) for chip in re.findall(r'<a class="chip"[^>]*>([^<]*)</a>', page)]
    assert chips == ["verdict: ✗ no points ×", f"mistake: {bar.label} ×"]


def test_a_search_keeps_what_a_bar_filtered_by(course: Course) -> None:
    course.enrol(20, 1)
    snap = snapshot(course)
    drawn = charts.draw(snap, "en")
    for bar in (drawn.mistakes[0], drawn.totals[-1], drawn.days[0], drawn.full[0]):
        page = course.get(f"/dashboard/hw13?{urlencode(bar.query)}").text
        sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
        selected = {name: value for name, value in bar.query.items() if name in ("state", "question")}
        assert count_behind(sent | selected, snap) == count_behind(bar.query, snap)


def test_a_mistake_that_is_none_is_shown_as_it_was_asked_for(course: Course) -> None:
    course.enrol(1, 1)
    assert "mistake: 9 nonsense ×" in course.get("/dashboard/hw13?mistake=9+nonsense").text
