"""What both stages of a grading share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from grader.assignment import Assignment
from grader.context import Grading, GradingContext
from grader.sandbox.supervisor import Sandbox
from grader.submission import SubmittedParts


def test_seconds_of_a_stage_that_runs_twice_add_up(hw13: Assignment, sandbox: Sandbox) -> None:
    context = GradingContext(hw13, SubmittedParts({}), sandbox, None, lambda: False, Grading())
    for _ in range(2):
        with context.stage_timer("curve"):
            time.sleep(0.05)
    assert context.grading.timings["curve"] >= 0.1


class StalledChild:
    """A child that was alone for a while, because this process stood still."""

    def __init__(self) -> None:
        self.stalled_seconds = 0.0
        self.seconds = 0.0

    def shorten(self, seconds: float) -> None:
        """Keep the time that the child may take."""
        self.seconds = seconds


class StalledSandbox(Sandbox):
    """Gives out such children."""

    @contextmanager
    def child(self, *_: Any, **__: Any) -> Iterator[Any]:
        """One of them."""
        yield StalledChild()


def test_time_in_which_the_grader_stood_still_is_not_the_submissions(hw13: Assignment) -> None:
    context = GradingContext(hw13, SubmittedParts({}), StalledSandbox(), None, lambda: False, Grading())
    context.limit_wall_time(60)
    with context.open_child(context.limits) as child:
        child.stalled_seconds = 500.0
    with context.open_child(context.limits) as child:
        assert isinstance(child, StalledChild)
        assert 500 < child.seconds <= 560
