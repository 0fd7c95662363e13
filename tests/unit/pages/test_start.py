"""The lists of the start page: the assignments with the score so far, and the attempts by pages."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, update

from app.auth.viewer import Viewer
from app.http.authentication import optional_viewer
from app.scores.models import StoredScore
from app.submissions.models import State, Submission
from app.users import service as users
from grader.scoring import Verdict
from tests.unit.pages.conftest import Course


def as_student(course: Course, login: str = "s00000") -> Course:
    """The course as a student sees it."""
    with course.database.read() as session:
        viewer = Viewer.of(users.find(session, login))
    course.app.dependency_overrides[optional_viewer] = lambda: viewer
    return course


def row_of(html: str, title: str = "HW13: Network Compression<") -> str:
    """The row of an assignment as text."""
    (row,) = (row for row in re.findall(r"<tr.*?</tr>", html, re.DOTALL) if title in row)
    return " ".join(re.sub(r"<[^>]*>", " ", row).split())


def test_an_assignment_without_an_attempt_says_so(course: Course) -> None:
    course.enrol(1, 0)
    assert "– / 4 Nothing submitted yet. 20 / 20" in row_of(as_student(course).get("/").text)


def test_the_score_so_far_and_the_open_questions_are_those_of_the_attempt_that_counts(course: Course) -> None:
    course.enrol(1, 2)
    with course.database.write() as session:
        worse, better = session.scalars(select(Submission.id).order_by(Submission.submitted_at))
        for submission, score, verdict in ((worse, 0.25, Verdict.PARTIAL), (better, 0.5, Verdict.FULL)):
            every = StoredScore.submission_id == submission
            session.execute(update(StoredScore).where(every).values(score=score, max_score=0.5, verdict=verdict))
        session.execute(
            update(StoredScore)
            .where(StoredScore.submission_id == better, StoredScore.question.in_(["1.2", "3.2"]))
            .values(score=0.0, verdict=Verdict.NOT_SUBMITTED)
        )
    row = row_of(as_student(course).get("/").text)
    assert "2 / 4" in row
    assert "– not submitted: 1.2, 3.2" in row
    assert "2.1" not in row


def test_an_attempt_that_is_being_graded_has_no_score_yet(course: Course) -> None:
    course.enrol(1, 1)
    with course.database.write() as session:
        session.execute(update(Submission).values(state=State.RUNNING))
    assert "– / 4 Being graded" in row_of(as_student(course).get("/").text)


def test_attempts_come_by_pages_and_the_one_that_counts_is_named_on_any_page(course: Course) -> None:
    course.enrol(1, 53)
    with course.database.write() as session:
        first = session.scalar(select(Submission.id).order_by(Submission.submitted_at).limit(1))
        session.execute(update(StoredScore).values(score=0.0, verdict=Verdict.NONE))
        of_first = StoredScore.submission_id == first
        session.execute(update(StoredScore).where(of_first).values(score=0.5, verdict=Verdict.FULL))
    student = as_student(course)
    seen: list[str] = []
    path: str | None = "/?assignment=hw13"
    pages = 0
    while path is not None:
        html = student.get(path).text
        pages += 1
        seen += re.findall(r'href="/submissions/([0-9a-f-]{36})"', html)
        assert ("<strong>counts</strong>" in html) == (f"/submissions/{first}" in html)
        following = re.search(r'<a rel="next" href="([^"]*)"', html)
        path = following[1].replace("&amp;", "&") if following else None
        if pages > 1:
            assert 'href="/?assignment=hw13#attempts"' in html
    assert pages == 3
    assert len(seen) == len(set(seen)) == 53


@pytest.mark.parametrize("cursor", ["", "x", "%20"])
def test_a_page_of_attempts_that_does_not_exist_is_told(course: Course, cursor: str) -> None:
    answer = as_student_of_one(course).get(f"/?assignment=hw13&cursor={cursor}")
    assert answer.status_code == 422
    assert "Begin with the first one" in answer.text


def as_student_of_one(course: Course) -> Course:
    """A course of one student with an attempt, as that student sees it."""
    course.enrol(1, 1)
    return as_student(course)
