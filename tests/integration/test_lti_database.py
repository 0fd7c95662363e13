"""What LTI keeps, on both databases: one sender for each student, keys that are rotated, states that work once."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import jwt
import pytest
from sqlalchemy import select, update

from app.db.base import now
from app.db.engine import Database
from app.lti import deliveries, keys, launching, login, registration, repository
from app.lti.deliveries import Job
from app.lti.models import Delivery, LineItem, Passback, PendingLogin, Platform, Ticket, TicketKind, ToolKey
from app.lti.refusals import LaunchRefused, Reason
from app.lti.registration import Registration
from app.scores.class_records import ClassRecords
from app.users import service as users
from app.users.models import Role

WANTED = {
    "submission": "s",
    "submitted_at": "2026-05-20T00:00:00+00:00",
    "score": 1.0,
    "max_score": 4.0,
    "review": False,
}
BASE = "https://assay.example.edu"
WISH = Registration(
    name="school",
    issuer="https://school.example.edu",
    client_id="client",
    deployments=["1"],
    auth_url="https://school.example.edu/auth",
    token_url="https://school.example.edu/token",
    jwks_url="https://school.example.edu/jwks",
)


@pytest.fixture
def platform(database: Database) -> Platform:
    """A platform with a line item, and two students whose points are due."""
    with database.write() as session:
        platform = registration.register(session, WISH, allow_local=False, actor="test")
        item = LineItem(platform_id=platform.id, url="https://school.example.edu/1", slug="hw13", context="")
        session.add(item)
        session.flush()
        for login_name in ("ann", "bob"):
            user = users.create_user(session, login=login_name, name=login_name, role=Role.STUDENT, actor="test")
            state = {"state": Delivery.WAITING, "wanted": WANTED}
            session.add(Passback(line_item_id=item.id, user_id=user.id, subject=login_name, **state))
    return platform


def take(database: Database, platform: Platform) -> Job | None:
    with database.write() as session:
        return deliveries.take(session, platform.id)


def passback(database: Database, subject: str) -> Passback:
    with database.read() as session:
        return session.scalars(select(Passback).where(Passback.subject == subject)).one()


def test_many_senders_never_take_the_same_student(database: Database, platform: Platform) -> None:
    barrier = threading.Barrier(6)

    def taken(_: int) -> Job | None:
        barrier.wait()
        return take(database, platform)

    with ThreadPoolExecutor(6) as threads:
        jobs = [job for job in threads.map(taken, range(6)) if job is not None]
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
        deliveries.arrived(session, first)
    assert passback(database, first.subject).state is Delivery.WAITING
    with database.write() as session:
        deliveries.arrived(session, again)
    assert passback(database, first.subject).state is Delivery.SENT


def test_points_that_change_while_they_are_sent_stay_due(database: Database, platform: Platform) -> None:
    job = take(database, platform)
    assert job is not None
    with database.write() as session:
        row = session.get_one(Passback, job.id)
        row.wanted = {**WANTED, "score": 2.0}
        deliveries.arrived(session, job)
    row = passback(database, job.subject)
    assert (row.state, row.sent, row.lease) == (Delivery.WAITING, WANTED, None)


def test_a_platform_that_is_away_is_left_in_peace_longer_each_time(database: Database, platform: Platform) -> None:
    pauses = []
    for _ in range(12):
        job = take(database, platform)
        assert job is not None
        with database.write() as session:
            deliveries.away(session, job, "no answer")
        with database.read() as session:
            seen = session.get_one(Platform, platform.id)
            assert seen.paused_until is not None
            pauses.append((seen.paused_until - now()).total_seconds())
            assert deliveries.platforms_due(session, now()) == []
            assert deliveries.platforms_due(session, now() + timedelta(minutes=11)) == [platform.id]
    assert 0 < pauses[0] <= 2
    assert 590 < pauses[-1] <= 600
    tried = {passback(database, subject).tries for subject in ("ann", "bob")}
    assert tried == {6}, "one that always fails does not stand in the way of the others"
    with database.write() as session:
        assert deliveries.send_again(session, "hw13", None) == 2
        assert deliveries.platforms_due(session, now()) == [platform.id]


def test_what_nobody_handed_in_is_not_sent(database: Database, platform: Platform) -> None:
    with database.write() as session:
        session.execute(update(Passback).values(state=Delivery.IDLE, wanted=None))
        assert deliveries.compare(session, ClassRecords().snapshot(session, "hw13")) == 0
    assert take(database, platform) is None
    assert passback(database, "ann").state is Delivery.IDLE


def test_a_removed_platform_leaves_people_and_no_work(database: Database, platform: Platform) -> None:
    with database.write() as session:
        login.begin(session, login.Initiation(WISH.issuer, "x", f"{BASE}/lti/launch"), "browser", BASE)
        launching.ticket(session, TicketKind.OPEN, platform, {})
        registration.remove(session, "school", actor="test")
        assert deliveries.slugs(session) == []
        assert users.find(session, "ann").name == "ann"
        with pytest.raises(registration.PlatformNotFound):
            registration.remove(session, "school", actor="test")


def test_a_platform_with_two_clients_must_say_which(database: Database, platform: Platform) -> None:
    other = replace(WISH, name="school-2", client_id="client-2")
    with database.write() as session:
        registration.register(session, other, allow_local=False, actor="test")
        asked = login.Initiation(WISH.issuer, "hint", f"{BASE}/lti/launch")
        with pytest.raises(LaunchRefused) as refused:
            login.begin(session, asked, "browser", BASE)
        assert refused.value.reason is Reason.PLATFORM_AMBIGUOUS
        address = login.begin(session, replace(asked, client_id="client-2"), "browser", BASE)
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
        assert jwt.decode(token, jwt.PyJWK(second.public_jwk), algorithms=["RS256"]) == {"iss": "x"}
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
    asked = login.Initiation(WISH.issuer, "hint", f"{BASE}/lti/launch")
    with database.write() as session:
        address = login.begin(session, asked, "browser", BASE)
        ticket = launching.ticket(session, TicketKind.OPEN, platform, {"a": 1})
        late = launching.ticket(session, TicketKind.OPEN, platform, {})
        session.execute(
            update(Ticket).where(Ticket.ticket == users.digest(late)).values(expires_at=now() - timedelta(seconds=1))
        )
    state = address.partition("&state=")[2].partition("&")[0]

    def begun() -> bool:
        with database.write() as session:
            return login.take(session, state) is not None

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(lambda _: begun(), range(4))) == [False, False, False, True]
    with database.write() as session:
        with pytest.raises(LaunchRefused):
            launching.redeem(session, ticket, TicketKind.PICK)
        assert launching.redeem(session, ticket, TicketKind.OPEN).content == {"a": 1}
        for secret in (ticket, late, uuid.uuid4().hex):
            with pytest.raises(LaunchRefused):
                launching.redeem(session, secret, TicketKind.OPEN)


def test_a_launch_that_takes_too_long_is_refused(database: Database, platform: Platform) -> None:
    with database.write() as session:
        login.begin(session, login.Initiation(WISH.issuer, "hint", f"{BASE}/lti/launch"), "browser", BASE)
        found = session.scalars(select(PendingLogin)).one()
        found.expires_at = now() - timedelta(seconds=1)
        with pytest.raises(LaunchRefused):
            login.check(found, "browser")
        # The next launch forgets it.
        login.begin(session, login.Initiation(WISH.issuer, "hint", f"{BASE}/lti/launch"), "browser", BASE)
        assert len(session.scalars(select(PendingLogin)).all()) == 1
