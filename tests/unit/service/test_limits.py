"""So many tries in a stretch of time, and not one more."""

from __future__ import annotations

import pytest
from fastapi import Request

from app.auth import limits
from app.auth.limits import RateLimit
from app.http.client_network import client_network


class Clock:
    """A clock that is moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_next_try_waits_until_the_first_one_is_old(clock: Clock) -> None:
    limit = RateLimit(3, 60, clock)
    for _ in range(3):
        assert limit.wait("a") == 0
        limit.note("a")
        clock.now += 10
    assert limit.wait("a") == 30
    assert limit.wait("b") == 0
    clock.now += 29.5
    assert limit.wait("a") == 1
    clock.now += 0.5
    assert limit.wait("a") == 0
    limit.note("a")
    assert limit.wait("a") == 10


def test_old_keys_are_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MAX_KEYS", 5)
    limit = RateLimit(1, 60, clock)
    for number in range(5):
        limit.note(f"old-{number}")
    clock.now += 60
    for number in range(2):
        limit.note(f"new-{number}")
    assert sorted(limit._tries) == ["new-0", "new-1"]
    assert limit.wait("new-0") == 60


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_counts_with_its_neighbours_of_one_owner(host: str, network: str) -> None:
    assert client_network(Request({"type": "http", "client": (host, 1)})) == network
