"""Metrics of the gradings of the whole installation, read from the database: workers need no port of their own."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from prometheus_client import Counter, Histogram
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.base import now
from app.submissions.models import Run, RunOutcome, StoredEvidence, Submission
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
KILLED = tuple(outcome for outcome in Outcome if outcome not in (Outcome.OK, Outcome.ERROR))
OURS = (Fault.GRADER, Fault.INFRASTRUCTURE)
ENDS = (RunOutcome.FINISHED, RunOutcome.CANCELLED, RunOutcome.INTERRUPTED, RunOutcome.FAULT)
# A series must be there before it grows: what it begins with is no increase to Prometheus.
for _end in ENDS:
    RUNS.labels(_end.value)
for _outcome in KILLED:
    KILLS.labels(_outcome.value)
for _owner in OURS:
    QUESTION_FAULTS.labels(_owner.value)

_OVERLAP = timedelta(minutes=2)
"""A run is stored a moment after the time it says it finished; what was counted already is remembered so long."""
_AT_ONCE = 500


class EndedRuns:
    """Counts each run that ended since this was made, once. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = self._latest = now()
        self._counted: dict[int, datetime] = {}

    def count(self, session: Session) -> None:
        """Count the runs that have ended since the last time."""
        with self._lock:
            since = max(self._begun, self._latest - _OVERLAP)
            self._counted = {run: at for run, at in self._counted.items() if at >= since}
            query = select(Run).where(Run.finished_at >= since).order_by(Run.finished_at)
            runs = [run for run in session.scalars(query) if run.id not in self._counted]
            for start in range(0, len(runs), _AT_ONCE):
                _count(session, runs[start : start + _AT_ONCE])
            for run in runs:
                ended = run.finished_at or since
                self._counted[run.id] = ended
                self._latest = max(self._latest, ended)


def _count(session: Session, runs: Sequence[Run]) -> None:
    measured = [run.id for run in runs if run.reused_run_id is None]
    for run in runs:
        RUNS.labels(run.outcome.value).inc()
        if run.reused_run_id is None:
            for stage, seconds in run.timings.items():
                if isinstance(seconds, int | float):
                    STAGE_SECONDS.labels(stage).observe(seconds)
    for question, seconds in _waits(session, [run.id for run in runs if run.regrade_id is None]):
        VERDICT_SECONDS.labels(question).observe(seconds)
    for outcome, fault in _verdicts(session, measured):
        if outcome in KILLED:
            KILLS.labels(outcome).inc()
        if fault in OURS:
            QUESTION_FAULTS.labels(fault).inc()


def _waits(session: Session, runs: Collection[int]) -> list[tuple[str, float]]:
    """Each question that these runs gave a verdict, and how many seconds after the hand-in."""
    first = func.min(StoredEvidence.measured_at)
    query = select(StoredEvidence.question, Submission.submitted_at, first)
    query = query.join(Submission, StoredEvidence.submission_id == Submission.id)
    query = query.where(StoredEvidence.run_id.in_(runs))
    query = query.group_by(StoredEvidence.run_id, StoredEvidence.question, Submission.submitted_at)
    return [(question, (at - submitted).total_seconds()) for question, submitted, at in session.execute(query)]


def _verdicts(session: Session, runs: Collection[int]) -> Sequence[tuple[str | None, str | None]]:
    """Outcome and fault of every question of these runs, as measured last."""
    last = select(func.max(StoredEvidence.id)).where(StoredEvidence.run_id.in_(runs))
    last = last.group_by(StoredEvidence.run_id, StoredEvidence.question)
    data = StoredEvidence.data
    query = select(data["outcome"].as_string(), data["fault"].as_string()).where(StoredEvidence.id.in_(last))
    return [(outcome, fault) for outcome, fault in session.execute(query)]
