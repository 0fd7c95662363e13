"""What both parts of a grading share."""

from __future__ import annotations

import time

from grader.assignment import Assignment
from grader.context import Grading, Run
from grader.sandbox.supervisor import Sandbox
from grader.submission import HandIn


def test_stage_that_runs_twice_is_told_with_the_seconds_of_both(hw13: Assignment, sandbox: Sandbox) -> None:
    run = Run(hw13, HandIn({}), sandbox, None, lambda: False, Grading())
    for _ in range(2):
        with run.timed("curve"):
            time.sleep(0.05)
    assert run.grading.timings["curve"] >= 0.1
