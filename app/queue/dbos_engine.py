"""The job engine on DBOS: its tables live in the same database, so a job and its submission commit together.

See https://docs.dbos.dev/python/reference/client.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions, WorkflowSerializationFormat, WorkflowStatus
from dbos._error import DBOSException
from dbos._queue import queue_worker_thread
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.db.engine import Database, make_job_engine
from app.queue import capabilities
from app.queue.port import BATCH, MEASURING, Work
from app.settings import Settings
from grader.assignment import Assignment
from grader.version import GRADER_VERSION

APPLICATION = "assay"
APPLICATION_VERSION = GRADER_VERSION
"""Workers take the jobs of their own version only; `app.worker.chores` takes care of what a version leaves behind."""
QUEUE = "grading"
"""The queue of first parts that every worker can do; see `_queue_name` for those that need data."""
LONG = "measuring"
"""The queue of what takes minutes, likewise: second parts, and measuring for regrades. On a queue of its own it never
takes the place in a worker that a first part needs (`app.worker.slots`)."""
REGRADES = "regrades"
"""A queue of its own: a preview is computed beside the gradings and keeps no student waiting."""
_SELDOM_SECONDS = 0.5
"""Between two looks into a queue where nobody feels the wait: a look that finds nothing costs 3 ms of a core."""
_TOLD = "tells of jobs"
_GRADE, _REGRADE, _REMEASURE = "grade", "regrade", "remeasure"
_MEASURE = "measure"


log = structlog.get_logger()
_END_SECONDS = 10.0
_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_AT_ONCE = 500


def _queue_name(kind: str, data_sets: Collection[str]) -> str:
    """The queue of the jobs that need these data sets: only workers that have them look there."""
    return "+".join([kind, *sorted(data_sets)])


def _queue_of(kind: str, assignment: Assignment) -> str:
    return _queue_name(kind, capabilities.needed_data(assignment))


def _queue_now(job: WorkflowStatus) -> str:
    """Where a job of another version waits in this one: there may have been one queue for all."""
    kind, *data_sets = (job.queue_name or QUEUE).split("+")
    return _queue_name(LONG if kind == QUEUE and job.name in (_MEASURE, _REMEASURE) else kind, data_sets)


class DbosJobs:
    """Puts jobs on the queue and gives those of dead workers out again. Implements `app.queue.port.JobEngine`."""

    def __init__(self, settings: Settings) -> None:
        self._engine = make_job_engine(settings)
        self._client = DBOSClient(system_database_engine=self._engine, application_name=APPLICATION)
        self.tell: Callable[[], None] = lambda: None
        """Called after each commit that put jobs on a queue, in the thread that committed. Must not wait."""

    def enqueue(self, session: Session, submission_id: uuid.UUID, priority: int, assignment: Assignment) -> None:
        """Add the grading of a submission in the caller's transaction."""
        self._enqueue(session, _GRADE, _queue_of(QUEUE, assignment), priority, submission_id)

    def enqueue_measuring(self, session: Session, submission_id: uuid.UUID, assignment: Assignment) -> None:
        """Add the second part of a grading in the caller's transaction."""
        self._enqueue(session, _MEASURE, _queue_of(LONG, assignment), MEASURING, submission_id)

    def enqueue_regrade(self, session: Session, regrade_id: uuid.UUID) -> None:
        """Add the computing of a regrade's preview in the caller's transaction."""
        self._enqueue(session, _REGRADE, REGRADES, BATCH, regrade_id)

    def enqueue_remeasure(
        self, session: Session, regrade_id: uuid.UUID, submission_id: uuid.UUID, assignment: Assignment
    ) -> None:
        """Add the measuring of one submission for a regrade in the caller's transaction."""
        self._enqueue(session, _REMEASURE, _queue_of(LONG, assignment), BATCH, regrade_id, submission_id)

    def _enqueue(self, session: Session, workflow: str, queue: str, priority: int, *arguments: uuid.UUID) -> None:
        options: EnqueueOptions = {
            "workflow_name": workflow,
            "queue_name": queue,
            "app_version": APPLICATION_VERSION,
            "priority": priority,
            "serialization_type": WorkflowSerializationFormat.PORTABLE,
        }
        self._client.enqueue_in_transaction(session, options, *map(str, arguments))
        if not session.info.get(_TOLD):
            session.info[_TOLD] = True
            # Said of savepoints too, which nobody else sees yet.
            event.listen(session, "after_commit", lambda told: told.in_nested_transaction() or self.tell())

    def open_queues(self, slots: int, poll_seconds: float, data_sets: Collection[str] = ()) -> list[str]:
        """Make the queues of a worker that has these data sets, or give them new numbers. Returns their names.

        The numbers say how many jobs a worker takes at once, and how often it looks; they hold for every worker of the
        database. Made before a worker starts, its first job need not wait.
        """
        seldom = max(poll_seconds, _SELDOM_SECONDS)
        queues = {REGRADES: (1, seldom)}
        for chosen in capabilities.subsets(data_sets):
            queues |= {_queue_name(QUEUE, chosen): (slots, poll_seconds), _queue_name(LONG, chosen): (slots, seldom)}
        for name, (at_once, seconds) in queues.items():
            self._client.register_queue(name, worker_concurrency=at_once, polling_interval_sec=seconds)
        return list(queues)

    def give_out_again(self, executors: Collection[str]) -> int:
        """Put the jobs that these dead executors held back on the queue. Returns how many there were.

        Only for executors that a single caller has claimed: a job that somebody took meanwhile would run twice.
        """
        held = self.held_by(executors)
        self.put_back(held)
        return len(held)

    def held_by(self, executors: Collection[str]) -> list[WorkflowStatus]:
        """The jobs that these executors have claimed and not ended."""
        return self._client.list_workflows(
            status="PENDING", executor_id=list(executors), load_input=False, load_output=False
        )

    def put_back(self, held: Collection[WorkflowStatus]) -> None:
        """Let these claimed jobs be claimed again."""
        by_queue: dict[str, list[str]] = defaultdict(list)
        for workflow in held:
            by_queue[workflow.queue_name or QUEUE].append(workflow.workflow_id)
        for queue, workflows in by_queue.items():
            self._client.resume_workflows(workflows, queue_name=queue)

    def adopt(self, database: Database, version: str, *, regrades: bool) -> int:
        """Give the waiting jobs of another version to the workers of this one. Returns how many there were.

        A job is enqueued anew before its old row goes: after a crash in between it runs twice, which is allowed.
        """
        waiting = self._client.list_workflows(status="ENQUEUED", app_version=version, load_output=False)
        taken = [job for job in waiting if regrades or job.name not in (_REGRADE, _REMEASURE)]
        for start in range(0, len(taken), _AT_ONCE):
            batch = taken[start : start + _AT_ONCE]
            with database.write() as session:
                for job in batch:
                    arguments = map(uuid.UUID, job.input["args"] if job.input else ())
                    self._enqueue(session, job.name, _queue_now(job), job.priority or BATCH, *arguments)
            self._client.delete_workflows([job.workflow_id for job in batch])
        return len(taken)

    def active(self) -> set[tuple[str, ...]]:
        """The arguments of every job that waits or runs."""
        jobs = self._client.list_workflows(status=["ENQUEUED", "PENDING", "DELAYED"], load_output=False)
        return {tuple(map(str, job.input["args"])) for job in jobs if job.input}

    def forget_ended(self, before: datetime) -> int:
        """Delete the rows of jobs that ended before this time. Returns how many there were."""
        forgotten = 0
        while ended := self._client.list_workflows(
            status=_ENDED, completed_before=before.isoformat(), limit=_AT_ONCE, load_input=False, load_output=False
        ):
            self._client.delete_workflows([job.workflow_id for job in ended])
            forgotten += len(ended)
        return forgotten

    def close(self) -> None:
        """Give the connections back."""
        self._client.destroy()
        self._engine.dispose()


