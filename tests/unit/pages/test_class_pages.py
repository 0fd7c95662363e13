"""The dashboard of classes of different sizes: the same queries, about the same time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, update

from app.db.engine import Database
from app.scores import service as scores
from app.submissions.models import Submission
from app.users import service as users
from app.users.models import Role
from tests.unit.pages.conftest import Course

PATHS = ("/dashboard/hw13", "/dashboard/hw13?sort=score&order=desc&q=student+1&page=2", "/dashboard/hw13?review=1")


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


def test_the_number_of_queries_does_not_grow_with_the_class(open_course: Callable[[], Course]) -> None:
    small, large = open_course(), open_course()
    small.enrol(3, 1)
    large.enrol(60, 3)
    assert [queries(small, PATHS[0]) for _ in range(2)] == [queries(large, PATHS[0]) for _ in range(2)]


def test_what_stands_is_read_once_and_changes_are_seen_at_once(course: Course) -> None:
    course.enrol(3, 2)
    first, again = queries(course, PATHS[0]), queries(course, PATHS[0])
    assert again < first
    with course.database.write() as session:
        submission = session.query(Submission).order_by(Submission.id).first()
        assert submission is not None
        scores.override(session, course.viewer, submission.id, "3.1", score=0.25, reason="axis")
    assert "✎" in course.get("/dashboard/hw13?review=").text + course.get("/dashboard/hw13").text
    with course.database.write() as session:
        users.create_user(session, login="late-comer", name="Lee", role=Role.STUDENT, actor="test")
    assert "late-comer" in course.get("/dashboard/hw13").text


def test_a_class_of_2000_is_answered_as_fast_as_one_of_100(
    open_course: Callable[[], Course], capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = {}
    for students in (100, 2_000):
        course = open_course()
        course.enrol(students, 5)
        begun = time.perf_counter()
        course.get(PATHS[0])
        cold = time.perf_counter() - begun
        for path in PATHS:
            course.get(path)
            taken = []
            for _ in range(5):
                begun = time.perf_counter()
                answer = course.get(path)
                taken.append(time.perf_counter() - begun)
            assert answer.text.count("<tr>") <= 400
            seconds[students, path] = min(taken)
        with course.database.write() as session:
            session.execute(update(Submission).where(Submission.run_id == 1).values(revision=1))
        begun = time.perf_counter()
        course.get(PATHS[0])
        changed = time.perf_counter() - begun
        with capsys.disabled():
            print(f"\n{students} students: first {cold:.3f} s, after one change {changed:.3f} s")  # noqa: T201
    for path in PATHS:
        with capsys.disabled():
            ratio = seconds[2_000, path] / seconds[100, path]
            print(f"{path}: {seconds[100, path]:.3f} s, {seconds[2_000, path]:.3f} s, ratio {ratio:.1f}")  # noqa: T201
