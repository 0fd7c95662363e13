"""The pages of classes of different sizes: the same queries, and what changed is seen at once."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import delete, event, select, update

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.db.engine import Database
from app.http.authentication import optional_viewer
from app.pages.class_view import ClassView
from app.regrade_requests import service as requests
from app.scores import service as scores
from app.scores.class_cache import ClassCache
from app.scores.models import StoredScore
from app.submissions.models import State, Submission
from app.users import importing
from app.users import service as users
from app.users.models import Role
from grader.scoring import Verdict
from tests.unit.pages.conftest import Course

TABLE = "/dashboard/hw13"
PATHS = (
    "/",
    TABLE,
    f"{TABLE}?sort=score&order=desc&q=student+1&page=2",
    f"{TABLE}?review=1",
    f"{TABLE}/review",
    f"{TABLE}/requests",
    f"{TABLE}/similarity",
    f"{TABLE}/students/s00001",
    "/admin/people",
    "/admin/people/s00001",
    "/admin/assignments",
    "/admin/regrades",
    "/admin/audit",
)


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements that the database is asked meanwhile."""
    statements: list[str] = []

    def heard(_c: object, _cursor: object, statement: str, _p: object, _x: object, _many: object) -> None:
        statements.append(statement)

    with database.read() as session:
        engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", heard)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", heard)


def queries(course: Course, path: str) -> int:
    with counted(course.database) as statements:
        assert course.get(path).status_code == 200
    return len(statements)


@pytest.fixture(scope="module")
def classes(open_courses: Callable[[], Course]) -> tuple[Course, Course]:
    """A class of three with an attempt each, and one of sixty with three, a request in each."""
    small, large = open_courses(), open_courses()
    for course, students, attempts in ((small, 3, 1), (large, 60, 3)):
        course.enrol(students, attempts)
        with course.database.write() as session:
            query = select(Submission).order_by(Submission.user_id).limit(1 if course is small else 20)
            for submission in session.scalars(query):
                student = Viewer.of(submission.user)
                requests.ask(session, student, submission.id, "2.1", "Look again.")
            for version in assignments.all_current(session):
                assignments.definition(version)  # a process reads each once, whoever asks first
    return small, large


@pytest.mark.parametrize("path", PATHS)
def test_the_number_of_queries_does_not_grow_with_the_class(classes: tuple[Course, Course], path: str) -> None:
    # The first time reads the class or the sources, later ones only ask whether something changed.
    small, large = ([queries(course, path) for _ in range(2)] for course in classes)
    assert small == large
    assert small[-1] <= 40


def test_what_stands_is_read_once_and_changes_are_seen_at_once(course: Course) -> None:
    course.enrol(3, 2)
    first, again = queries(course, TABLE), queries(course, TABLE)
    assert again < first
    with course.database.write() as session:
        submission = session.query(Submission).order_by(Submission.id).first()
        assert submission is not None
        scores.override(session, course.viewer, submission.id, "3.1", score=0.25, reason="axis")
    assert "✎" in course.get("/dashboard/hw13?review=").text + course.get("/dashboard/hw13").text
    with course.database.write() as session:
        users.create_user(session, login="late-comer", name="Lee", role=Role.STUDENT, actor="test")
    assert "late-comer" in course.get("/dashboard/hw13").text
    with course.database.write() as session:
        importing.import_roster(session, "login,name,student_id\nlate-comer,Kim,\n", actor="test")
    assert "Kim" in course.get(TABLE).text
    with course.database.write() as session:
        importing.import_roster(session, "login,name,student_id\nlate-comer,Kim,B10901077\n", actor="test")
    assert "Kim" in course.get(f"{TABLE}?q=B10901077").text


def test_the_attempt_that_counts_is_marked_for_the_staff_and_the_student(course: Course) -> None:
    course.enrol(1, 3)
    with course.database.read() as session:
        counts = ClassCache().snapshot(session, "hw13").standings[0].counting
        student = Viewer.of(users.find(session, "s00000"))
    assert counts is not None
    for viewer, path in ((course.viewer, "/dashboard/hw13/students/s00000"), (student, "/")):
        course.app.dependency_overrides[optional_viewer] = lambda viewer=viewer: viewer
        marked = re.findall(r"Attempt (\d+)\">.*Graded <span class=\"counts\">", course.get(path).text)
        assert marked == [str(counts.number)]


