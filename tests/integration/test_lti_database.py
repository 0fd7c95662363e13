"""What LTI keeps, on both databases: one sender for each student, keys that are rotated, states that work once."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

import jwt
import pytest
from sqlalchemy import delete, select, update

from app.db.base import now
from app.db.engine import Database
from app.lti import accounts, deliveries, delivery_repository, keys, launching, login, registration, repository, sender
from app.lti.deliveries import OutgoingScore
from app.lti.messages import LTI, RESOURCE_LINK, Message
from app.lti.models import Cause, Delivery, LineItem, Passback, PendingLogin, Platform, Ticket, TicketKind, ToolKey
from app.lti.outgoing import PlatformAway, PlatformRefused
from app.lti.refusals import LaunchRefused, Reason
from app.lti.score_service import Address, ScoreService
from app.scores.class_cache import ClassCache
from app.scores.class_records import Attempt, Cell, StudentStanding
from app.settings import Settings
from app.submissions.models import State
from app.users import service as users
from app.users.models import Role
from grader.scoring import Verdict
from tests import slices
from tests.integration.lti_platform import SCHOOL

WANTED = {
    "submission": "s",
    "submitted_at": "2026-05-20T00:00:00+00:00",
    "score": 1.0,
    "max_score": 4.0,
    "review": False,
}
BASE = "https://assay.example.edu"


@pytest.fixture
def platform(database: Database) -> Platform:
    """A platform with a line item, and two students whose points are due."""
    with database.write() as session:
        platform = registration.register(session, SCHOOL, allow_local=False, actor="test")
        item = LineItem(platform_id=platform.id, url="https://school.example.edu/1", slug="hw13", context="")
        session.add(item)
        session.flush()
        for login_name in ("ann", "bob"):
            user = users.create_user(session, login=login_name, name=login_name, role=Role.STUDENT, actor="test")
            state = {"state": Delivery.WAITING, "wanted": WANTED}
            session.add(Passback(line_item_id=item.id, user_id=user.id, subject=login_name, **state))
    return platform


def take(database: Database, platform: Platform) -> OutgoingScore | None:
    with database.write() as session:
        return deliveries.claim_next(session, platform.id)


def passback(database: Database, subject: str) -> Passback:
    with database.read() as session:
        return session.scalars(select(Passback).where(Passback.subject == subject)).one()


def test_many_senders_never_take_the_same_student(database: Database, platform: Platform) -> None:
    barrier = threading.Barrier(6)

    def take_once(_: int) -> OutgoingScore | None:
        barrier.wait()
        return take(database, platform)

    with ThreadPoolExecutor(6) as threads:
        jobs = [job for job in threads.map(take_once, range(6)) if job is not None]
    assert sorted(job.subject for job in jobs) == ["ann", "bob"]
    assert take(database, platform) is None


def test_a_sender_that_died_is_replaced_and_says_nothing_any_more(database: Database, platform: Platform) -> None:
    first = take(database, platform)
    assert first is not None
    with database.write() as session:
        session.execute(update(Passback).values(leased_until=now() - timedelta(seconds=1)))
    second = take(database, platform)
    assert second is not None
    other = take(database, platform)
    assert other is not None
    again = second if second.id == first.id else other
    assert again.stamp >= first.stamp + timedelta(seconds=1)
    with database.write() as session:
        deliveries.record_success(session, first)
    assert passback(database, first.subject).state is Delivery.WAITING
    with database.write() as session:
        deliveries.record_success(session, again)
    assert passback(database, first.subject).state is Delivery.SENT


def test_points_that_change_while_they_are_sent_stay_due(database: Database, platform: Platform) -> None:
    job = take(database, platform)
    assert job is not None
    with database.write() as session:
        row = session.get_one(Passback, job.id)
        row.wanted = {**WANTED, "score": 2.0}
        deliveries.record_success(session, job)
    row = passback(database, job.subject)
    assert (row.state, row.sent, row.lease) == (Delivery.WAITING, WANTED, None)


class Clock:
    """The time of the scheduling, which stands still while scores are sent."""

    def __init__(self) -> None:
        self.moment = now()

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(deliveries, "now", clock)
    monkeypatch.setattr(sender, "now", clock)
    return clock


class Gradebooks(ScoreService):
    """Platforms that take every score but those for which they have an answer of another kind."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database)
        self.clock = clock
        self.troubles: dict[str, Exception] = {}
        self.attempts: list[tuple[datetime, str]] = []

    def send(self, address: Address, job: OutgoingScore) -> None:
        self.attempts.append((self.clock(), job.subject))
        trouble = self.troubles.get(job.subject) or self.troubles.get(job.url) or self.troubles.get(address.client_id)
        if trouble is not None:
            raise trouble

    def of(self, subject: str) -> list[datetime]:
        """When points of a student were sent."""
        return [moment for moment, name in self.attempts if name == subject]


