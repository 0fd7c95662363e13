"""Store what one try of a run finds, as long as the try is the one that counts."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy.orm import Session

from app.assignments.models import PublishedAssignment
from app.db.engine import Database
from app.grading import repository as runs
from app.grading import tries
from app.scores import computing
from app.submissions import repository
from app.submissions.models import Phase, Run, RunOutcome, Try
from grader.context import QUESTIONS_STAGE
from grader.evidence import Evidence

_QUERY_SECONDS = 0.25
_PROGRESS_SECONDS = 1.0
Subject = TypeVar("Subject")


class StopReason(StrEnum):
    """Why a try has to stop before its end."""

    CANCELLED = "cancelled"
    SHUTDOWN = "shutdown"
    SUPERSEDED = "superseded"


@dataclass(frozen=True)
class HeldTry(Generic[Subject]):
    """A try in a write transaction: its subject is locked, so nothing else ends the try meanwhile."""

    session: Session
    subject: Subject
    run: Run
    row: Try


class RecordedJob(ABC, Generic[Subject]):
    """What a recorder asks of the job that it records. The subject is what the run belongs to."""

    phase: ClassVar[Phase]
    database: Database
    submission_id: uuid.UUID

    @abstractmethod
    def lock(self, session: Session) -> Subject | None:
        """The subject, locked; ``None`` when the run is not wanted any more."""

    @abstractmethod
    def is_cancelled(self, session: Session) -> bool:
        """Whether somebody wants the try to stop."""

    @abstractmethod
    def rubric(self, subject: Subject) -> PublishedAssignment | None:
        """What scores the evidence at once; ``None`` leaves the scores as they are."""

    @abstractmethod
    def notify(self) -> None:
        """Tell readers that something may have changed."""

    @abstractmethod
    def is_stopping(self) -> bool:
        """Whether this worker stops."""


@dataclass
class _Results:
    """What the engine found since the last commit. Digests are hashed before a transaction begins."""

    evidence: dict[str, Evidence] = field(default_factory=dict)
    interim: dict[str, dict[str, Any]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    progress: tuple[str, int, int] | None = None

    def __bool__(self) -> bool:
        return bool(self.evidence or self.interim or self.digests or self.progress)


class Recorder(Generic[Subject]):
    """The engine's observer for one try: stores what belongs together in one transaction."""

    def __init__(self, job: RecordedJob[Subject], run_id: int, try_id: int, log: Any) -> None:
        self.job = job
        self.run_id = run_id
        self.try_id = try_id
        self.log = log
        self.reason: StopReason | None = None
        self._lock = threading.Lock()
        self._last_query = 0.0
        self._last_commit = time.monotonic()
        self._results = _Results()

    def progress(self, stage: str, done: int, total: int) -> None:
        """Keep the progress for the next commit; in a later stage, which has few, commit it once a second.

        A first stage shows its questions, a later one its steps, and a regrade counts submissions.
        """
        shown = {Phase.FIRST: stage == QUESTIONS_STAGE, Phase.LATER: stage != QUESTIONS_STAGE}
        if shown.get(self.job.phase, False):
            self._results.progress = stage, done, total
            if self.job.phase is Phase.LATER and time.monotonic() - self._last_commit >= _PROGRESS_SECONDS:
                self.commit()

    def question(self, number: str, evidence: Evidence) -> None:
        """Keep the evidence of a question. Raises `ChildKilled`: see `tries.require_repeated_kill`."""
        tries.require_repeated_kill(self.job.database, self.run_id, evidence)
        self.keep(number, evidence)

    def keep(self, number: str, evidence: Evidence) -> None:
        """Keep evidence of a question that an earlier run measured."""
        self._results.evidence[number] = evidence
        self._results.interim.pop(number, None)

    def interim(self, number: str, fields: Mapping[str, Any]) -> None:
        """Keep what a later stage has measured so far of a question; the next progress shows it."""
        if self.job.phase is Phase.LATER:
            self._results.interim[number] = computing.json_safe(dict(fields))

    def picture(self, data: bytes) -> None:
        """Keep the re-encoded plot."""
        self._keep_file("picture_sha256", data)

    def artefact(self, data: bytes) -> None:
        """Keep the model as it was exported."""
        self._keep_file("artefact_sha256", data)

    def _keep_file(self, column: str, data: bytes) -> None:
        digest = hashlib.sha256(data).hexdigest()
        self._results.digests[column] = digest
        self._results.blobs[digest] = data

    def commit(self) -> None:
        """Store what was found since the last commit."""
        if self._results:
            with self.held():
                self._last_commit = time.monotonic()
            self.job.notify()

    @contextmanager
    def held(self) -> Iterator[HeldTry[Subject] | None]:
        """A transaction that stores what was found; ``None`` when the try has lost its run, or is not wanted any more.

        The former happens to a worker that counted as dead and comes back.
        """
        with self.job.database.write() as session:
            held = self._hold(session)
            if held is not None:
                self._store(held)
            yield held

    def _hold(self, session: Session) -> HeldTry[Subject] | None:
        subject = self.job.lock(session)
        run, row = repository.load_run(session, self.run_id), runs.load_try(session, self.try_id)
        if row.outcome is not RunOutcome.RUNNING:
            self.reason = StopReason.SUPERSEDED
            return None
        if subject is None:
            self.reason = StopReason.CANCELLED
            tries.end(run, row, RunOutcome.CANCELLED)
            return None
        return HeldTry(session, subject, run, row)

    def _store(self, held: HeldTry[Subject]) -> None:
        results, self._results = self._results, _Results()
        if results.blobs:
            repository.store_blobs(held.session, results.blobs)
        for column, digest in results.digests.items():
            setattr(held.run, column, digest)
        if results.progress is not None:
            held.run.stage, held.run.stage_done, held.run.stage_total = results.progress
        earlier = {number: held.run.interim[number] for number in held.run.interim.keys() - results.evidence.keys()}
        held.run.interim = earlier | results.interim
        rows = computing.store_evidence(held.session, held.run, results.evidence)
        rubric = self.job.rubric(held.subject)
        if rubric is not None:
            scores = computing.store_scores(held.session, rows, results.evidence, rubric)
            for number, score in scores.items():
                self.log.info("question", number=number, verdict=score.verdict.value, score=score.score)
            if results:
                held.session.flush()
                repository.touch(held.session, self.job.submission_id)

    def cancelled(self) -> bool:
        """Whether to stop; `reason` says why. Queries the database a few times a second."""
        if self.reason is None and self.job.is_stopping():
            self.reason = StopReason.SHUTDOWN
        with self._lock:
            moment = time.monotonic()
            is_due = self.reason is None and moment - self._last_query >= _QUERY_SECONDS
            if is_due:
                self._last_query = moment
        if is_due:
            self.reason = self._query_stop_reason()
        return self.reason is not None

    def _query_stop_reason(self) -> StopReason | None:
        with self.job.database.read() as session:
            if not runs.is_running(session, self.try_id):
                return StopReason.SUPERSEDED
            return StopReason.CANCELLED if self.job.is_cancelled(session) else None