def test_a_students_page_opens_on_the_attempt_that_counts(course: Course) -> None:
    course.enrol(8, 3)
    with course.database.read() as session:
        standings = ClassCache().snapshot(session, "hw13").standings
    earlier = next(one for one in standings if one.counting and one.counting.submitted_at < one.times[-1])
    page = course.get(f"{TABLE}/students/{earlier.login}").text
    assert earlier.counting is not None
    assert f"Attempt {earlier.counting.number} ·" in page
    assert "Attempt 3 ·" in course.get(f"{TABLE}/students/{earlier.login}?attempt=3").text
    assert course.get(f"{TABLE}/students/{earlier.login}?attempt=4").status_code == 404


def links(page: str) -> dict[str, str]:
    return {rel: html.unescape(href) for rel, href in re.findall(r'<a rel="(prev|next)" href="([^"]+)"', page)}


def test_neighbours_are_those_of_the_table_that_the_page_was_opened_from(course: Course) -> None:
    course.enrol(5, 1)
    students = f"{TABLE}/students"
    assert links(course.get(f"{students}/s00000").text) == {"next": f"{students}/s00001"}
    page = course.get(f"{students}/s00002?q=student&sort=score&order=desc")
    with course.database.read() as session:
        standings = ClassCache().snapshot(session, "hw13").standings
    order = [one.login for one in ClassView(sort="score", order="desc").select(standings)]
    at = order.index("s00002")
    query = "?q=student&sort=score&order=desc"
    expected = {"prev": order[at - 1] if at else None, "next": order[at + 1] if at < 4 else None}
    assert links(page.text) == {rel: f"{students}/{login}{query}" for rel, login in expected.items() if login}
    assert f'href="{TABLE}{query}"' in html.unescape(page.text)
    # A decision leads back to the same place of the same table.
    action = html.unescape(re.findall(r'action="([^"]*/questions/2.1[^"]*)"', page.text)[0])
    sent = course.send("POST", action, data={"score": "0.25", "reason": "Read again."})
    assert sent.headers["location"] == f"{students}/s00002{query}&attempt=1#q-2.1"


def test_every_cell_leads_to_its_question_and_says_what_it_is(course: Course) -> None:
    course.enrol(1, 1)
    with course.database.write() as session:
        for number, verdict in (("1.1", "not_submitted"), ("1.2", "fault"), ("2.2", "none"), ("3.1", "needs_review")):
            session.execute(
                update(StoredScore).where(StoredScore.question == number).values(verdict=Verdict(verdict), score=0.0)
            )
        session.execute(delete(StoredScore).where(StoredScore.question == "2.1"))
    page = course.get(TABLE).text
    cells = re.findall(r'<a class="verdict \w+" href="([^"]+)" [^>]*aria-label="([^"]+)">([^<]+)</a>', page)
    assert [href for href, _, _ in cells] == [f"{TABLE}/students/s00000#q-{label[:3]}" for _, label, _ in cells]
    told = {label[:3]: (label[5:], text) for _, label, text in cells}
    assert told["1.1"] == ("not submitted", "–")
    assert told["1.2"] == ("our fault", "!")
    assert told["2.1"] == ("being checked", "…")
    assert told["2.2"] == ("0, no points", "0")
    assert told["3.1"] == ("0, waiting for review", "0 ◇")
    assert course.get(f"{TABLE}/students/s00000").text.count('id="q-2.1"') == 1


def test_a_submission_that_waits_has_no_points_yet(course: Course) -> None:
    course.enrol(1, 1)
    with course.database.write() as session:
        session.execute(update(Submission).values(state=State.QUEUED))
    assert "– / 4" in course.get("/dashboard/hw13/students/s00000").text


def test_an_empty_form_is_not_told_that_its_text_is_still_there(course: Course) -> None:
    sent = course.send("POST", "/?assignment=hw13", files={"model": (None, "")})
    assert sent.status_code == 422
    assert "The form is empty." in sent.text
    assert "Your text is still here" not in sent.text
    broken = course.send("POST", "/?assignment=hw13", files={"model": (None, "x = 1"), "nonsense": (None, "1")})
    assert broken.status_code == 422
    assert "Your text is still here" in broken.text