LOCKED = PlatformRefused("https://school.example.edu/1/scores answers 500: the grade is locked", 500)
AWAY = PlatformAway("connection refused")


class Course:
    """Classes whose points are due at platforms, and the sender that passes them back."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock
        self.books = Gradebooks(database, clock)
        self.sender = sender.Sender(settings, database)
        self.sender.scores = self.books

    def enrol(self, platform: Platform, url: str, *subjects: str) -> list[str]:
        """Points of new students are due in a column."""
        with self.database.write() as session:
            item = repository.line_item(session, platform.id, url)
            if item is None:
                item = LineItem(platform_id=platform.id, url=url, slug="hw13", context="")
                session.add(item)
                session.flush()
            people = [
                users.create_user(session, login=subject, name=subject, role=Role.STUDENT, actor="test")
                for subject in subjects
            ]
            common = {"line_item_id": item.id, "state": Delivery.WAITING, "wanted": WANTED, "due_at": self.clock()}
            session.add_all(Passback(user_id=user.id, subject=user.login, **common) for user in people)
        return list(subjects)

    def look(self) -> None:
        """What a sender does at each heartbeat."""
        with self.database.read() as session:
            platforms = delivery_repository.due_platforms(session, self.clock())
        for platform_id in platforms:
            self.sender.send_due(platform_id)

    def run(self, seconds: float, step: float = 1.0) -> None:
        """Let so much time pass."""
        for _ in range(int(seconds / step)):
            self.look()
            self.clock.advance(step)

    def change(self, *subjects: str) -> None:
        """The points of these students change, as `deliveries.mark_changed` would see it."""
        attempt = Attempt(
            uuid.uuid4(), 1, self.clock(), State.GRADED, None, len(self.books.attempts) / 1000, {}, (), None, None
        )
        standings = tuple(StudentStanding(subject, subject, None, attempt) for subject in subjects)
        with self.database.write() as session:
            snapshot = replace(ClassCache().snapshot(session, "hw13"), standings=standings)
            assert deliveries.mark_changed(session, snapshot) == len(subjects)

    def states(self) -> Counter[str]:
        """How many points stand where on their way."""
        with self.database.read() as session:
            return Counter(str(state) for state in session.scalars(select(Passback.state)))


@pytest.fixture
def course(settings: Settings, database: Database, platform: Platform, clock: Clock) -> Course:
    """A course with the platform of these tests, where the two students of `platform` are gone."""
    with database.write() as session:
        session.execute(delete(Passback))
    return Course(settings, database, clock)


COLUMN, OTHER_COLUMN = "https://school.example.edu/1", "https://school.example.edu/2"


@pytest.mark.parametrize(
    ("status", "locked"),
    slices.every(2, [(500, 1), (403, 1), (404, 3), (409, 3), (422, 5), (502, 5), (500, 7)]),
)
def test_refused_scores_hold_no_other_ones_up(course: Course, platform: Platform, status: int, locked: int) -> None:
    subjects = course.enrol(platform, COLUMN, *(f"s{number:02}" for number in range(24)))
    course.books.troubles = {subject: PlatformRefused(f"answers {status}", status) for subject in subjects[:locked]}
    course.look()
    assert course.states() == {"sent": 24 - locked, "waiting": locked}, "all others arrive in the same moment"
    assert len(course.books.attempts) == 24
    row = passback(course.database, subjects[0])
    assert (row.error, row.refusals, row.refusal_status) == (f"answers {status}", 1, status)
    with course.database.read() as session:
        assert deliveries.count_failing(deliveries.by_urgency(session, "hw13")) == locked


def test_platforms_on_hold_get_nothing_until_a_command_says_so(course: Course, platform: Platform) -> None:
    course.enrol(platform, COLUMN, "ann3", "bob3")
    with course.database.write() as session:
        assert deliveries.hold_all(session, "test") == 1
        assert deliveries.hold_all(session, "test") == 0
    course.run(3600 * 24 * 7, 3600)
    with course.database.write() as session:
        assert deliveries.send_again(session, "hw13", None) == 2
    course.run(3600, 600)
    assert take(course.database, platform) is None
    assert (course.books.attempts, course.states()) == ([], {"waiting": 2})
    with course.database.write() as session:
        assert deliveries.resume_all(session, "test") == 1
        assert deliveries.resume_all(session, "test") == 0
    course.look()
    assert course.states() == {"sent": 2}


def test_half_a_class_that_is_refused_holds_the_other_half_up_for_seconds(course: Course, platform: Platform) -> None:
    subjects = course.enrol(platform, COLUMN, *(f"s{number:02}" for number in range(40)))
    course.books.troubles = dict.fromkeys(subjects[:20], LOCKED)
    course.run(600, 5)
    assert course.states() == {"sent": 20, "waiting": 20}


def test_a_refused_score_is_tried_again_for_hours_then_given_up_until_the_staff_asks(
    course: Course, platform: Platform
) -> None:
    course.enrol(platform, COLUMN, "ann2")
    course.books.troubles = {"ann2": LOCKED}
    for _ in range(20):
        course.look()
        due = passback(course.database, "ann2").due_at
        course.clock.moment = max(due, course.clock.moment)
    tried = course.books.of("ann2")
    waits = [(later - earlier).total_seconds() for earlier, later in pairwise(tried)]
    assert waits == sorted(waits)
    assert waits[0] <= 10
    assert 3600 * 12 <= waits[-1] <= 3600 * 24
    row = passback(course.database, "ann2")
    assert (row.state, row.error) == (Delivery.REFUSED, str(LOCKED))
    course.run(3600 * 24 * 7, 3600)
    assert len(course.books.of("ann2")) == len(tried), "given up"
    course.books.troubles = {}
    with course.database.write() as session:
        assert deliveries.send_again(session, "hw13", row.id) == 1
    course.look()
    row = passback(course.database, "ann2")
    assert (row.state, row.error, row.cause, row.refusals) == (Delivery.SENT, None, None, 0)


def test_points_that_were_given_up_are_tried_again_when_they_change(course: Course, platform: Platform) -> None:
    course.enrol(platform, COLUMN, "ann2")
    with course.database.write() as session:
        session.execute(update(Passback).values(state=Delivery.REFUSED, refusals=9, tries=9, error="locked"))
    course.change("ann2")
    course.look()
    assert course.states() == {"sent": 1}


def test_a_column_that_refuses_everything_is_probed_by_one_score_at_a_time(course: Course, platform: Platform) -> None:
    subjects = course.enrol(platform, COLUMN, *(f"s{number:02}" for number in range(60)))
    course.books.troubles = {COLUMN: LOCKED}
    course.look()
    assert len(course.books.attempts) == deliveries.REFUSALS_TO_PAUSE
    course.run(3600, 10)
    assert len(course.books.attempts) < 30, "pauses grow"
    with course.database.read() as session:
        assert deliveries.count_failing(deliveries.by_urgency(session, "hw13")) == 60
    course.clock.advance(600)
    probe = take(course.database, platform)
    assert probe is not None
    assert take(course.database, platform) is None, "one at a time"
    with course.database.write() as session:
        deliveries.record_refusal(session, probe, "still locked", 500)
    assert take(course.database, platform) is None
    course.books.troubles = {}
    course.run(610, 10)
    assert course.states() == {"sent": 60}, "one success ends the pause, also for those that were refused"
    assert len(subjects) == 60


def test_a_column_in_trouble_holds_no_other_column_up(course: Course, platform: Platform) -> None:
    course.enrol(platform, COLUMN, *(f"s{number:02}" for number in range(30)))
    course.books.troubles = {COLUMN: LOCKED}
    course.run(1800, 10)
    others = course.enrol(platform, OTHER_COLUMN, "ann2", "bob2")
    before = course.clock()
    course.look()
    assert [course.books.of(subject) for subject in others] == [[before], [before]]


def test_a_platform_in_trouble_holds_no_other_platform_up(course: Course, platform: Platform) -> None:
    course.enrol(platform, COLUMN, *(f"s{number:02}" for number in range(12)))
    details = replace(SCHOOL, name="other", client_id="other")
    with course.database.write() as session:
        other = registration.register(session, details, allow_local=False, actor="test")
    course.books.troubles = {"client": AWAY}
    course.run(60, 5)
    course.enrol(other, COLUMN, "ann2")
    course.look()
    assert passback(course.database, "ann2").state is Delivery.SENT
    assert course.states() == {"sent": 1, "waiting": 12}


@pytest.mark.parametrize("trouble", [LOCKED, pytest.param(AWAY, marks=pytest.mark.thorough)])
def test_the_same_few_scores_again_and_again_pause_nothing_for_long(
    course: Course, platform: Platform, trouble: Exception
) -> None:
    few = course.enrol(platform, COLUMN, "a1", "a2", "a3")
    course.books.troubles = dict.fromkeys(few, trouble)
    for _ in range(20):
        course.change(*few)
        course.run(60, 10)
    assert len(course.books.attempts) >= 60
    course.enrol(platform, COLUMN, "well")
    start = course.clock()
    course.run(30)
    (arrived,) = course.books.of("well")
    assert arrived - start <= timedelta(seconds=10)


def test_a_platform_that_is_away_is_paused_longer_each_time(course: Course, platform: Platform) -> None:
    course.enrol(platform, COLUMN, *(f"s{number:02}" for number in range(12)))
    course.books.troubles = {"client": AWAY}
    pauses = []
    for _ in range(12):
        course.look()
        with course.database.read() as session:
            current = session.get_one(Platform, platform.id)
            assert current.paused_until is not None
            assert delivery_repository.due_platforms(session, course.clock()) == []
        pauses.append((current.paused_until - course.clock()).total_seconds())
        course.clock.moment = current.paused_until
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]
    assert [count for _, count in Counter(name for _, name in course.books.attempts).items()] == [1] * 12
    course.run(3600 * 24 * 2, 1800)
    assert course.states() == {"waiting": 12}, "nothing is given up because a platform is away"
    course.enrol(platform, COLUMN, "new")
    course.books.troubles = {}
    course.run(1210, 10)
    assert course.states() == {"sent": 13}
    last = [moment for moment, _ in course.books.attempts][-13:]
    assert len(set(last)) == 1, "one that arrives brings all the others"


def test_a_platform_that_is_away_is_asked_by_one_sender_at_a_time(course: Course, platform: Platform) -> None:
    course.enrol(platform, COLUMN, "a1", "a2")
    course.books.troubles = {"client": AWAY}
    course.look()
    course.clock.advance(3)
    assert take(course.database, platform) is not None
    assert take(course.database, platform) is None


@pytest.mark.parametrize(("requested", "paused"), [(0, 2), (1, 2), (90, 90), (1e9, 3600), (float("inf"), 3600)])
def test_a_platform_says_how_long_it_wants_to_be_left_alone(
    course: Course, platform: Platform, requested: float, paused: float
) -> None:
    course.enrol(platform, COLUMN, "a1", "a2")
    course.books.troubles = {"client": PlatformAway("answers 429", requested)}
    course.look()
    course.clock.advance(paused - 1)
    course.look()
    assert len(course.books.attempts) == 1
    course.books.troubles = {}
    course.clock.advance(1)
    course.look()
    assert course.states() == {"sent": 2}


def test_an_outage_costs_a_score_none_of_its_tries(course: Course, platform: Platform) -> None:
    course.enrol(platform, COLUMN, "a1")
    course.books.troubles = {"a1": AWAY}
    course.run(3600 * 12, 600)
    course.books.troubles = {"a1": LOCKED}
    course.run(1200, 30)
    row = passback(course.database, "a1")
    assert row.state is Delivery.WAITING
    assert row.refusals >= 1
    assert row.cause is Cause.LOCKED
    course.books.troubles = {"a1": AWAY}
    course.run(1800, 30)
    assert passback(course.database, "a1").cause is None, "the last failure was not a refusal"


def test_everything_can_be_sent_again_at_once(course: Course, platform: Platform) -> None:
    course.enrol(platform, COLUMN, *(f"s{number:02}" for number in range(12)))
    course.books.troubles = {COLUMN: LOCKED}
    course.run(60, 5)
    course.books.troubles = {}
    with course.database.write() as session:
        assert deliveries.send_again(session, "hw13", None) == 12
    course.look()
    assert course.states() == {"sent": 12}


@pytest.mark.parametrize(
    ("shows", "sent", "wanted", "expected"),
    [
        ("final", WANTED, WANTED, WANTED["score"]),
        ("final", WANTED, {**WANTED, "score": 1.5}, 1.5),
        ("final", WANTED, {**WANTED, "score": 2.0, "review": True}, WANTED["score"]),
        ("final", None, None, 3.0),
        ("final", None, {**WANTED, "review": True}, 3.0),
        ("provisional", WANTED, WANTED, 3.0),
    ],
)
def test_a_final_score_stays_while_a_better_attempt_waits_for_review(
    database: Database,
    platform: Platform,
    shows: Literal["final", "provisional"],
    sent: dict[str, Any] | None,
    wanted: dict[str, Any] | None,
    expected: float,
) -> None:
    with database.write() as session:
        session.execute(update(Passback).values(sent=sent, wanted=wanted, state=Delivery.SENT))
        plain = ClassCache().snapshot(session, "hw13")
        schedule = plain.assignment.schedule.model_copy(update={"gradebook": shows})
        assignment = plain.assignment.model_copy(update={"schedule": schedule})

        def mark(verdict: Verdict) -> None:
            cells = {"3.1": Cell(1.0, 1.0, verdict, None, False)}
            attempt = Attempt(uuid.uuid4(), 2, now(), State.GRADED, None, 3.0, cells, (), None, None)
            standings = (StudentStanding("ann", "ann", None, attempt),)
            deliveries.mark_changed(session, replace(plain, assignment=assignment, standings=standings))

        mark(Verdict.NEEDS_REVIEW)
        row = session.scalars(select(Passback).where(Passback.subject == "ann")).one()
        assert row.wanted is not None
        assert row.wanted["score"] == expected
        mark(Verdict.FULL)
        assert (row.wanted["score"], row.wanted["review"]) == (3.0, False)


def test_the_gradebook_of_an_excused_student_stays(database: Database, platform: Platform) -> None:
    with database.write() as session:
        session.execute(update(Passback).values(sent=WANTED, wanted=WANTED, state=Delivery.SENT))
        plain = ClassCache().snapshot(session, "hw13")
        attempt = Attempt(uuid.uuid4(), 2, now(), State.GRADED, None, 3.0, {}, (), None, None)
        standing = StudentStanding("ann", "ann", None, attempt)
        for excused, changed in ((True, 0), (False, 1)):
            snapshot = replace(plain, standings=(replace(standing, excused=excused),))
            assert deliveries.mark_changed(session, snapshot) == changed


def test_what_nobody_handed_in_is_not_sent(database: Database, platform: Platform) -> None:
    with database.write() as session:
        session.execute(update(Passback).values(state=Delivery.IDLE, wanted=None))
        assert deliveries.mark_changed(session, ClassCache().snapshot(session, "hw13")) == 0
    assert take(database, platform) is None
    assert passback(database, "ann").state is Delivery.IDLE


def test_a_removed_platform_leaves_people_and_no_work(database: Database, platform: Platform) -> None:
    with database.write() as session:
        login.begin(session, login.Initiation(SCHOOL.issuer, "x", f"{BASE}/lti/launch"), "browser", BASE)
        launching.create_ticket(session, TicketKind.OPEN, platform, {})
        registration.remove(session, "school", actor="test")
        assert delivery_repository.assignment_slugs(session) == []
        assert users.find(session, "ann").name == "ann"
        with pytest.raises(registration.PlatformNotFound):
            registration.remove(session, "school", actor="test")


def test_a_platform_with_two_clients_must_say_which(database: Database, platform: Platform) -> None:
    other = replace(SCHOOL, name="school-2", client_id="client-2")
    with database.write() as session:
        registration.register(session, other, allow_local=False, actor="test")
        initiation = login.Initiation(SCHOOL.issuer, "hint", f"{BASE}/lti/launch")
        with pytest.raises(LaunchRefused) as refused:
            login.begin(session, initiation, "browser", BASE)
        assert refused.value.reason is Reason.PLATFORM_AMBIGUOUS
        address = login.begin(session, replace(initiation, client_id="client-2"), "browser", BASE)
    assert "client_id=client-2" in address


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_a_rotated_key_is_published_before_it_signs_and_its_former_one_after(database: Database) -> None:
    with database.write() as session:
        keys.ensure(session)
        keys.ensure(session)
        (first,) = keys.jwks(session)["keys"]
        second = keys.rotate(session, at_once=False, actor="test")
        assert {key["kid"] for key in keys.jwks(session)["keys"]} == {first["kid"], second.kid}
        assert kid_of(keys.sign(session, {"iss": "x"})) == first["kid"]
        # An hour later.
        session.execute(update(ToolKey).where(ToolKey.kid == second.kid).values(signs_from=now()))
        token = keys.sign(session, {"iss": "x"})
        assert kid_of(token) == second.kid
        signed = jwt.decode(token, jwt.PyJWK(second.public_jwk), algorithms=["RS256"])
        assert signed["iss"] == "x"
        moment = now().timestamp()
        assert 55 <= moment - signed["iat"] <= 120, "a platform's clock may be a minute behind"
        assert moment + 60 < signed["exp"] <= signed["iat"] + 300
        # A week after that.
        session.execute(update(ToolKey).where(ToolKey.kid == first["kid"]).values(ends_at=now()))
        assert [key["kid"] for key in keys.jwks(session)["keys"]] == [second.kid]
        third = keys.rotate(session, at_once=True, actor="test")
        assert [key["kid"] for key in keys.jwks(session)["keys"]] == [third.kid]
        assert kid_of(keys.sign(session, {"iss": "x"})) == third.kid
        assert session.scalars(select(ToolKey.kid)).all() == [third.kid], "withdrawn keys are gone"


def test_a_key_that_cannot_be_stored_is_not_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.lti.keys.secrets.token_urlsafe", lambda _: "same")
    with database.write() as session:
        keys.ensure(session)
    monkeypatch.setattr(repository, "published_keys", lambda *_: [])
    with pytest.raises(keys.KeyNotStored) as failure, database.write() as session:
        keys.rotate(session, at_once=False, actor="test")
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


def test_without_a_key_nothing_is_signed(database: Database) -> None:
    with database.read() as session, pytest.raises(keys.NoKey):
        keys.sign(session, {})


def test_a_state_and_a_ticket_work_once_and_not_for_long(database: Database, platform: Platform) -> None:
    initiation = login.Initiation(SCHOOL.issuer, "hint", f"{BASE}/lti/launch")
    with database.write() as session:
        address = login.begin(session, initiation, "browser", BASE)
        ticket = launching.create_ticket(session, TicketKind.OPEN, platform, {"a": 1})
        late = launching.create_ticket(session, TicketKind.OPEN, platform, {})
        session.execute(
            update(Ticket).where(Ticket.ticket == users.digest(late)).values(expires_at=now() - timedelta(seconds=1))
        )
    state = address.partition("&state=")[2].partition("&")[0]

    def take_once() -> bool:
        with database.write() as session:
            return login.take(session, state) is not None

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(lambda _: take_once(), range(4))) == [False, False, False, True]
    with database.write() as session:
        with pytest.raises(LaunchRefused):
            launching.redeem(session, ticket, TicketKind.PICK)
        assert launching.redeem(session, ticket, TicketKind.OPEN).content == {"a": 1}
        for secret in (ticket, late, uuid.uuid4().hex):
            with pytest.raises(LaunchRefused):
                launching.redeem(session, secret, TicketKind.OPEN)


def test_a_launch_that_takes_too_long_is_refused(database: Database, platform: Platform) -> None:
    with database.write() as session:
        login.begin(session, login.Initiation(SCHOOL.issuer, "hint", f"{BASE}/lti/launch"), "browser", BASE)
        pending = session.scalars(select(PendingLogin)).one()
        pending.expires_at = now() - timedelta(seconds=1)
        with pytest.raises(LaunchRefused):
            login.check(pending, "browser")
        # The next launch forgets it.
        login.begin(session, login.Initiation(SCHOOL.issuer, "hint", f"{BASE}/lti/launch"), "browser", BASE)
        assert len(session.scalars(select(PendingLogin)).all()) == 1


def test_somebody_known_to_one_platform_is_found_for_another(database: Database, platform: Platform) -> None:
    details = replace(SCHOOL, match="login=ext.user_username")
    other = replace(details, name="other", issuer="https://other.example.edu")

    def launched(platform: Platform, subject: str) -> str:
        claims = {f"{LTI}ext": {"user_username": "ann"}}
        message = Message(RESOURCE_LINK, "1", subject, "Ann", False, False, True, "hw13", "", "", claims)
        return accounts.person_of(session, platform, message, "main")[0].login

    with database.write() as session:
        first, second = (
            registration.register(session, one, allow_local=False, actor="test") for one in (details, other)
        )
        assert [launched(first, "1"), launched(second, "9"), launched(first, "1")] == ["ann"] * 3
        with pytest.raises(LaunchRefused) as refused:
            launched(second, "8")
        assert refused.value.reason is Reason.MATCH_UNUSABLE
