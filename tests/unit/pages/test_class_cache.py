"""A cached class: the same as one that is read anew, with only the changed students read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.scores import class_cache, class_repository
from app.scores.class_cache import ClassCache
from app.scores.class_records import StudentStanding
from app.submissions.excusals.models import Excusal
from app.submissions.models import State, Submission
from app.users.models import Enrolment, User
from grader.assignment import from_files
from tests.unit.pages.conftest import Course


def standings(course: Course, cache: ClassCache) -> dict[str, StudentStanding]:
    """The class by login, and the proof that the cache has the same as a reading of all."""
    with course.database.read() as session:
        cached = {one.login: one for one in cache.snapshot(session, "hw13").standings}
        assert cached == {one.login: one for one in ClassCache().snapshot(session, "hw13").standings}
    return cached


def touch(session: Session) -> None:
    of_student = select(User.id).where(User.login == "s00002").scalar_subquery()
    changed = update(Submission).where(Submission.user_id == of_student)
    session.execute(changed.values(revision=Submission.revision + 1, state=State.CANCELLED))


def set_person(column: str, value: Any) -> Callable[[Session], None]:
    def change(session: Session) -> None:
        session.execute(update(User).where(User.login == "s00002").values({column: value}))

    return change


def move(session: Session) -> None:
    of_student = select(User.id).where(User.login == "s00002").scalar_subquery()
    session.execute(update(Enrolment).where(Enrolment.user_id == of_student).values(section="B"))


def excuse(session: Session) -> None:
    person = session.scalars(select(User).where(User.login == "s00002")).one()
    session.add(Excusal(user_id=person.id, slug="hw13", reason="ill", by_id=person.id))


@pytest.mark.parametrize("change", [touch, set_person("student_id", "b09"), set_person("name", "Ada"), move, excuse])
def test_one_change_makes_one_standing_anew(course: Course, change: Callable[[Session], None]) -> None:
    course.enrol(5, 2)
    cache = ClassCache()
    before = standings(course, cache)
    assert all(standings(course, cache)[login] is one for login, one in before.items()), "nothing has changed"
    with course.database.write() as session:
        change(session)
    after = standings(course, cache)
    assert [login for login, one in after.items() if one is not before[login]] == ["s00002"]
    assert after["s00002"] != before["s00002"]


def test_a_change_reads_the_submissions_of_its_student_alone(course: Course) -> None:
    course.enrol(40, 3)
    cache = ClassCache()
    standings(course, cache)
    with course.database.write() as session:
        touch(session)
    rows: list[int] = []
    read = class_repository.submissions

    def counted(*arguments: Any) -> Any:
        found = read(*arguments)
        rows.append(len(found))
        return found

    with pytest.MonkeyPatch.context() as patch, course.database.read() as session:
        patch.setattr(class_repository, "submissions", counted)
        cache.snapshot(session, "hw13")
    assert rows == [3]


def test_a_new_version_of_the_assignment_judges_all_attempts_again(course: Course) -> None:
    course.enrol(5, 3)
    cache = ClassCache()
    before = standings(course, cache)
    with course.database.write() as session:
        files = dict(assignments.current_definition(session, "hw13").files)
        text = (
            files["assignment.toml"]
            .replace("version = 1\n", "version = 2\n")
            .replace('keep = "best"', 'keep = "latest"')
        )
        assignments.publish_version(session, from_files(files | {"assignment.toml": text}), "test")
    after = standings(course, cache)
    assert all(after[login] is not one for login, one in before.items())
    assert any(one.counting != before[login].counting for login, one in after.items()), "other attempts count"


def test_a_class_that_was_not_asked_for_in_a_long_time_is_dropped(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_cache, "MOST_CLASSES", 1)
    course.enrol(2, 1)
    cache = ClassCache()
    first = standings(course, cache)
    with course.database.read() as session:
        other = next(row.slug for row in assignments.all_current(session) if row.slug != "hw13")
        cache.snapshot(session, other)
    assert all(standings(course, cache)[login] is not one for login, one in first.items())
