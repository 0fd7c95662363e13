"""How often a grading writes: SQLite has one writer, so each transaction makes every student wait."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, func, select

from app.assignments import service as assignments
from app.db.engine import Database
from app.grading.stages import FirstStage, LaterStage
from app.submissions.models import StoredEvidence
from grader.assignment import Assignment
from grader.sandbox.supervisor import Sandbox
from tests.example_submission import example_submission
from tests.integration.budgets import quick
from tests.integration.service import MODEL
from tests.integration.test_jobs import Course, grader
from tests.integration.test_jobs import course as course
from tests.integration.test_later_stage import ON_SQLITE

FIRST_STAGE = ["claim", "answers and plot", "live model and summary", "loss", "confirmed model and summary", "end"]
"""What the first stage of the example stores, a transaction each. Two of them may come together."""
LATER_STAGE = ["claim", "curve", "end"]


@contextmanager
def counted_writes(database: Database) -> Iterator[list[str]]:
    """One item for each transaction that is committed. Sessions that only read roll back."""
    commits: list[str] = []

    def count(_: object) -> None:
        commits.append("commit")

    event.listen(database.engine, "commit", count)
    yield commits
    event.remove(database.engine, "commit", count)


def submit_example(course: Course) -> uuid.UUID:
    return course.submit_bytes(**{name: part.data for name, part in example_submission().parts.items()})


@ON_SQLITE
def test_stages_of_the_example_write_few_transactions(
    course: Course, sandbox: Sandbox, hw13: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.grading.recorder._PROGRESS_SECONDS", 3600.0)  # a busy machine shows more of its steps
    with course.database.write() as session:
        assignments.publish(session, quick(hw13, ratios="[0.0, 0.9]", distillation_flops="1e9"))
    submission = submit_example(course)
    with counted_writes(course.database) as writes:
        FirstStage(grader(course, sandbox), submission).run()
    assert len(writes) <= len(FIRST_STAGE)
    with course.database.read() as session:
        query = select(StoredEvidence.question, func.count()).group_by(StoredEvidence.question)
        rows = dict(session.execute(query).all())
    # Twice only what readers see before it is confirmed or timed; times that are not steady are not stored.
    most = {"1.1": 2, "1.2": 2, "2.1": 1, "2.2": 1, "3.1": 1, "3.2": 2}
    assert rows.keys() == most.keys()
    assert all(rows[number] <= most[number] for number in most), rows
    with counted_writes(course.database) as writes:
        LaterStage(grader(course, sandbox), submission).run()
    assert len(writes) <= len(LATER_STAGE)


@ON_SQLITE
def test_reused_results_are_written_in_two_transactions(course: Course, sandbox: Sandbox) -> None:
    first, again = (course.submit(model=MODEL, answers='{"2.2": "softer"}') for _ in range(2))
    FirstStage(grader(course, sandbox), first).run()
    with counted_writes(course.database) as writes:
        FirstStage(grader(course, sandbox), again).run()
    assert len(writes) == 2
    assert course.runs(again)[0].reused_run_id is not None
