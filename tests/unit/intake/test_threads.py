"""Two gradings may parse at the same time, although Python's parser is not thread-safe."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from grader import intake
from grader.assignment import bundled

TIMES = 40


@pytest.fixture
def frequent_thread_switches() -> Iterator[None]:
    """Garbage collection runs all the time, and lets the other threads run meanwhile."""

    def switch_thread(*_: object) -> None:
        time.sleep(0)

    before = gc.get_threshold()
    gc.callbacks.append(switch_thread)
    gc.set_threshold(20)
    yield
    gc.set_threshold(*before)
    gc.callbacks.remove(switch_thread)


@pytest.mark.usefixtures("frequent_thread_switches")
def test_trees_of_parallel_threads_are_complete() -> None:
    prelude = bundled("hw13").prelude_source()
    names = intake.defined_names(prelude)

    def read(_: int) -> bool:
        return all(intake.defined_names(prelude) == names for _ in range(TIMES))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(4)))