class _Bell(threading.Event):
    """What the engine's loop over a queue sleeps on between two looks. Set, it ends the loop; rung, it wakes it."""

    def __init__(self, quiet: Callable[[], bool]) -> None:
        """While ``quiet``, the loop sleeps longer than it asked for."""
        super().__init__()
        self._quiet = quiet
        self._rung = threading.Event()

    def ring(self) -> None:
        self._rung.set()

    def set(self) -> None:
        super().set()
        self._rung.set()

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None and self._quiet():
            timeout = max(timeout, _SELDOM_SECONDS)
        self._rung.wait(timeout)
        self._rung.clear()
        return self.is_set()


class DbosRunner:
    """Takes jobs off the queue in this process, which can have only one."""

    def __init__(
        self, settings: Settings, executor: str, work: Work, queues: Collection[str], *, told: bool = False
    ) -> None:
        """Start taking jobs of these queues, each in a thread of its own that calls ``work``. They must be open.

        With ``told``, somebody calls `look` whenever there are new jobs: an idle worker looks by itself only seldom.
        """
        self._engine = make_job_engine(settings)
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_engine": self._engine,
            "executor_id": executor,
            "application_version": APPLICATION_VERSION,
            "log_level": "WARNING",
        }
        self._dbos = DBOS(config=config)
        self._executor = executor
        self._running: Counter[str | None] = Counter()
        self._counting = threading.Lock()
        self._strays: dict[str, float] = {}

        @DBOS.workflow(name=_GRADE, serialization_type=WorkflowSerializationFormat.PORTABLE)
        def grade(submission_id: str) -> None:
            with self._known():
                work.grade(uuid.UUID(submission_id))

        @DBOS.workflow(name=_MEASURE, serialization_type=WorkflowSerializationFormat.PORTABLE)
        def measure(submission_id: str) -> None:
            with self._known():
                work.measure(uuid.UUID(submission_id))

        @DBOS.workflow(name=_REGRADE, serialization_type=WorkflowSerializationFormat.PORTABLE)
        def regrade(regrade_id: str) -> None:
            with self._known():
                work.regrade(uuid.UUID(regrade_id))

        @DBOS.workflow(name=_REMEASURE, serialization_type=WorkflowSerializationFormat.PORTABLE)
        def remeasure(regrade_id: str, submission_id: str) -> None:
            with self._known():
                work.remeasure(uuid.UUID(regrade_id), uuid.UUID(submission_id))

        # The engine's own threads for these queues would sleep through every call: it runs its loop in ours instead.
        DBOS.listen_queues([])
        DBOS.launch()
        self._bells = {name: _Bell(lambda: told and not self._running) for name in queues}
        self._threads = [
            threading.Thread(target=self._take, args=item, name=f"queue {item[0]}", daemon=True)
            for item in self._bells.items()
        ]
        for thread in self._threads:
            thread.start()

    def look(self) -> None:
        """Look for jobs now. Never waits."""
        for bell in self._bells.values():
            bell.ring()

    def _take(self, name: str, bell: _Bell) -> None:
        # The engine's loop over a queue ends where its row is missing, and begins again with it.
        while not bell.is_set():
            try:
                queue = DBOS.retrieve_queue(name)
                if queue is not None:
                    queue_worker_thread(bell, self._dbos, queue)
            except (SQLAlchemyError, DBOSException) as error:
                log.warning("a queue could not be read", queue=name, error=str(error))
            bell.wait(_SELDOM_SECONDS)

    @contextmanager
    def _known(self) -> Iterator[None]:
        workflow = DBOS.workflow_id
        # A job that was given out again while it ran here may run here a second time.
        with self._counting:
            self._running[workflow] += 1
        try:
            yield
        finally:
            with self._counting:
                self._running[workflow] -= 1
                self._running += Counter()

    def revive(self, jobs: DbosJobs, patience: float) -> None:
        """Put jobs back that this executor holds but has not been running for so many seconds.

        The engine claims a job first and starts it then; when the database fails in between, nobody ever would.
        """
        moment = time.monotonic()
        strays = [job for job in jobs.held_by([self._executor]) if job.workflow_id not in self._running]
        self._strays = {job.workflow_id: self._strays.get(job.workflow_id, moment) for job in strays}
        late = [job for job in strays if moment - self._strays[job.workflow_id] > patience]
        if late:
            for job in late:
                del self._strays[job.workflow_id]
            log.warning("jobs were claimed and never begun", jobs=len(late))
            jobs.put_back(late)

    def stop(self) -> None:
        """Take no more jobs and let go of the database. Jobs that still run are the caller's to end first."""
        for bell in self._bells.values():
            bell.set()
        for thread in self._threads:
            thread.join(_END_SECONDS)
        DBOS.destroy(destroy_registry=True)
        self._engine.dispose()
