"""Metrics of all gradings, read from the database, so that workers need no port for Prometheus."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from prometheus_client import Counter, Histogram
from sqlalchemy.orm import Session

from app.db.base import now
from app.submissions import statistics_repository as statistics
from app.submissions.models import Run, RunOutcome
from grader.evidence import Fault, Outcome

RUNS = Counter("assay_runs_ended", "Runs of the installation that ended since this process began to watch", ["outcome"])
STAGE_SECONDS = Histogram(
    "assay_stage_seconds",
    "Seconds of the stages of the installation's runs",
    ["stage"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120),
)
VERDICT_SECONDS = Histogram(
    "assay_verdict_seconds",
    "Seconds from the submission to a question's first verdict",
    ["question"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300),
)
KILLS = Counter("assay_sandbox_kills", "Sandbox children that were stopped or died", ["reason"])
QUESTION_FAULTS = Counter("assay_question_faults", "Questions without a verdict because of our own fault", ["owner"])
_KILLED = tuple(outcome for outcome in Outcome if outcome not in (Outcome.OK, Outcome.ERROR))
_OUR_FAULTS = (Fault.GRADER, Fault.INFRASTRUCTURE)
_ENDS = (RunOutcome.FINISHED, RunOutcome.CANCELLED, RunOutcome.INTERRUPTED, RunOutcome.FAULT)
# Start every series at 0: Prometheus sees no increase in the first value of a series.
for _end in _ENDS:
    RUNS.labels(_end.value)
for _outcome in _KILLED:
    KILLS.labels(_outcome.value)
for _owner in _OUR_FAULTS:
    QUESTION_FAULTS.labels(_owner.value)

_OVERLAP = timedelta(minutes=2)
"""A run is stored a moment after its ``finished_at``, so each update looks this far back and skips counted runs."""
_RUNS_PER_QUERY = 500


class RunMetrics:
    """Counts each run that ended since this object was made, once. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._start = self._latest = now()
        self._counted: dict[int, datetime] = {}

    def update(self, session: Session) -> None:
        """Count the runs that have ended since the last update."""
        with self._lock:
            since = max(self._start, self._latest - _OVERLAP)
            self._counted = {run: at for run, at in self._counted.items() if at >= since}
            runs = [run for run in statistics.finished_since(session, since) if run.id not in self._counted]
            for start in range(0, len(runs), _RUNS_PER_QUERY):
                _count(session, runs[start : start + _RUNS_PER_QUERY])
            for run in runs:
                finished_at = run.finished_at or since
                self._counted[run.id] = finished_at
                self._latest = max(self._latest, finished_at)


def _count(session: Session, runs: Sequence[Run]) -> None:
    measured = [run for run in runs if run.reused_run_id is None]
    for run in runs:
        RUNS.labels(run.outcome.value).inc()
    for run in measured:
        for stage, seconds in run.timings.items():
            if isinstance(seconds, int | float):
                STAGE_SECONDS.labels(stage).observe(seconds)
    first_runs = [run.id for run in runs if run.regrade_id is None]
    for question, seconds in statistics.first_verdict_seconds(session, first_runs):
        VERDICT_SECONDS.labels(question).observe(seconds)
    for outcome, fault in statistics.last_outcomes(session, [run.id for run in measured]):
        if outcome in _KILLED:
            KILLS.labels(outcome).inc()
        if fault in _OUR_FAULTS:
            QUESTION_FAULTS.labels(fault).inc()
