"""Logging in: so many failures an address, browser logins that an admin ends, checks that are not endless."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from sqlalchemy import select

from app.assignments import service as assignments
from app.auth import service as auth
from app.auth.limits import RateLimit
from app.http.authentication import optional_viewer
from app.pages.check_slots import CheckSlots
from app.pages.installation import FAILED_LOGINS
from app.submissions.models import Submission
from app.users import service as users
from app.users.models import Role
from tests.unit.pages.conftest import Course


@pytest.fixture
def token(course: Course) -> str:
    """A student's token; nobody is logged in."""
    course.app.dependency_overrides[optional_viewer] = lambda: None
    with course.database.write() as session:
        user = users.create_user(session, login="ann", name="Ann", role=Role.STUDENT, actor="test")
        return users.create_token(session, user, actor="test").secret


def test_an_address_that_fails_too_often_must_wait(course: Course, token: str) -> None:
    for _ in range(FAILED_LOGINS):
        assert course.send("POST", "/login", data={"token": "assay_wrong"}).status_code == 401
    limited = course.send("POST", "/login", data={"token": token})
    assert limited.status_code == 429
    assert 0 < int(limited.headers["retry-after"]) <= 60
    assert "set-cookie" not in limited.headers
    assert "Too many wrong tokens" in limited.text
    assert course.send("GET", "/login").status_code == 200


def test_logins_that_succeed_are_not_counted(course: Course, token: str) -> None:
    for _ in range(FAILED_LOGINS + 1):
        assert course.send("POST", "/login", data={"token": token}).status_code == 303


@pytest.mark.parametrize(
    ("role", "back", "lands"),
    [
        (Role.STUDENT, "/", "/"),
        (Role.TA, "/", "/dashboard"),
        (Role.TA, "/?assignment=hw13", "/?assignment=hw13"),
        (Role.ADMIN, "//evil.example", "/dashboard"),
    ],
)
def test_staff_land_on_their_class(course: Course, role: Role, back: str, lands: str) -> None:
    course.app.dependency_overrides[optional_viewer] = lambda: None
    with course.database.write() as session:
        user = users.create_user(session, login="pat", name="Pat", role=role, actor="test")
        secret = users.create_token(session, user, actor="test").secret
    answer = course.send("POST", "/login", data={"token": secret, "back": back})
    assert answer.headers["location"] == lands


def test_the_class_is_the_one_of_the_newest_submission(course: Course) -> None:
    course.app.dependency_overrides[optional_viewer] = lambda: course.viewer
    assert course.send("GET", "/login").headers["location"] == "/dashboard"
    assert course.get("/dashboard").headers["location"] == "/dashboard/hw13"
    course.enrol(2, 1)
    assert course.get("/dashboard").headers["location"] == "/dashboard/hw13"
    with course.database.write() as session:
        newest = session.scalars(select(Submission).order_by(Submission.submitted_at.desc())).first()
        assert newest is not None
        newest.assignment_id = assignments.current(session, "prune-quantize").id
    assert course.get("/dashboard").headers["location"] == "/dashboard/prune-quantize"


def test_an_admin_ends_the_browser_logins_of_a_person(course: Course, token: str) -> None:
    with course.database.write() as session:
        cookies = [auth.log_in(session, token, days=1) for _ in range(2)]
    course.app.dependency_overrides[optional_viewer] = lambda: course.viewer
    assert "logged in with this person&#39;s tokens: 2." in course.get("/admin/people/ann").text
    assert course.send("POST", "/admin/people/ann/sessions/end").status_code == 303
    assert "logged in with this person&#39;s tokens: 0." in course.get("/admin/people/ann").text
    with course.database.read() as session:
        assert [auth.by_cookie(session, cookie or "") for cookie in cookies] == [None, None]
        assert auth.by_token(session, token) is not None
    assert "sessions.end" in course.get("/admin/audit").text


def test_the_form_is_not_checked_without_end(course: Course) -> None:
    course.app.state.check_limit = RateLimit(2, 60)
    form = {"summary": (None, "Total params: 1")}
    answers = [course.send("POST", "/check?assignment=hw13", files=form) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) > 0
    assert "checked this form too often" in answers[2].text


@pytest.mark.parametrize(
    ("headers", "words", "kind"),
    [
        ({"Accept": "text/html"}, "Too many forms are being checked now", "text/html"),
        ({"Accept": "text/html", "Accept-Language": "zh-Hant"}, "目前正在檢查其他表單", "text/html"),
        ({"Accept": "text/html", "HX-Request": "true"}, "Too many forms are being checked now", "text/html"),
        ({"Accept": "*/*"}, "urn:assay:problem:checks-busy", "application/problem+json"),
    ],
    ids=["page", "chinese", "fragment", "client"],
)
def test_a_check_without_a_place_is_sent_away_for_a_moment(
    course: Course, headers: dict[str, str], words: str, kind: str
) -> None:
    course.app.state.check_slots = CheckSlots(0, patience=0.01)
    form = {"summary": (None, "Total params: 1")}
    answer = course.send("POST", "/check?assignment=hw13", headers=headers, files=form)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (503, kind)
    assert int(answer.headers["retry-after"]) > 0
    assert words in answer.text


@pytest.mark.parametrize(
    ("logins", "together"), [("abcdef", 2), ("aaaaaa", 1), ("aabbab", 2)], ids=["six", "one", "two"]
)
def test_checks_run_two_at_a_time_and_one_of_a_person(logins: str, together: int) -> None:
    async def played() -> tuple[int, int]:
        slots, running, most = CheckSlots(2, patience=30), Counter[str](), Counter[str]()

        async def check(login: str) -> None:
            async with slots.hold(login):
                running[login] += 1
                most["all"] = max(most["all"], running.total())
                most["one"] = max(most["one"], running[login])
                for _ in range(3):
                    await asyncio.sleep(0)
                running[login] -= 1

        await asyncio.gather(*(check(login) for login in logins))
        assert not slots._own
        return most["all"], most["one"]

    assert asyncio.run(played()) == (together, 1)


def test_a_person_with_many_checks_leaves_a_slot_to_others() -> None:
    async def played() -> list[str]:
        slots, order = CheckSlots(2, patience=30), list[str]()

        async def check(login: str) -> None:
            async with slots.hold(login):
                order.append(login)
                await asyncio.sleep(0.01)

        await asyncio.gather(*(check(login) for login in "aaaab"))
        return order

    assert asyncio.run(played())[:2] == ["a", "b"]
