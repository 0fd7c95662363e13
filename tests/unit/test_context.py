"""What both stages of a grading share."""

from __future__ import annotations

import time

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
