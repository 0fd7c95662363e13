"""Runs the jobs of the queues in this process, in threads of DBOS."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent import futures
from contextlib import contextmanager

import structlog
from dbos import DBOS, DBOSConfig, WorkflowSerializationFormat

from app.db.engine import make_job_engine
from app.queue import queues
from app.queue.dbos_engine import (
    APPLICATION,
    APPLICATION_VERSION,
    GRADE,
    GRADE_LAST,
    GRADE_SLOW,
    MEASURE,
    MEASURE_LAST,
    REGRADE,
    REMEASURE,
    TRY_RUBRICS,
    DbosJobs,
)
from app.queue.port import Postponed, Work
from app.settings import Settings

log = structlog.get_logger()


class DbosRunner:
    """Takes jobs off the queues in this process, which can have only one runner."""

    def __init__(
        self, settings: Settings, executor: str, work: Work, jobs: DbosJobs, data_sets: Collection[str] = ()
    ) -> None:
        """Start taking the jobs that need no other data sets than these, each in a thread that calls ``work``."""
        self._work = work
        self._jobs = jobs
        self._data_sets = frozenset(data_sets)
        self._engine = make_job_engine(settings)
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_engine": self._engine,
            "executor_id": executor,
            "application_version": APPLICATION_VERSION,
            "log_level": "WARNING",
        }
        DBOS(config=config)
        self._executor = executor
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._strays: dict[str, float] = {}
        self._slow: dict[tuple[str, ...], Callable[[], None]] = {}

        workflows: dict[str, Callable[..., Callable[[], None] | None]] = {
            GRADE: work.grade,
            MEASURE: work.measure,
            GRADE_LAST: work.grade_last,
            MEASURE_LAST: work.measure_last,
            REGRADE: work.regrade,
            REMEASURE: work.remeasure,
            TRY_RUBRICS: work.try_rubrics,
        }
        for name, run in workflows.items():
            self._register(name, run)
        self._grade_slow = self._register(GRADE_SLOW, self._wait_for_slow)
        DBOS.listen_queues(queues.served_by(data_sets))
        DBOS.launch()

    def _register(self, name: str, run: Callable[..., Callable[[], None] | None]) -> Callable[..., None]:
        @DBOS.workflow(name=name, serialization_type=WorkflowSerializationFormat.PORTABLE)
        def workflow(*identifiers: str) -> None:
            job = str(DBOS.workflow_id)
            with self._counted(job):
                # Only a worker that has several data sets serves the queue of jobs that need several.
                if len(self._data_sets) > 1 and not self._data_sets.issuperset(self._jobs.data_sets_of(job)):
                    self._jobs.postpone(job)
                    log.info("postponed a job for another worker", job=job)
                    return
                try:
                    wait = run(*map(uuid.UUID, identifiers))
                except Postponed:
                    self._jobs.postpone(job)
                    return
                if wait is not None:
                    self._leave_queue(identifiers, wait)

        return workflow

    def _leave_queue(self, identifiers: tuple[str, ...], wait: Callable[[], None]) -> None:
        """Let a job outside the queue stand for a slow grading, so that the queue gives this worker the next job.

        When this worker dies, that job is given out as any other. It is started in another thread, since a child of the
        calling job would not be started again when the calling job is repeated.
        """
        self._slow[identifiers] = wait
        try:
            with futures.ThreadPoolExecutor(1) as thread:
                thread.submit(DBOS.start_workflow, self._grade_slow, *identifiers).result()
        except Exception:
            log.exception("a slow grading stays in its queue")
            del self._slow[identifiers]
            wait()

    def _wait_for_slow(self, submission_id: uuid.UUID) -> None:
        """Wait for the end of a slow grading, or enqueue it again when the worker that was at it died."""
        wait = self._slow.pop((str(submission_id),), None)
        if wait is not None:
            wait()
        else:
            self._work.enqueue_again(submission_id)

    @contextmanager
    def _counted(self, job: str) -> Iterator[None]:
        # A job that was given out again while it ran here may run here a second time.
        with self._lock:
            self._running[job] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[job] -= 1
                self._running += Counter()

    def revive(self, patience_seconds: float) -> None:
        """Put jobs back that this executor holds but has not been running for so many seconds.

        DBOS claims a job before it starts it; when the database fails in between, the job would never start.
        """
        moment = time.monotonic()
        strays = [job for job in self._jobs.held_by([self._executor]) if job.workflow_id not in self._running]
        self._strays = {job.workflow_id: self._strays.get(job.workflow_id, moment) for job in strays}
        late = [job for job in strays if moment - self._strays[job.workflow_id] > patience_seconds]
        if late:
            for job in late:
                del self._strays[job.workflow_id]
            log.warning("jobs were claimed and never begun", jobs=len(late))
            self._jobs.put_back(late)

    def stop(self) -> None:
        """Take no more jobs and close the connections. The caller ends the jobs that still run first."""
        DBOS.destroy(destroy_registry=True)
        self._engine.dispose()
