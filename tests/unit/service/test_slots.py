"""Who may run in a worker: as many at once as it has slots, and more first stages beside slow gradings."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from threading import Event, Thread

import pytest

from app.queue.port import Postponed
from app.worker import slots as worker_slots
from app.worker.slots import MORE_FIRST_STAGES, Slots, extra_first_stages

Slot = Callable[[Callable[[], bool]], AbstractContextManager[bool]]
NEVER_SLOW, SLOW_AT_ONCE = 1e9, 0.0


def first(slots: Slots, student: str) -> Slot:
    return partial(slots.first, student)


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


@pytest.mark.parametrize("number", [1, 2, 4])
def test_there_is_room_for_first_stages_beside_long_jobs(number: int) -> None:
    slots = Slots(number, 1, NEVER_SLOW)
    with ExitStack() as held:
        for _ in range(number):
            assert held.enter_context(slots.long(always))
        assert not has_room(slots.long)
        with slots.first("one", always):
            assert not has_room(first(slots, "other"))
    assert has_room(slots.long)


@pytest.mark.parametrize("number", [1, 2, 4])
def test_quick_first_stages_take_no_more_than_the_slots(number: int) -> None:
    slots = Slots(number, 5, NEVER_SLOW)
    with ExitStack() as held:
        for student in range(number):
            assert held.enter_context(slots.first(student, always))
        assert not has_room(first(slots, "other"))
        assert not has_room(slots.long)
    assert has_room(first(slots, "other"))


@pytest.mark.parametrize(("number", "extra"), [(1, 1), (1, 5), (2, 5), (4, 3)])
def test_slow_first_stages_leave_room_for_others_up_to_a_bound(number: int, extra: int) -> None:
    slots = Slots(number, extra, SLOW_AT_ONCE)
    with ExitStack() as held:
        for student in range(number + extra):
            assert held.enter_context(slots.first(student, always))
            assert has_room(slots.long) == (student < number - 1)
        assert not has_room(first(slots, "other"))
    assert has_room(slots.long)


def test_a_first_stage_becomes_slow_and_lets_the_next_begin() -> None:
    slots = Slots(1, 1, 0.5)
    with slots.first("slow", always):
        assert not has_room(first(slots, "other"))
        other = Waiting(first(slots, "other"))
        assert other.taken.wait(30)
        other.end()


def test_one_student_has_the_slots_and_no_more_beside_the_own_slow_stages() -> None:
    slots = Slots(2, 5, SLOW_AT_ONCE)
    with slots.first("greedy", always), slots.first("greedy", always):
        with pytest.raises(Postponed):
            has_room(first(slots, "greedy"))
        assert has_room(first(slots, "other"))


def test_a_student_waits_in_line_beside_the_own_quick_stage() -> None:
    slots = Slots(1, 5, NEVER_SLOW)
    with slots.first("eager", always):
        assert not has_room(first(slots, "eager"))
    assert has_room(first(slots, "eager"))


def test_first_stages_go_before_long_jobs_and_in_order_of_arrival() -> None:
    slots = Slots(1, 0, NEVER_SLOW)
    with slots.first("early", always):
        longs = [Waiting(slots.long) for _ in range(10)]
        firsts = []
        for student in range(5):
            firsts.append(Waiting(first(slots, str(student))))
            while len(slots._waiting) < len(longs) + len(firsts):
                time.sleep(0.01)
        assert not firsts[0].taken.wait(0.3)
    for number, waiting in enumerate(firsts):
        assert waiting.taken.wait(30)
        assert not any(later.taken.is_set() for later in [*firsts[number + 1 :], *longs])
        waiting.end()
    for long in longs:
        long.enough.set()
    for long in longs:
        long.join(30)
        assert long.taken.is_set()


def test_slot_comes_free_also_after_an_error() -> None:
    slots = Slots(1, 0, NEVER_SLOW)
    for slot in (first(slots, "one"), slots.long):
        with pytest.raises(ZeroDivisionError), slot(always):
            raise ZeroDivisionError
        assert has_room(slot)


def test_who_gave_up_waiting_keeps_nobody_else_waiting() -> None:
    slots = Slots(1, 0, NEVER_SLOW)
    with slots.first("one", always):
        assert not has_room(first(slots, "other"))
    assert has_room(slots.long)


@pytest.mark.parametrize(
    ("memory_mb", "slots", "extra"),
    [(2000, 1, 1), (8000, 2, 1), (16000, 2, 4), (16000, 4, 2), (64000, 8, MORE_FIRST_STAGES)],
)
def test_more_first_stages_run_only_where_they_fit_in_memory(
    monkeypatch: pytest.MonkeyPatch, memory_mb: int, slots: int, extra: int
) -> None:
    monkeypatch.setattr(worker_slots, "memory_mb", lambda: memory_mb)
    assert extra_first_stages(slots, 2560) == extra
