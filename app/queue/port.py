"""The interface of a job engine, so that DBOS can be replaced."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Protocol

from sqlalchemy.orm import Session

from grader.assignment import Assignment

INTERACTIVE = 1
BATCH = 1000
"""Priorities: a lower number goes first, so that a student never waits behind a regrade."""
MEASURING = 500
"""A later stage goes after every first stage: jobs of a minute must not delay first verdicts."""
LAST = 900
"""A student who has used more than the share of the processor goes after all other students, and before regrades."""
_LAST_ATTEMPT = 99


def attempt_priority(earlier: int) -> int:
    """The priority of a submission by how many its student had before it that day.

    No student's second attempt goes before another's first one in the same course.
    """
    return INTERACTIVE + min(earlier, _LAST_ATTEMPT)


class Postponed(Exception):
    """The job cannot begin now; it is enqueued anew after a pause."""


class JobEngine(Protocol):
    """Durable jobs in the service's own database. Every job runs at least once.

    Workers take jobs of each course in turn, and those of one course by priority and order of arrival.
    """

    def enqueue(self, session: Session, submission_id: uuid.UUID, priority: int, assignment: Assignment) -> None:
        """Add the grading of a submission in the caller's transaction: no commit, no job.

        There is no taking back: a job that finds its submission cancelled ends at once.
        """

    def enqueue_measuring(self, session: Session, submission_id: uuid.UUID, assignment: Assignment) -> None:
        """Add the later stage of a grading, behind every first stage and before every regrade."""

    def enqueue_regrade(self, session: Session, regrade_id: uuid.UUID) -> None:
        """Add the computing of a regrade's preview. It takes no place of a grading."""

    def enqueue_remeasure(
        self, session: Session, regrade_id: uuid.UUID, submission_id: uuid.UUID, assignment: Assignment
    ) -> None:
        """Add the measuring of one submission for a regrade, behind every student's submission."""

    def enqueue_trial(self, session: Session, draft_id: uuid.UUID, course: str) -> None:
        """Add the trial of a draft's rubrics, behind every student's submission."""

    def close(self) -> None:
        """Close the engine's connections."""


class Work(Protocol):
    """What a worker does with the jobs that it takes. Calls come from several threads."""

    def grade(self, submission_id: uuid.UUID) -> Callable[[], None] | None:
        """Grade a submission. A slow grading goes on in a thread of its own: the result waits for its end.

        Raises `Postponed`.
        """

    def enqueue_again(self, submission_id: uuid.UUID) -> None:
        """Enqueue the grading of a submission again."""

    def measure(self, submission_id: uuid.UUID) -> None:
        """Do the later stage of a grading."""

    def grade_last(self, submission_id: uuid.UUID) -> None:
        """Grade a submission whose student goes after the others."""

    def measure_last(self, submission_id: uuid.UUID) -> None:
        """Do the later stage of a grading whose student goes after the others."""

    def regrade(self, regrade_id: uuid.UUID) -> None:
        """Compute the preview of a regrade."""

    def remeasure(self, regrade_id: uuid.UUID, submission_id: uuid.UUID) -> None:
        """Measure a submission again for a regrade."""

    def try_rubrics(self, draft_id: uuid.UUID) -> None:
        """Grade the author's own solutions for a draft of an assignment."""
