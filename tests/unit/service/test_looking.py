"""What a worker's loop over a queue sleeps on between two looks."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from app.queue import dbos_engine
from app.queue.dbos_engine import _Bell

_LONG = 600.0


def woken(bell: _Bell, act: Callable[[], None]) -> bool:
    """What the wait answers that began before ``act``; a minute without an answer fails."""
    answers: list[bool] = []
    waiter = threading.Thread(target=lambda: answers.append(bell.wait(_LONG)), daemon=True)
    waiter.start()
    act()
    waiter.join(60)
    (answer,) = answers
    return answer


def test_a_ring_wakes_the_loop_and_does_not_end_it() -> None:
    bell = _Bell(lambda: False)
    assert woken(bell, bell.ring) is False
    assert woken(bell, bell.ring) is False


def test_a_ring_before_the_wait_is_not_lost() -> None:
    bell = _Bell(lambda: False)
    bell.ring()
    assert bell.wait(_LONG) is False


def test_setting_it_ends_the_loop() -> None:
    bell = _Bell(lambda: True)
    assert woken(bell, bell.set) is True
    assert bell.wait(0.0) is True


@pytest.mark.parametrize(("quiet", "asked", "slept"), [(True, 0.05, 0.5), (True, 2.0, 2.0), (False, 0.05, 0.05)])
def test_a_quiet_worker_sleeps_longer_than_the_loop_asks_for(
    quiet: bool, asked: float, slept: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbos_engine, "_SELDOM_SECONDS", 0.5)
    bell = _Bell(lambda: quiet)
    waited: list[float | None] = []
    monkeypatch.setattr(bell._rung, "wait", waited.append)
    assert bell.wait(asked) is False
    assert waited == [slept]
