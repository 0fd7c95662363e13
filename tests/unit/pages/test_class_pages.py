"""The pages of classes of different sizes: the same queries, and what changed is seen at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select, update

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.db.engine import Database
from app.http.authentication import optional_viewer
from app.regrade_requests import service as requests
from app.scores import service as scores
from app.scores.class_records import ClassRecords
from app.submissions.models import State, Submission
from app.users import service as users
from app.users.models import Role
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
    assert small[-1] <= 32


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
        users.import_roster(session, "login,name,student_id\nlate-comer,Kim,\n", actor="test")
    assert "Kim" in course.get(TABLE).text


def test_the_attempt_that_counts_is_marked_for_the_staff_and_the_student(course: Course) -> None:
    course.enrol(1, 3)
    with course.database.read() as session:
        counts = ClassRecords().snapshot(session, "hw13").standings[0].counting
        student = Viewer.of(users.find(session, "s00000"))
    assert counts is not None
    for viewer, path in ((course.viewer, "/dashboard/hw13/students/s00000"), (student, "/")):
        course.app.dependency_overrides[optional_viewer] = lambda viewer=viewer: viewer
        marked = re.findall(r"Attempt (\d+)\">.*Graded <span class=\"counts\">", course.get(path).text)
        assert marked == [str(counts.number)]


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
