"""A worker: the sandbox, the threads that grade, and the process around them."""

from __future__ import annotations

import gc
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from app import logs, lti
from app.db import migrate, outage
from app.db.engine import Database
from app.drafts.trial import RubricTrials
from app.grading.jobs import Grader, PhaseJob
from app.grading.stages import FirstStage, LaterStage
from app.queue import capabilities
from app.queue.dbos_engine import DbosJobs
from app.queue.dbos_runner import DbosRunner
from app.regrades.preview import Previewer
from app.regrades.remeasuring import Remeasurement
from app.settings import Settings
from app.submissions import repository as submissions
from app.submissions.change_notifier import ChangeNotifier
from app.worker.executor import ExecutorId
from app.worker.heartbeat import Heartbeat
from app.worker.share import Shares
from app.worker.slots import SLOW_SECONDS, Slots, extra_first_stages
from grader import data
from grader.sandbox.supervisor import Sandbox

if TYPE_CHECKING:
    from app.lti.sender import Sender

log = structlog.get_logger()
Slot = Callable[[Callable[[], bool]], AbstractContextManager[bool]]


class Worker:
    """Grades submissions in this process, as many at once as `Slots` lets. Implements `app.queue.port.Work`."""

    def __init__(
        self,
        settings: Settings,
        sandbox: Sandbox,
        database: Database,
        notifier: ChangeNotifier,
        jobs: DbosJobs,
    ) -> None:
        self.settings = settings
        self.database = database
        self.notifier = notifier
        self.jobs = jobs
        self.sandbox = sandbox
        self.ready = False
        self._stopping = False
        # A queue has one number of jobs at once for all its workers, the largest; this one holds for this process.
        extra = extra_first_stages(settings.workers, sandbox.policy.limits.memory_mb)
        self._slots = Slots(settings.workers, extra)
        self._threads = futures.ThreadPoolExecutor(settings.workers + extra, "first stage")
        self._shares = Shares(database, settings.student_seconds)
        self._busy = 0
        self._idle = threading.Condition()

    def start(self) -> None:
        """Start the sandbox, then take jobs.

        Raises `FloorNotMet`, `InfrastructureFault` or `ExecutorIdTaken`: then nothing was taken.
        """
        data.use(self.settings.data_dir)
        report = self.sandbox.start()
        self._executor = ExecutorId(self.settings)
        self._heartbeat = Heartbeat(self.settings, self.database, self.jobs, self._executor.name)
        self._heartbeat.start(report)
        self._grader = Grader(
            self.database, self.notifier, self.jobs, self.sandbox, self._executor.name, self._is_stopping
        )
        self._previewer = Previewer(self.database, self.jobs, self._is_stopping)
        self._trials = RubricTrials(self.database, self.jobs, self.sandbox, self._is_stopping)
        data_sets = capabilities.imported_data(self.settings.data_dir)
        # A queue that exists before the runner starts is served at once; of a later one DBOS learns within a second.
        self._heartbeat.chores.open_queues()
        self.jobs.rename_queues()
        # What this executor held when it died, also under another version, which the job engine would not give back.
        self.jobs.give_out_again([self._executor.name])
        self.ready = True
        self._runner = DbosRunner(self.settings, self._executor.name, self, self.jobs, data_sets)
        self._heartbeat.runner = self._runner
        self._lti = self._start_lti()
        log.info("worker started", executor=self._executor.name, slots=self.settings.workers)

    def stop(self) -> None:
        """Let running gradings end for a while, put the rest back into the queue, and let go of everything."""
        self.ready = False
        self._wait_until_idle(self.settings.shutdown_seconds)
        self._stopping = True
        self._wait_until_idle(self.settings.shutdown_seconds)
        self._runner.stop()
        self._threads.shutdown(wait=False)
        if self._lti is not None:
            self._lti.stop()
        with suppress(outage.DatabaseAway):
            self._heartbeat.stop()
        self._executor.release()
        log.info("worker stopped", executor=self._executor.name)

    def grade(self, submission_id: uuid.UUID) -> Callable[[], None] | None:
        """Grade a submission when a slot is free, or put it behind those of all other students.

        Returns when it is graded, or slow: then the result waits for the end. Raises `Postponed`.
        """
        if self._goes_last(submission_id, is_later_stage=False):
            return None
        with self.database.read() as session:
            student = submissions.student_of(session, submission_id)
        job = FirstStage(self._grader, submission_id)
        with ExitStack() as stack:
            if not stack.enter_context(self._slot(partial(self._slots.first, student), job)):
                return None
            grading = self._threads.submit(self._run_and_close, job, stack.pop_all())
        if futures.wait([grading], SLOW_SECONDS).not_done:
            return grading.result
        grading.result()
        return None

    def enqueue_again(self, submission_id: uuid.UUID) -> None:
        """Enqueue the first stage of a submission again."""
        FirstStage(self._grader, submission_id).hand_back()

    def grade_last(self, submission_id: uuid.UUID) -> None:
        """Grade a submission in a slot that first stages of others never wait for."""
        self._in_slot(self._slots.long, FirstStage(self._grader, submission_id))

    def measure(self, submission_id: uuid.UUID) -> None:
        """Do the later stage of a grading when a slot is free, or put it behind those of all other students."""
        if self._goes_last(submission_id, is_later_stage=True):
            return
        self.measure_last(submission_id)

    def measure_last(self, submission_id: uuid.UUID) -> None:
        """Do the later stage of a grading when a slot is free."""
        self._in_slot(self._slots.long, LaterStage(self._grader, submission_id))

    def remeasure(self, regrade_id: uuid.UUID, submission_id: uuid.UUID) -> None:
        """Measure a submission again when a slot is free."""
        self._in_slot(self._slots.long, Remeasurement(self._grader, regrade_id, submission_id), is_metered=False)

    def regrade(self, regrade_id: uuid.UUID) -> None:
        """Compute a preview: no student code runs, so it needs no slot."""
        with self._counted():
            outage.retry_after_outages(partial(self._previewer.run, regrade_id), lambda: self.ready)

    def try_rubrics(self, draft_id: uuid.UUID) -> None:
        """Grade an author's own solutions when a slot is free."""
        with self._counted(), self._slots.long(lambda: self.ready) as has_slot:
            if has_slot:
                outage.retry_after_outages(partial(self._trials.run, draft_id), lambda: not self._is_stopping())
            else:
                self._trials.hand_back(draft_id)

    def _start_lti(self) -> Sender | None:
        if not lti.is_installed():
            return None
        from app.lti.sender import Sender

        sender = Sender(self.settings, self.database)
        sender.start()
        return sender

    def _goes_last(self, submission_id: uuid.UUID, *, is_later_stage: bool) -> bool:
        """Put a job of a student who has used more than the share behind all others. Returns whether it did."""
        if not self._shares.is_spent(submission_id):
            return False
        with self.database.write() as session:
            assignment = submissions.assignment_of(session, submission_id)
            self.jobs.enqueue_last(session, submission_id, assignment, is_later_stage=is_later_stage)
        return True

    def _is_stopping(self) -> bool:
        return self._stopping

    def _in_slot(self, slot: Slot, job: PhaseJob[Any], *, is_metered: bool = True) -> None:
        with self._slot(slot, job) as has_slot:
            if has_slot:
                self._run(job, is_metered=is_metered)

    @contextmanager
    def _slot(self, slot: Slot, job: PhaseJob[Any]) -> Iterator[bool]:
        """Wait for a slot and hold it. False when this worker stops: then the job is enqueued again."""
        with self._counted(), slot(lambda: self.ready) as has_slot:
            if not has_slot:
                job.hand_back()
            yield has_slot

    def _run(self, job: PhaseJob[Any], *, is_metered: bool = True) -> None:
        run = partial(self._run_metered, job) if is_metered else job.run
        outage.retry_after_outages(run, lambda: not self._is_stopping())

    def _run_and_close(self, job: PhaseJob[Any], slot: ExitStack) -> None:
        with slot:
            self._run(job)

    def _run_metered(self, job: PhaseJob[Any]) -> None:
        with self._shares.metered(job.submission_id):
            job.run()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._idle:
            self._busy += 1
        try:
            yield
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def _wait_until_idle(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._idle:
            while self._busy and (left := until - time.monotonic()) > 0:
                self._idle.wait(left)


def run(
    settings: Settings,
    sandbox: Sandbox,
    notifier: ChangeNotifier | None = None,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Grade in this sandbox, started or not, until told to stop by SIGTERM or SIGINT. The caller closes it.

    ``started`` is called when the worker takes jobs.

    Raises `NotMigrated`, `FloorNotMet`, `InfrastructureFault` or `ExecutorIdTaken`.
    """
    logs.configure()
    migrate.check(settings)
    database, jobs = Database(settings), DbosJobs(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        worker = Worker(settings, sandbox, database, notifier or ChangeNotifier(), jobs)
        worker.start()
        # As in the service: what is there now stays, and need not be looked through for garbage.
        gc.collect()
        gc.freeze()
        gc.enable()
        started()
        while not stop.wait(0.5):
            # Python's handlers run in the main thread, and the kernel may give a signal to any: look now and then.
            pass
        worker.stop()
    finally:
        jobs.close()
        database.close()
