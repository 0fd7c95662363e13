"""Points on their way to a learning platform's gradebook: all ways in which they change, and all in which it fails."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from app.db.engine import Database
from grader.sandbox.supervisor import Sandbox
from tests.integration import lti_platform as sim
from tests.integration.conftest import MakeSettings
from tests.integration.lti_platform import LEARNER, LTI, Browser, Platform
from tests.integration.service import Site, example
from tests.integration.test_lti_launch import serving
from tests.integration.test_regrades import ANSWERS, OTHER_KEY, Class

_SUBMISSION = "https://canvas.instructure.com/lti/submission"


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with sim.running() as started:
        yield started


@pytest.fixture(scope="module")
def service(make_settings: MakeSettings, platform: Platform, sandbox: Sandbox) -> Iterator[Site]:
    """The service that grades, and whose points go to the platform."""
    with serving(make_settings, platform, sandbox) as service:
        yield service


@pytest.fixture(autouse=True)
def well_again(platform: Platform) -> Iterator[None]:
    """No test leaves a platform that is away, slow or unwilling to the next one."""
    yield
    platform.down, platform.pause, platform.ahead = False, 0.0, 0.0
    platform.refuse.clear()
    platform.locked.clear()
    platform.left.clear()


@pytest.fixture
def course(service: Site) -> Iterator[Class]:
    database = Database(service.settings)
    yield Class(service, database)
    database.close()


class Student:
    """Somebody who opened the assignment from the platform, and may hand in."""

    def __init__(self, service: Site, platform: Platform, subject: str, slug: str, **claims: Any) -> None:
        self.service = service
        platform.enrol(subject, LEARNER, **{f"{LTI}custom": {"assignment": slug}}, **platform.line_item(), **claims)
        self.slug = slug
        self.browser = Browser(service.url)
        assert self.browser.launch(platform, subject).status_code == 303
        rows = service.admin.get("/scores", params={"assignment": slug}).json()
        (self.login,) = [row["student"] for row in rows if row["name"] == f"Name of {subject}"]

    def submit(self, **parts: Any) -> str:
        """Hand in and wait for the points."""
        submission = self.service.admin.submit(assignment=self.slug, student=self.login, **parts)
        self.service.admin.wait_for_state(submission, "graded", seconds=90)
        self.browser.http.close()
        return submission


def override(service: Site, submission: str, question: str, score: float) -> None:
    answer = service.admin.http.put(
        f"/submissions/{submission}/questions/{question}/override", json={"score": score, "reason": "looked at"}
    )
    assert answer.status_code == 200, answer.text


def page(service: Site, slug: str) -> str:
    """The staff's page of what did not arrive."""
    headers = {"Authorization": f"Bearer {service.admin.token}", "Accept": "text/html", "Accept-Language": "en"}
    answer = service.plain.get(f"/dashboard/{slug}/lti", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


def page_with(service: Site, slug: str, *texts: str, seconds: float = 60) -> str:
    """The same page once it shows these texts: an answer is logged, and stored, only after the platform gave it."""
    until = time.monotonic() + seconds
    while not all(text in (shown := page(service, slug)) for text in texts):
        assert time.monotonic() < until, shown
        time.sleep(0.05)
    return shown


def send_again(service: Site, slug: str, **form: str) -> None:
    headers = {"Authorization": f"Bearer {service.admin.token}"}
    assert service.plain.post(f"/dashboard/{slug}/lti", headers=headers, data=form).status_code == 303


def wait_until(happens: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_points_follow_every_change(service: Site, platform: Platform, course: Class) -> None:
    submission = Student(service, platform, "ann", course.slug).submit(answers=ANSWERS)
    first = platform.wait_for("ann", 1)
    assert (first["path"], first["query"]) == ("/api/lineitems/1/lineitem/scores", "type_id=1")
    assert (first["scoreGiven"], first["scoreMaximum"]) == (1.5, 4.0)
    assert (first["activityProgress"], first["gradingProgress"]) == ("Completed", "FullyGraded")
    assert first[_SUBMISSION]["new_submission"] is True

    override(service, submission, "2.2", 0.25)
    second = platform.wait_for("ann", 2)
    assert second["scoreGiven"] == 1.25
    assert second[_SUBMISSION]["new_submission"] is False
    apart = datetime.fromisoformat(second["timestamp"]) - datetime.fromisoformat(first["timestamp"])
    assert apart >= timedelta(seconds=1), "some platforms count whole seconds and take nothing that is not newer"
    service.admin.http.delete(f"/submissions/{submission}/questions/2.2/override")
    assert platform.wait_for("ann", 3)["scoreGiven"] == 1.5

    course.publish(OTHER_KEY)
    regrade = course.preview(questions=["2.2"])["id"]
    assert len(platform.of("ann")) == 3, "nothing is told before it is published"
    course.now(regrade, "publish")
    assert platform.wait_for("ann", 4)["scoreGiven"] == 1.0
    course.now(regrade, "revert")
    assert platform.wait_for("ann", 5)["scoreGiven"] == 1.5
    assert len(platform.assertions) == 1, "a token is used until it is old"


def test_what_a_person_must_look_at_is_pending(service: Site, platform: Platform, course: Class) -> None:
    student = Student(service, platform, "pen", course.slug)
    submission = student.submit(answers=ANSWERS, pruning_plot=("curve.png", example("pruning.png")))
    first = platform.wait_for("pen", 1)
    assert (first["activityProgress"], first["gradingProgress"]) == ("Submitted", "PendingManual")
    assert platform.gradebook["pen"] is None, "Moodle shows no provisional grade"
    assert "provisional" in page(service, course.slug)
    override(service, submission, "3.1", 1.0)
    second = platform.wait_for("pen", 2)
    assert (second["activityProgress"], second["gradingProgress"]) == ("Completed", "FullyGraded")
    assert second["scoreGiven"] == platform.gradebook["pen"] == 2.5


def test_a_platform_that_is_away_costs_no_grading_and_gets_the_points_later(
    service: Site, platform: Platform, course: Class
) -> None:
    students = [Student(service, platform, f"day-{number}", course.slug) for number in range(3)]
    platform.down = True
    for student in students:
        student.submit(answers=ANSWERS)
    page_with(service, course.slug, "Did not arrive: 3", "answers 503", "on its way")
    platform.down = False
    for number in range(3):
        assert platform.wait_for(f"day-{number}", 1)["scoreGiven"] == 1.5


def test_a_locked_grade_holds_no_other_points_up(service: Site, platform: Platform, course: Class) -> None:
    """Moodle answers 500 for a locked grade; whatever is answered for one score concerns that score alone."""
    statuses = {"lock-0": 500, "lock-1": 403, "lock-2": 400}
    platform.locked.add("lock-0")
    platform.refuse["lock-1"] = 403
    platform.left.add("lock-2")
    pauses = service.log.read_text().count('"event": "platform away"')
    for subject in statuses:
        Student(service, platform, subject, course.slug).submit(answers=ANSWERS)
        wait_until(partial(platform.was_asked, subject))
    students = [Student(service, platform, f"free-{number}", course.slug) for number in range(3)]
    for student in students:
        student.submit(answers=ANSWERS)
    for number in range(3):
        assert platform.wait_for(f"free-{number}", 1)["scoreGiven"] == 1.5
    assert service.log.read_text().count('"event": "platform away"') == pauses
    said = [f"answers {status}" for status in statuses.values()]
    shown = page_with(service, course.slug, "Did not arrive: 3", *said)
    assert shown.count("refused; next try") >= 3
    for advice in ("It may be locked: unlock", "Allow grade sync for the tool", "may have left the course"):
        assert advice in shown
    platform.refuse.clear()
    platform.locked.clear()
    platform.left.clear()
    send_again(service, course.slug)
    for subject in statuses:
        platform.wait_for(subject, 1)


@pytest.mark.parametrize("ahead", [-59, -3, 59])
def test_the_clock_of_a_platform_may_differ_by_a_minute(
    service: Site, platform: Platform, course: Class, ahead: int
) -> None:
    platform.ahead = ahead
    subject = f"clock{ahead}"
    student = Student(service, platform, subject, course.slug)
    platform.tokens.clear()
    student.submit(answers=ANSWERS)
    assert platform.wait_for(subject, 1)["scoreGiven"] == 1.5


def test_points_that_are_refused_are_shown_and_can_be_sent_again(
    service: Site, platform: Platform, course: Class
) -> None:
    platform.refuse["ref"] = 422
    Student(service, platform, "ref", course.slug).submit(answers=ANSWERS)
    Student(service, platform, "well", course.slug).submit(answers=ANSWERS)
    platform.wait_for("well", 1)
    shown = page_with(service, course.slug, "Did not arrive: 1", "answers 422")
    (row,) = re.findall(r'name="passback" value="(\d+)"><button [^>]*school-\w+"', shown)[:1]
    del platform.refuse["ref"]
    send_again(service, course.slug, passback=row)
    platform.wait_for("ref", 1)
    assert len(platform.of("well")) == 1
    send_again(service, course.slug)
    student = service.person()
    headers = {"Authorization": f"Bearer {student.token}"}
    assert service.plain.get(f"/dashboard/{course.slug}/lti", headers=headers).status_code == 403
    assert service.plain.post(f"/dashboard/{course.slug}/lti", headers=headers).status_code == 403


def test_a_conflict_of_times_and_a_forgotten_token_settle_by_themselves(
    service: Site, platform: Platform, course: Class
) -> None:
    platform.refuse["con"] = 409
    student = Student(service, platform, "con", course.slug)
    platform.tokens.clear()
    student.submit(answers=ANSWERS)
    service.wait_for("answers 409")
    del platform.refuse["con"]
    platform.wait_for("con", 1)


def test_nothing_is_sent_twice_at_once_and_the_last_points_stand(
    service: Site, platform: Platform, course: Class
) -> None:
    submission = Student(service, platform, "twi", course.slug).submit(answers=ANSWERS)
    platform.wait_for("twi", 1)
    platform.pause = 0.6
    for score in (0.1, 0.2, 0.3, 0.4):
        override(service, submission, "2.2", score)
        send_again(service, course.slug)
    until_now = len(platform.of("twi"))
    while platform.wait_for("twi", until_now)["scoreGiven"] != 1.4:
        until_now += 1
    assert platform.overlapped == []


def test_a_line_item_elsewhere_is_never_asked(service: Site, platform: Platform, course: Class) -> None:
    with sim.running() as elsewhere:
        claims = {sim.ENDPOINT: {"scope": [sim.SCORE], "lineitem": f"{elsewhere.url}/api/lineitems/1/lineitem"}}
        platform.enrol("els", LEARNER, **{f"{LTI}custom": {"assignment": course.slug}}, **claims)
        browser = Browser(service.url)
        assert browser.launch(platform, "els").status_code == 303, "no reason to keep a student out"
        browser.http.close()
        headers = {"Authorization": f"Bearer {service.admin.token}", "Accept": "text/html", "Accept-Language": "en"}
        shown = service.plain.get("/admin/lti", headers=headers).text
        assert "is not at a registered host" in shown
        assert f"{service.url}/lti/launch" in shown
        assert "No student has opened" in page(service, course.slug)
