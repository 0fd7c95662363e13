"""Several graders: each gets another question, sees what others have open, and no decision is lost or overwritten."""

from __future__ import annotations

import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from threading import Barrier

import httpx
import pytest
from fastapi import Request
from sqlalchemy import select, update

from app.auth.viewer import Viewer
from app.db.base import now
from app.http.authentication import optional_viewer
from app.scores.claims.models import ReviewClaim
from app.scores.models import Override
from app.users import service as users
from app.users.models import Role
from tests.unit.pages.conftest import Course

QUEUE = "/dashboard/hw13/review"


class Desk:
    """A class with some plots to review, and two graders whose requests name them."""

    def __init__(self, course: Course, students: int) -> None:
        self.course = course
        course.enrol(students, 1)
        with course.database.write() as session:
            people = [
                users.create_user(session, login=name, name=name.title(), role=Role.TA, actor="test")
                for name in ("tom", "ann")
            ]
            viewers = {person.login: Viewer.of(person) for person in people}

        def named(request: Request) -> Viewer:
            return viewers[request.headers["x-grader"]]

        course.app.dependency_overrides[optional_viewer] = named

    def get(self, login: str, path: str = f"{QUEUE}?question=3.1") -> str:
        answer = self.course.send("GET", path, {"Accept": "text/html", "x-grader": login})
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, login: str, path: str, **form: object) -> httpx.Response:
        return self.course.send("POST", path, {"Accept": "text/html", "x-grader": login}, data=form)


@pytest.fixture
def desk(course: Course) -> Desk:
    return Desk(course, 3)


def fields(page: str) -> dict[str, str]:
    """The hidden fields of the decision; empty when nothing is left."""
    form = re.search(r'<form[^>]*action="/dashboard/hw13/review"[^>]*>(.*?)</form>', page, re.DOTALL)
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[1])) if form else {}


def item(page: str) -> str:
    return fields(page)["submission"]


def test_a_second_grader_gets_another_question_and_a_warning_on_the_same(desk: Desk) -> None:
    first = item(desk.get("tom"))
    assert item(desk.get("ann")) != first
    assert item(desk.get("tom")) == first
    page = desk.get("ann", f"{QUEUE}?submission={first}&question=3.1&only=3.1")
    assert "Tom has this open now." in page
    assert "Tom has this open now." in desk.post("ann", f"{QUEUE}/claim", submission=first, question="3.1").text
    assert "has this open" not in desk.post("tom", f"{QUEUE}/claim", submission=first, question="3.1").text


def test_a_claim_that_was_not_renewed_is_nobodys(desk: Desk) -> None:
    first = item(desk.get("tom"))
    with desk.course.database.write() as session:
        session.execute(update(ReviewClaim).values(until=now() - timedelta(seconds=1)))
    assert item(desk.get("ann")) == first


def test_going_on_gives_the_former_question_free_after_a_moment(desk: Desk) -> None:
    first = item(desk.get("tom"))
    assert item(desk.get("tom", f"{QUEUE}?question=3.1&skip=1")) != first
    with desk.course.database.read() as session:
        until = {str(row.submission_id): row.until for row in session.scalars(select(ReviewClaim))}
    assert until.pop(first) < now() + timedelta(seconds=20)
    assert min(until.values()) > now() + timedelta(minutes=2)


def test_what_all_others_have_open_is_shown_with_the_warning(course: Course) -> None:
    desk = Desk(course, 1)
    first = item(desk.get("tom"))
    page = desk.get("ann")
    assert item(page) == first
    assert "Tom has this open now." in page


def test_a_claim_on_nothing_is_not_found(desk: Desk) -> None:
    assert desk.post("ann", f"{QUEUE}/claim", submission=uuid.uuid4(), question="3.1").status_code == 404
    unknown = f"{QUEUE}?submission={uuid.uuid4()}&question=3.1"
    assert desk.course.send("GET", unknown, {"Accept": "text/html", "x-grader": "ann"}).status_code == 404


def test_two_who_review_thirty_plots_at_once_lose_and_overwrite_nothing(course: Course) -> None:
    desk, together = Desk(course, 30), Barrier(2)

    def review(login: str) -> list[str]:
        """Take question after question until none is left."""
        decided = []
        together.wait()
        while form := fields(page := desk.get(login)):
            if "has this open now" in page:
                break  # the last one is on the other desk
            answer = desk.post(login, QUEUE, score="0.5", reason=f"By {login}.", **form)
            assert answer.status_code == 303, unescape(answer.text)
            decided.append(form["submission"])
        return decided

    with ThreadPoolExecutor(2) as threads:
        by_tom, by_ann = threads.map(review, ("tom", "ann"))
    assert len(by_tom) + len(by_ann) == len({*by_tom, *by_ann}) == 30
    assert by_tom
    assert by_ann
    with course.database.read() as session:
        rows = session.scalars(select(Override)).all()
    assert all(row.ended_at is None for row in rows)
    assert sorted((str(row.submission_id), row.reason) for row in rows) == sorted(
        [*((one, "By tom.") for one in by_tom), *((one, "By ann.") for one in by_ann)]
    )
    progress = desk.get("tom", QUEUE)
    assert "3.1: 30 of 30 reviewed" in progress
    assert f"tom {len(by_tom)}" in progress
    assert f"ann {len(by_ann)}" in progress
