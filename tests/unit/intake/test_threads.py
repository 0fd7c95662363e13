"""Two gradings read at the same moment, and Python's parser is not made for that."""

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
def interrupted() -> Iterator[None]:
    """Garbage is looked for all the time, and the other thread goes on meanwhile."""

    def let_others_on(*_: object) -> None:
        time.sleep(0)

    before = gc.get_threshold()
    gc.callbacks.append(let_others_on)
    gc.set_threshold(20)
    yield
    gc.set_threshold(*before)
    gc.callbacks.remove(let_others_on)


@pytest.mark.usefixtures("interrupted")
def test_trees_that_are_made_at_once_are_whole() -> None:
    prelude = bundled("hw13").prelude_source()
    names = intake.defined_names(prelude)

    def read(_: int) -> bool:
        return all(intake.defined_names(prelude) == names for _ in range(TIMES))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(4)))
