"""The job engine on DBOS: its tables live in the same database, so a job and its submission commit together.

See https://docs.dbos.dev/python/reference/client.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from dbos import DBOSClient, EnqueueOptions, Queue, WorkflowSerializationFormat, WorkflowStatus
from sqlalchemy.orm import Session

from app.courses.names import FIRST as FIRST_COURSE
from app.courses.names import course_of
from app.db.base import now
from app.db.engine import Database, make_job_engine
from app.queue import capabilities, queues
from app.queue.port import BATCH, LAST, MEASURING
from app.settings import Settings
from grader.assignment import Assignment
from grader.version import GRADER_VERSION

APPLICATION = "assay"
APPLICATION_VERSION = GRADER_VERSION
"""Workers take the jobs of their own version only; `app.worker.chores` takes care of what a version leaves behind."""
GRADE, MEASURE, REGRADE, REMEASURE, TRY_RUBRICS = "grade", "measure", "regrade", "remeasure", "try rubrics"
GRADE_LAST, MEASURE_LAST = "grade last", "measure last"
GRADE_SLOW = "grade slow"
"""Names of workflows, as the database has them. Those with "last" are of students who have used more than their share;
"grade slow" stands for a slow first stage while it runs."""
_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_ACTIVE = ["ENQUEUED", "PENDING", "DELAYED"]
_DATA_SETS = "data_sets"
_BATCH_SIZE = 500
_POSTPONE_SECONDS = 5.0
_BUSY = timedelta(minutes=10)
"""How long after the newest job workers still poll often."""


class DbosJobs:
    """Puts jobs on the queue and gives those of dead workers out again. Implements `app.queue.port.JobEngine`."""

    def __init__(self, settings: Settings) -> None:
        self._engine = make_job_engine(settings)
        self._client = DBOSClient(system_database_engine=self._engine, application_name=APPLICATION)

    def enqueue(self, session: Session, submission_id: uuid.UUID, priority: int, assignment: Assignment) -> None:
        """Add the grading of a submission in the caller's transaction."""
        self._enqueue_for(session, GRADE, queues.FIRST, priority, assignment, submission_id)

    def enqueue_measuring(self, session: Session, submission_id: uuid.UUID, assignment: Assignment) -> None:
        """Add the later stage of a grading in the caller's transaction."""
        self._enqueue_for(session, MEASURE, queues.LONG, MEASURING, assignment, submission_id)

    def enqueue_last(
        self, session: Session, submission_id: uuid.UUID, assignment: Assignment, *, is_later_stage: bool
    ) -> None:
        """Add a stage of a grading behind those of all other students, among the jobs of minutes."""
        workflow = MEASURE_LAST if is_later_stage else GRADE_LAST
        self._enqueue_for(session, workflow, queues.LONG, LAST, assignment, submission_id)

    def enqueue_regrade(self, session: Session, regrade_id: uuid.UUID) -> None:
        """Add the computing of a regrade's preview in the caller's transaction."""
        self._enqueue(session, _options(REGRADE, queues.REGRADES, BATCH, FIRST_COURSE), regrade_id)

    def enqueue_remeasure(
        self, session: Session, regrade_id: uuid.UUID, submission_id: uuid.UUID, assignment: Assignment
    ) -> None:
        """Add the measuring of one submission for a regrade in the caller's transaction."""
        self._enqueue_for(session, REMEASURE, queues.LONG, BATCH, assignment, regrade_id, submission_id)

    def enqueue_trial(self, session: Session, draft_id: uuid.UUID, course: str) -> None:
        """Add the trial of a draft's rubrics in the caller's transaction."""
        self._enqueue(session, _options(TRY_RUBRICS, queues.LONG, BATCH, course), draft_id)

    def _enqueue_for(
        self,
        session: Session,
        workflow: str,
        kind: str,
        priority: int,
        assignment: Assignment,
        *identifiers: uuid.UUID,
    ) -> None:
        data_sets = capabilities.needed_data(assignment)
        queue = queues.name_of(kind, data_sets)
        options = _options(workflow, queue, priority, course_of(assignment.slug), data_sets)
        self._enqueue(session, options, *identifiers)

    def _enqueue(self, session: Session, options: EnqueueOptions, *identifiers: uuid.UUID | str) -> None:
        self._client.enqueue_in_transaction(session, options, *map(str, identifiers))

    def open_queues(
        self, needs: Iterable[Collection[str]], courses: Collection[str], slots: int, poll_seconds: float
    ) -> None:
        """Make the queues for assignments with these needs and set their terms, for all workers of the database.

        The queues are shared by course when there are several. A queue that none of these assignments needs is deleted
        once it holds no job.
        """
        newest = (now() - _BUSY).isoformat()
        is_busy = bool(self._client.list_workflows(start_time=newest, limit=1, load_input=False, load_output=False))
        wanted = queues.terms(needs, slots, poll_seconds, is_busy=is_busy)
        registered = {queue.name: queue for queue in self._client.list_queues()}
        for name, terms in wanted.items():
            queue = registered.pop(name, None)
            share = terms.concurrency if self._is_shared(name, queue, courses) else None
            wanted_terms = (terms.concurrency, share, terms.poll_seconds)
            if queue is None or wanted_terms != (
                queue.worker_concurrency,
                queue.partition_worker_concurrency,
                queue.polling_interval_sec,
            ):
                self._client.register_queue(
                    name,
                    worker_concurrency=terms.concurrency,
                    partition_worker_concurrency=share,
                    polling_interval_sec=terms.poll_seconds,
                )
        for name in registered:
            if not self._client.list_workflows(status=_ACTIVE, queue_name=name, limit=1, load_input=False):
                self._client.delete_queue(name)

    def _is_shared(self, name: str, queue: Queue | None, courses: Collection[str]) -> bool:
        """Whether workers take jobs of this queue from each course in turn, and not from the queue as a whole.

        A shared queue gives out no job without a course: those of older versions end first.
        """
        if name == queues.REGRADES or len(courses) < 2:
            return False
        if queue is not None and queue.partition_worker_concurrency is not None:
            return True
        active = self._client.list_workflows(status=_ACTIVE, queue_name=name, load_input=False, load_output=False)
        return all(job.queue_partition_key for job in active)

    def data_sets_of(self, job: str) -> list[str]:
        """The data sets that a job names because it needs several."""
        return _current_queue(self._client.retrieve_workflow(job).get_status())[1]

    def postpone(self, job: str) -> None:
        """Enqueue a running job anew after a pause, for a worker that has its data sets."""
        status = self._client.retrieve_workflow(job).get_status()
        queue, data_sets = _current_queue(status)
        options = _options(status.name, queue, status.priority or BATCH, _course(status), data_sets)
        options["delay_seconds"] = _POSTPONE_SECONDS
        self._client.enqueue(options, *(status.input["args"] if status.input else ()))

    def give_out_again(self, executors: Collection[str]) -> int:
        """Put the jobs that these dead executors held back on the queue. Returns how many there were.

        Call it only after claiming these executors: otherwise two callers would enqueue the same job.
        """
        jobs = self.held_by(executors)
        self.put_back(jobs)
        return len(jobs)

    def held_by(self, executors: Collection[str]) -> list[WorkflowStatus]:
        """The jobs that these executors have claimed and not ended."""
        return self._client.list_workflows(
            status="PENDING", executor_id=list(executors), load_input=False, load_output=False
        )

    def put_back(self, held: Collection[WorkflowStatus]) -> None:
        """Let these claimed jobs be claimed again."""
        by_queue: dict[str, list[str]] = defaultdict(list)
        for workflow in held:
            # A job outside any queue, for a slow grading, has no course, which a shared queue asks for.
            by_queue[workflow.queue_name or queues.REGRADES].append(workflow.workflow_id)
        for queue, workflows in by_queue.items():
            self._client.resume_workflows(workflows, queue_name=queue)

    def adopt(self, database: Database, version: str, *, regrades: bool) -> int:
        """Give the waiting jobs of another version to the workers of this one. Returns how many there were.

        A job is enqueued anew before its old row is deleted: after a crash in between it runs twice, which is allowed.
        """
        waiting = self._client.list_workflows(status="ENQUEUED", app_version=version, load_output=False)
        adopted = [job for job in waiting if regrades or job.name not in (REGRADE, REMEASURE)]
        for start in range(0, len(adopted), _BATCH_SIZE):
            batch = adopted[start : start + _BATCH_SIZE]
            with database.write() as session:
                for job in batch:
                    queue, data_sets = _current_queue(job)
                    options = _options(job.name, queue, job.priority or BATCH, _course(job), data_sets)
                    self._enqueue(session, options, *(job.input["args"] if job.input else ()))
            self._client.delete_workflows([job.workflow_id for job in batch])
        return len(adopted)

    def rename_queues(self) -> None:
        """Move the waiting jobs of this version out of queues that have other names by now.

        A version of Assay in development changes its queues without a new number.
        """
        moved: dict[str, list[str]] = defaultdict(list)
        for job in self._client.list_workflows(
            status="ENQUEUED", app_version=APPLICATION_VERSION, load_input=False, load_output=False
        ):
            queue, data_sets = _current_queue(job)
            if queue != job.queue_name:
                self._client.update_workflow_attributes(job.workflow_id, {_DATA_SETS: data_sets})
                moved[queue].append(job.workflow_id)
        for queue, jobs in moved.items():
            self._client.resume_workflows(jobs, queue_name=queue)

    def active(self) -> set[tuple[str, ...]]:
        """The arguments of every job that waits or runs."""
        jobs = self._client.list_workflows(status=_ACTIVE, load_output=False)
        return {tuple(map(str, job.input["args"])) for job in jobs if job.input}

    def forget_ended(self, before: datetime) -> int:
        """Delete the rows of jobs that ended before this time. Returns how many there were."""
        forgotten = 0
        while ended := self._client.list_workflows(
            status=_ENDED, completed_before=before.isoformat(), limit=_BATCH_SIZE, load_input=False, load_output=False
        ):
            self._client.delete_workflows([job.workflow_id for job in ended])
            forgotten += len(ended)
        return forgotten

    def close(self) -> None:
        """Close the connections."""
        self._client.destroy()
        self._engine.dispose()


def _options(workflow: str, queue: str, priority: int, course: str, data_sets: Collection[str] = ()) -> EnqueueOptions:
    options: EnqueueOptions = {
        "workflow_name": workflow,
        "queue_name": queue,
        "app_version": APPLICATION_VERSION,
        "priority": priority,
        "queue_partition_key": course,
        "serialization_type": WorkflowSerializationFormat.PORTABLE,
    }
    if queues.needs_several(queue):
        options["attributes"] = {_DATA_SETS: list(data_sets)}
    return options


def _course(job: WorkflowStatus) -> str:
    """The course of a job. Versions before courses named none."""
    return job.queue_partition_key or FIRST_COURSE


def _current_queue(job: WorkflowStatus) -> tuple[str, list[str]]:
    """Where a job of any version waits in this one, and the data sets that it needs."""
    queue, data_sets = queues.current_name(job.queue_name or queues.FIRST, is_long=job.name in (MEASURE, REMEASURE))
    return queue, data_sets or list((job.attributes or {}).get(_DATA_SETS, ()))
