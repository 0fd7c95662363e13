"""The later stage of a grading: what takes up to a minute of one core and changes no points, such as the pruning curve.

It is a job of its own if there is a queue. It needs only the submission, the evidence and the artefact of the first
stage: an error of ours in here, or a lost machine, leaves the report without these measurements and changes nothing
else.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from grader import remaining
from grader.assignment import Assignment, Question
from grader.checks import registry
from grader.context import Grading, GradingContext, Observer
from grader.evidence import Evidence, Fault
from grader.sandbox.supervisor import Sandbox
from grader.submission import SubmittedParts


def is_due(assignment: Assignment, submission: SubmittedParts, grading: Grading) -> bool:
    """Whether the later stage has anything to do."""
    return bool(remaining.due(assignment, submission.parts, grading.evidence))


def run(
    assignment: Assignment,
    submission: SubmittedParts,
    grading: Grading,
    sandbox: Sandbox,
    observer: Observer | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Add to the grading what the first stage left out. Raises `InfrastructureFault` and `Cancelled`."""
    begin = time.perf_counter()
    context = GradingContext(assignment, submission, sandbox, observer, is_cancelled, grading)
    # Minutes instead of seconds, because no verdict waits for this stage.
    context.measuring_limits = context.limits.override(sandbox.policy.measuring)

    def record_loss(question: Question) -> None:
        evidence = grading.evidence[question.number]
        context.record_evidence(question, registry.of(question).without_later(question, evidence, Fault.GRADER))

    for question in remaining.due(assignment, submission.parts, grading.evidence):
        with context.contain_faults(question, record_loss):
            registry.of(question).later(context, question)
    seconds = time.perf_counter() - begin
    grading.timings |= {"measuring": seconds, "total": grading.timings.get("total", 0.0) + seconds}


def mark_lost(
    assignment: Assignment, submission: SubmittedParts, grading: Grading, fault: Fault
) -> dict[str, Evidence]:
    """The evidence, by question, of a later stage that was lost through no fault of the student's."""
    return remaining.without_later(assignment, submission.parts, grading.evidence, fault)
