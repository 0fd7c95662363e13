"""The class in bars and dots, each leading to exactly the students it counts."""

from __future__ import annotations

import html
import json
import re
import statistics as statistics_of
from dataclasses import replace
from datetime import UTC, date, timedelta, tzinfo
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from fastapi import Request
from sqlalchemy import select

from app.pages import charts
from app.pages.class_view import ClassView
from app.scores.class_cache import ClassCache
from app.scores.class_records import ClassSnapshot
from app.scores.models import StoredScore
from app.scores.service import class_table
from app.scores.table import statistics
from app.submissions.excusals import service as excusals
from grader import messages
from grader.assignment import bundled
from grader.messages import short_names
from grader.scoring import Verdict
from tests.unit.pages.conftest import Course


def snapshot(course: Course) -> ClassSnapshot:
    with course.database.read() as session:
        return ClassCache().snapshot(session, "hw13")


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
    last = max(time for one in snap.standings for time in one.times)
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


def test_mistakes_have_short_names_in_the_readers_language(course: Course) -> None:
    course.enrol(40, 1)
    snap = snapshot(course)
    for tag, name in (("en", "2.1 softmax, not log_softmax"), ("zh-Hant", "2.1 用 softmax 而非 log_softmax")):
        bars = charts.draw(snap, tag).mistakes
        assert name in {bar.label for bar in bars}
        assert all(len(bar.label) <= 80 for bar in bars)
        assert next(bar for bar in bars if bar.label == name).title == charts.sentence(
            "2.1 kd.soft_term.probabilities_not_log", tag
        )


def test_every_known_mistake_of_a_loss_has_its_own_short_name() -> None:
    files = json.loads(bundled("hw13").files["kd_mistakes.json"])
    known = {key for mistake in files["mistakes"] for key in mistake["ids"]}
    assert known <= set(short_names.names())
    for tag in messages.LANGUAGES:
        names = [short_names.short_name(key, tag) for key in known]
        assert len(set(names)) == len(names)
        assert max(map(len, names)) <= 50
    assert set(short_names.names()) <= messages.ids()


def test_statistics_leave_out_faults_and_what_is_excused_and_are_those_of_the_api(course: Course) -> None:
    course.enrol(12, 2)
    with course.database.write() as session:
        scores = session.scalars(select(StoredScore).where(StoredScore.question == "2.2")).all()
        for score in scores[:5]:
            score.verdict, score.score = Verdict.FAULT, 0.0
        excusals.excuse(session, course.viewer, "hw13", "s00003", "ill")
    drawn = charts.draw(snapshot(course), "en")
    with course.database.read() as session:
        told = statistics(class_table(session, "hw13"))
        rows = [row for row in class_table(session, "hw13").rows if not row.excused]
    cells = [row.questions["2.2"] for row in rows]
    points = [cell.score or 0.0 for cell in cells if cell.verdict is not Verdict.FAULT]
    assert 0 < len(points) < len(rows) == 11
    spread = drawn.spreads["2.2"]
    assert (spread.count, spread.mean, spread.median) == (
        len(points), round(statistics_of.fmean(points), 4), round(statistics_of.median(points), 4),
    )  # fmt: skip
    assert spread.deviation == round(statistics_of.pstdev(points), 4)
    assert spread.full_share == round(sum(one == cells[0].max_score for one in points) / len(points), 4)
    assert (drawn.spreads[""].mean, drawn.spreads[""].median) == (told.mean, told.median)
    for question in told.questions:
        mine = drawn.spreads[question.number]
        assert (question.graded, question.mean, question.full_share) == (mine.count, mine.mean, mine.full_share)
    page = course.get("/dashboard/hw13").text
    assert page.index('class="strip"') < page.index('<table class="striped tight"')


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
