"""Each run is counted once, also one that is stored late, and none that ended before the process started."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import insert

from app.api.run_metrics import RunMetrics
from app.db.base import now
from app.db.engine import Database
from app.submissions.models import Run, RunOutcome, StoredEvidence
from tests.unit.exports.golden_class import SUBMISSIONS, open_class


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """A small class whose own runs have no end."""
    with open_class() as opened:
        yield opened


def add(database: Database, seconds_ago: float, *evidence: dict[str, Any], **fields: Any) -> None:
    """A run that ended a while ago and is stored now."""
    submission: uuid.UUID = SUBMISSIONS[0]["id"]
    with database.write() as session:
        run = {"submission_id": submission, "assignment_id": 1, "grader_version": "1", "executor": "test"}
        run |= {"content_key": "0" * 64, "number": uuid.uuid4().int % 2**31, "outcome": RunOutcome.FINISHED}
        run |= {"finished_at": now() - timedelta(seconds=seconds_ago), "timings": {"model": 1.5, "total": 2}}
        (identifier,) = session.execute(insert(Run).values(**run | fields).returning(Run.id)).one()
        for data in evidence:
            of = {"run_id": identifier, "submission_id": submission, "schema_version": 1, "question": data["q"]}
            if "at" in data:
                of["measured_at"] = data.pop("at")
            session.execute(insert(StoredEvidence).values(**of, data=data))


def value(name: str, **labels: str) -> float:
    """A sample as it stands."""
    return REGISTRY.get_sample_value(name, labels) or 0


def test_each_run_is_counted_once(database: Database) -> None:
    before = value("assay_runs_ended_total", outcome="finished"), value("assay_stage_seconds_count", stage="model")
    metrics = RunMetrics()
    add(database, 3600)
    add(database, -0.01)
    for stored_late in (0, -1, 1):
        with database.read() as session:
            metrics.update(session)
        add(database, stored_late - 2)
    with database.read() as session:
        metrics.update(session)
        metrics.update(session)
    increase = value("assay_runs_ended_total", outcome="finished") - before[0]
    assert increase == 4, "not what ended an hour before"
    assert value("assay_stage_seconds_count", stage="model") - before[1] == 4


def test_kills_and_faults_are_those_that_were_measured_last(database: Database) -> None:
    kills, ours = (
        value("assay_sandbox_kills_total", reason="timeout"),
        value("assay_question_faults_total", owner="grader"),
    )
    metrics = RunMetrics()
    first, last = {"q": "1", "outcome": "timeout"}, {"q": "1", "outcome": "ok"}
    add(database, -1, first, last, {"q": "2", "outcome": "timeout", "fault": "student"}, {"q": "3", "fault": "grader"})
    add(database, -1, {"q": "2", "outcome": "timeout"}, reused_run_id=1)
    with database.read() as session:
        metrics.update(session)
    assert value("assay_sandbox_kills_total", reason="timeout") - kills == 1
    assert value("assay_question_faults_total", owner="grader") - ours == 1


def test_the_first_verdict_of_a_question_is_timed_from_the_submission(database: Database) -> None:
    labels = {"question": "timed"}
    before = value("assay_verdict_seconds_count", **labels), value("assay_verdict_seconds_sum", **labels)
    submitted = SUBMISSIONS[0]["submitted_at"]
    metrics = RunMetrics()
    steps = [{"q": "timed", "at": submitted + timedelta(seconds=seconds)} for seconds in (7, 3, 1)]
    add(database, -1, *steps[:2])
    add(database, -1, steps[2], regrade_id=uuid.uuid4())
    with database.read() as session:
        metrics.update(session)
    assert value("assay_verdict_seconds_count", **labels) - before[0] == 1, "not what a regrade measured"
    assert value("assay_verdict_seconds_sum", **labels) - before[1] == pytest.approx(3)
