"""The page on which the staff release results: its state, its preview, and both buttons."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.assignments import service as assignments
from app.audit.models import AuditEntry
from app.db.base import now
from app.scores import release_state, withholding
from app.scores.class_cache import ClassCache
from app.submissions.extensions.models import Extension
from app.users.models import User
from grader.assignment import Assignment, Tell, bundled, from_files
from grader.scoring import Verdict
from tests.unit.pages.conftest import Course

PAGE = "/dashboard/hw13/release"
DEADLINE = now().replace(microsecond=0) + timedelta(hours=1)


def with_rules(schedule: str = "", **rules: str) -> Assignment:
    """The second version of hw13 with a schedule, and questions that say when they are told."""
    files = dict(bundled("hw13").files)
    text = files["assignment.toml"].replace("version = 1\n", "version = 2\n", 1)
    text = text.replace("[schedule]", f"[schedule]\n{schedule}", 1)
    for number, tell in rules.items():
        number = number.removeprefix("q").replace("_", ".")
        text = text.replace(f'number = "{number}"', f'number = "{number}"\ntell = "{tell}"')
    return from_files({**files, "assignment.toml": text})


def publish(course: Course, assignment: Assignment) -> None:
    with course.database.write() as session:
        assignments.publish_version(session, assignment, "test")


def page(course: Course) -> str:
    """The text of the page's content, without its tags."""
    answer = course.get(PAGE)
    assert answer.status_code == 200
    content = re.search(r"<main.*</main>", answer.text, re.DOTALL)
    assert content is not None
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", content[0]).split()))


def press(course: Course, action: str) -> None:
    assert course.send("POST", PAGE, data={"action": action}).status_code == 303


def test_page_says_what_is_withheld_until_when_and_for_whom(course: Course) -> None:
    course.enrol(2, 1)
    publish(course, with_rules(f"deadline = {DEADLINE.isoformat()}"))
    text = page(course)
    assert "Results of 2.2, 3.2 are withheld until everybody's deadline has passed: " in text
    assert f"{DEADLINE:%Y-%m-%d %H:%M} UTC" in text
    assert "last extension" not in text
    with course.database.write() as session:
        student = session.scalars(select(User).where(User.login == "s00001")).one()
        later = DEADLINE + timedelta(days=3)
        session.add(
            Extension(slug="hw13", user_id=student.id, deadline=later, reason="ill", by_id=course.viewer.user_id)
        )
    text = page(course)
    assert f"{later:%Y-%m-%d %H:%M} UTC (last extension: s00001 )" in text
    assert "Release these results" not in text


def test_results_are_released_and_withdrawn_with_a_preview_of_the_numbers(course: Course) -> None:
    course.enrol(12, 2)
    publish(course, with_rules(q2_1="when released", q3_1="when released"))
    with course.database.read() as session:
        state = release_state.of_class(session, ClassCache().snapshot(session, "hw13"), "en")
    to_review = sum(question.verdicts.get(Verdict.NEEDS_REVIEW, 0) for question in state.released_questions)
    assert [question.number for question in state.released_questions] == ["2.1", "3.1"]
    assert state.students == 12
    assert to_review > 0
    text = page(course)
    assert "Results of 2.1, 3.1 are withheld until you release them." in text
    assert "see the results of 2.1, 3.1, up to 12 of each" in text
    assert f"still waiting for review: {to_review}." in text
    press(course, "release")
    press(course, "release")
    text = page(course)
    assert "Results of 2.1, 3.1 are released, by mia:" in text
    assert "It cannot take back what students have read" in text
    press(course, "withdraw")
    press(course, "withdraw")
    assert "Results of 2.1, 3.1 are withheld until you release them." in page(course)
    with course.database.read() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.action.like("scores.%")).order_by(AuditEntry.id))
        assert [(row.action, row.actor, row.detail["questions"]) for row in rows] == [
            ("scores.release", "mia", ["2.1", "3.1"]),
            ("scores.take_back", "mia", ["2.1", "3.1"]),
        ]


def test_page_speaks_chinese(course: Course) -> None:
    publish(course, with_rules(q2_1="when released"))
    course.send("POST", "/language", data={"tag": "zh-Hant"})
    answer = course.send("GET", PAGE, headers={"Accept": "text/html", "Accept-Language": "zh-TW"})
    assert "2.1 的結果尚未公布" in answer.text


def test_assignment_without_withheld_results_has_no_button(course: Course) -> None:
    text = page(course)
    assert "Students see every result." in text
    assert "No question of this assignment waits for a release" in text
    assert course.send("POST", PAGE, data={"action": "sell"}).status_code == 422
    assert course.get("/dashboard/none/release").status_code == 404


@pytest.mark.parametrize(
    ("schedule", "rules", "withheld"),
    [
        ('tell = "when released"', {}, {"1.1", "1.2", "2.1", "2.2", "3.1", "3.2"}),
        ('tell = "when released"', {"q1_1": "at once"}, {"1.2", "2.1", "2.2", "3.1", "3.2"}),
        (f'deadline = {DEADLINE.isoformat()}\ntell = "at once"', {}, set()),
    ],
    # A time in an id would differ between two test processes.
    ids=["all", "all but one", "none"],
)
def test_schedule_says_when_questions_without_a_rule_are_told(
    course: Course, schedule: str, rules: dict[str, str], withheld: set[str]
) -> None:
    publish(course, with_rules(schedule, **rules))
    with course.database.read() as session:
        assert withholding.withheld_in_class(session, "hw13") == withheld
        state = release_state.of_class(session, ClassCache().snapshot(session, "hw13"), "en")
    assert set(state.numbers(Tell.WHEN_RELEASED, told=False)) == withheld


def test_schedule_cannot_wait_for_a_deadline_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="needs a deadline"):
        with_rules('tell = "after the deadline"')
