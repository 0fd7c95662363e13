"""Who may run in a worker: as many at once as it has slots, and one first part more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from threading import Event, Thread

import pytest

from app.worker.slots import Slots

Slot = Callable[[Callable[[], bool]], AbstractContextManager[bool]]


def has_room(slot: Slot) -> bool:
    """Whether one more could begin now."""
    looks = iter([True, False])
    with slot(lambda: next(looks)) as taken:
        return taken


def always() -> bool:
    return True


class Waiting(Thread):
    """Somebody who waits for a slot, and keeps it until told."""

    def __init__(self, slot: Slot) -> None:
        super().__init__(daemon=True)
        self._slot = slot
        self.taken, self.enough = Event(), Event()
        self.start()

    def run(self) -> None:
        """Take the slot."""
        with self._slot(always):
            self.taken.set()
            self.enough.wait(30)

    def end(self) -> None:
        """Give the slot back."""
        self.enough.set()
        self.join(30)


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_there_is_always_room_for_a_first_part_beside_long_ones(slots: int) -> None:
    places = Slots(slots)
    with ExitStack() as held:
        for _ in range(slots):
            assert held.enter_context(places.long(always))
        assert not has_room(places.long)
        assert has_room(places.first)
        with places.first(always):
            assert not has_room(places.first)
    assert has_room(places.long)


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_first_parts_alone_take_no_more_than_the_slots(slots: int) -> None:
    places = Slots(slots)
    with ExitStack() as held:
        for _ in range(slots):
            assert held.enter_context(places.first(always))
        assert not has_room(places.first)
        assert not has_room(places.long)
    assert has_room(places.first)


def test_first_part_that_waits_goes_before_long_ones_that_waited_longer() -> None:
    places = Slots(1)
    with places.first(always):
        longs = [Waiting(places.long) for _ in range(10)]
        first = Waiting(places.first)
        assert not first.taken.wait(0.3)
    assert first.taken.wait(30)
    assert not any(long.taken.is_set() for long in longs)
    first.end()
    for long in longs:
        long.enough.set()
    for long in longs:
        long.join(30)
        assert long.taken.is_set()


def test_slot_comes_free_also_after_an_error() -> None:
    places = Slots(1)
    for slot in (places.first, places.long):
        with pytest.raises(ZeroDivisionError), slot(always):
            raise ZeroDivisionError
        assert has_room(slot)


def test_who_gave_up_waiting_keeps_nobody_else_waiting() -> None:
    places = Slots(1)
    with places.first(always):
        assert not has_room(places.first)
    assert has_room(places.long)
