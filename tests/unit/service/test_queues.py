"""Which queues there are, who serves them, and how often."""

from __future__ import annotations

import pytest

from app.queue import queues
from app.queue.port import MEASURING, attempt_priority
from app.queue.queues import Terms


def test_no_number_of_attempts_puts_a_first_stage_behind_later_stages() -> None:
    assert [attempt_priority(earlier) for earlier in (0, 1, 2)] == [1, 2, 3]
    assert attempt_priority(10_000) < MEASURING


def test_queues_grow_by_one_of_each_kind_with_each_data_set() -> None:
    counts = [len(queues.served_by([f"set-{number}" for number in range(size)])) for size in range(12)]
    assert counts == [3, 5, *(2 * size + 5 for size in range(2, 12))]


@pytest.mark.parametrize(
    ("data_sets", "name"),
    [([], "grading"), (["a"], "grading+a"), (["a", "b"], "grading/several data sets")],
)
def test_a_worker_with_the_data_sets_of_a_job_serves_its_queue(data_sets: list[str], name: str) -> None:
    assert queues.name_of(queues.FIRST, data_sets) == name
    assert name in queues.served_by([*data_sets, "other"])
    assert (name in queues.served_by(["other"])) is (data_sets == [])


@pytest.mark.parametrize(
    ("old", "is_long", "new", "data_sets"),
    [
        ("grading", False, "grading", []),
        ("grading", True, "measuring", []),
        ("regrades", False, "regrades", []),
        ("measuring+a", True, "measuring+a", ["a"]),
        ("grading+a+b", False, "grading/several data sets", ["a", "b"]),
        ("measuring+a+b+c", True, "measuring/several data sets", ["a", "b", "c"]),
        ("grading/several data sets", False, "grading/several data sets", []),
    ],
)
def test_a_job_in_a_queue_of_an_older_version_has_a_queue_in_this_one(
    old: str, is_long: bool, new: str, data_sets: list[str]
) -> None:
    assert queues.current_name(old, is_long=is_long) == (new, data_sets)


def test_idle_workers_poll_less_often_and_never_more_often_than_the_setting_says() -> None:
    needs = [["a"], ["a", "b"], ["b", "c"]]
    busy = queues.terms(needs, 4, 0.05, is_busy=True)
    assert busy == {
        "regrades": Terms(1, 0.5),
        "grading": Terms(4, 0.05),
        "grading+a": Terms(4, 0.05),
        "grading/several data sets": Terms(4, 0.05),
        "measuring": Terms(4, 0.5),
        "measuring+a": Terms(4, 0.5),
        "measuring/several data sets": Terms(4, 0.5),
    }
    idle = queues.terms(needs, 4, 0.05, is_busy=False)
    assert idle.keys() == busy.keys()
    assert all(idle[name].poll_seconds > busy[name].poll_seconds for name in busy)
    rare = [queues.terms(needs, 4, 10.0, is_busy=is_busy).values() for is_busy in (True, False)]
    assert {terms.poll_seconds for several in rare for terms in several} == {10.0}
