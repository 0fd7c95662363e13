"""The job engine on DBOS: its tables live in the same database, so a job and its submission commit together.

See https://docs.dbos.dev/python/reference/client.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection

from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions, WorkflowSerializationFormat
from sqlalchemy.orm import Session

from app.db.engine import make_job_engine
from app.jobs.port import BATCH, MEASURING, Work
from app.settings import Settings

APPLICATION = "assay"
APPLICATION_VERSION = "1"
"""Fixed: with a version computed from the code, a new release would leave the waiting jobs of the old one behind."""
QUEUE = "grading"
REGRADES = "regrades"
"""A queue of its own: a preview is computed beside the gradings and keeps no student waiting."""
_GRADE, _REGRADE, _REMEASURE = "grade", "regrade", "remeasure"
_MEASURE = "measure"


class DbosJobs:
    """Puts jobs on the queue and gives those of dead workers out again. Implements `app.jobs.port.JobEngine`."""

    def __init__(self, settings: Settings) -> None:
        self._engine = make_job_engine(settings)
        self._client = DBOSClient(system_database_engine=self._engine, application_name=APPLICATION)

    def enqueue(self, session: Session, submission_id: uuid.UUID, priority: int) -> None:
        """Add the grading of a submission in the caller's transaction."""
        self._enqueue(session, _GRADE, QUEUE, priority, submission_id)

    def enqueue_measuring(self, session: Session, submission_id: uuid.UUID) -> None:
        """Add the second part of a grading in the caller's transaction."""
        self._enqueue(session, _MEASURE, QUEUE, MEASURING, submission_id)

    def enqueue_regrade(self, session: Session, regrade_id: uuid.UUID) -> None:
        """Add the computing of a regrade's preview in the caller's transaction."""
        self._enqueue(session, _REGRADE, REGRADES, BATCH, regrade_id)

    def enqueue_remeasure(self, session: Session, regrade_id: uuid.UUID, submission_id: uuid.UUID) -> None:
        """Add the measuring of one submission for a regrade in the caller's transaction."""
        self._enqueue(session, _REMEASURE, QUEUE, BATCH, regrade_id, submission_id)

    def _enqueue(self, session: Session, workflow: str, queue: str, priority: int, *arguments: uuid.UUID) -> None:
        options: EnqueueOptions = {
            "workflow_name": workflow,
            "queue_name": queue,
            "app_version": APPLICATION_VERSION,
            "priority": priority,
            "serialization_type": WorkflowSerializationFormat.PORTABLE,
        }
        self._client.enqueue_in_transaction(session, options, *map(str, arguments))

    def open_queue(self, slots: int, poll_seconds: float) -> None:
        """Make the queues, or give them new numbers: how many jobs a worker takes at once, and how often it looks.

        The numbers hold for every worker of the database. Made before a worker starts, its first job need not wait.
        """
        self._client.register_queue(QUEUE, worker_concurrency=slots, polling_interval_sec=poll_seconds)
        self._client.register_queue(REGRADES, worker_concurrency=1, polling_interval_sec=poll_seconds)

    def give_out_again(self, executors: Collection[str]) -> int:
        """Put the jobs that these dead executors held back on the queue. Returns how many there were.

        Only for executors that a single caller has claimed: a job that somebody took meanwhile would run twice.
        """
        held = self._client.list_workflows(
            status="PENDING", executor_id=list(executors), load_input=False, load_output=False
        )
        by_queue: dict[str, list[str]] = defaultdict(list)
        for workflow in held:
            by_queue[workflow.queue_name or QUEUE].append(workflow.workflow_id)
        for queue, workflows in by_queue.items():
            self._client.resume_workflows(workflows, queue_name=queue)
        return len(held)

    def close(self) -> None:
        """Give the connections back."""
        self._client.destroy()
        self._engine.dispose()


class DbosRunner:
    """Takes jobs off the queue in this process, which can have only one."""

    def __init__(self, settings: Settings, executor: str, work: Work) -> None:
        """Start taking jobs, each in a thread of its own that calls ``work``. The queues must be open."""
        self._engine = make_job_engine(settings)
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_engine": self._engine,
            "executor_id": executor,
            "application_version": APPLICATION_VERSION,
            "log_level": "WARNING",
        }
        DBOS(config=config)

        @DBOS.workflow(name=_GRADE, serialization_type=WorkflowSerializationFormat.PORTABLE)
        def grade(submission_id: str) -> None:
            work.grade(uuid.UUID(submission_id))

        @DBOS.workflow(name=_MEASURE, serialization_type=WorkflowSerializationFormat.PORTABLE)
        def measure(submission_id: str) -> None:
            work.measure(uuid.UUID(submission_id))

        @DBOS.workflow(name=_REGRADE, serialization_type=WorkflowSerializationFormat.PORTABLE)
        def regrade(regrade_id: str) -> None:
            work.regrade(uuid.UUID(regrade_id))

        @DBOS.workflow(name=_REMEASURE, serialization_type=WorkflowSerializationFormat.PORTABLE)
        def remeasure(regrade_id: str, submission_id: str) -> None:
            work.remeasure(uuid.UUID(regrade_id), uuid.UUID(submission_id))

        DBOS.launch()

    def stop(self) -> None:
        """Take no more jobs and let go of the database. Jobs that still run are the caller's to end first."""
        DBOS.destroy(destroy_registry=True)
        self._engine.dispose()
