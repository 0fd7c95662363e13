"""The heartbeat of a worker, and the takeover of jobs from workers without one."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.db.base import now
from app.db.engine import Database
from app.queue import capabilities, repository
from app.queue.dbos_engine import DbosJobs
from app.queue.dbos_runner import DbosRunner
from app.queue.models import WorkerRow
from app.settings import Settings
from app.worker.chores import Chores
from app.worker.executor import ExecutorIdTaken
from grader.version import GRADER_VERSION

log = structlog.get_logger()
_Pulse = tuple[str, str, datetime, datetime | None]


class Heartbeat:
    """A thread that keeps this worker's row fresh and looks for dead workers."""

    def __init__(self, settings: Settings, database: Database, jobs: DbosJobs, executor: str) -> None:
        self.settings = settings
        self.database = database
        self.jobs = jobs
        self.executor = executor
        self.chores = Chores(settings, database, jobs)
        self.runner: DbosRunner | None = None
        self.boot = uuid.uuid4().hex
        self._last_beat = time.monotonic()
        self._last_heard: dict[_Pulse, float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self, sandbox: dict[str, Any]) -> None:
        """Register the worker and begin to beat. Raises `ExecutorIdTaken` when a living worker elsewhere has the id."""
        host = socket.gethostname()
        with self.database.write() as session:
            row = repository.find(session, self.executor)
            fresh = now() - timedelta(seconds=self.settings.silent_seconds)
            # On this host the file lock has proved that the former holder is gone.
            if row is not None and row.host != host and row.stopped_at is None and row.beat_at > fresh:
                raise ExecutorIdTaken(f"The executor id {self.executor} is in use on {row.host}.")
            session.merge(
                WorkerRow(
                    executor=self.executor,
                    boot=self.boot,
                    host=host,
                    pid=os.getpid(),
                    slots=self.settings.workers,
                    grader_version=GRADER_VERSION,
                    sandbox=sandbox,
                    started_at=now(),
                    beat_at=now(),
                    stopped_at=None,
                    reaped_at=None,
                    capabilities=capabilities.of_this_machine(self.settings.data_dir, sandbox),
                )
            )
            repository.see_version(session, GRADER_VERSION)
        self._thread.start()

    def stop(self) -> None:
        """Record the end of this worker, so that another takes over the jobs that it still holds."""
        self._stopped.set()
        self._thread.join()
        with self.database.write() as session:
            repository.stop(session, self.executor, self.boot)

    def _run(self) -> None:
        while not self._stopped.wait(self.settings.heartbeat_seconds):
            try:
                self.beat()
            except Exception:
                # Mostly the database is away, for a moment or for longer: then this worker is silent, as it should be.
                log.exception("no heartbeat")

    def beat(self) -> None:
        """Beat once, take over the jobs of dead workers, and do the chores."""
        with self.database.write() as session:
            ours = repository.beat(session, self.executor, self.boot)
        if not ours:
            log.critical("another worker took this executor id; stopping", executor=self.executor)
            os.kill(os.getpid(), signal.SIGTERM)
            self._stopped.set()
            return
        self._take_over_from_dead_workers()
        if self.runner is not None:
            self.runner.revive(self.settings.silent_seconds)
        self.chores.run()

    def _take_over_from_dead_workers(self) -> None:
        """Enqueue the jobs of dead workers again.

        A worker is dead when it has stopped, or when its row has not changed for ``silent_seconds`` on the monotonic
        clock of this worker: the wall clocks of two machines differ, and jump.
        """
        moment = time.monotonic()
        if moment - self._last_beat > self.settings.silent_seconds / 2:
            # This worker could not read, mostly because the database was away: the others could not beat either.
            self._last_heard.clear()
        self._last_beat = moment
        with self.database.read() as session:
            rows = [row for row in repository.workers(session) if row.executor != self.executor]
        heard: dict[_Pulse, float] = {}
        for row in rows:
            pulse = (row.executor, row.boot, row.beat_at, row.reaped_at)
            heard[pulse] = self._last_heard.get(pulse, moment)
        self._last_heard = heard
        dead = [row for row, since in zip(rows, heard.values(), strict=True) if self._is_dead(row, moment - since)]
        claimed = []
        for row in dead:
            with self.database.write() as session:
                if repository.claim(session, row):
                    claimed.append(row.executor)
        given = self.jobs.give_out_again(claimed) if claimed else 0
        if given:
            log.warning("took over from dead workers", executors=claimed, jobs=given)

    def _is_dead(self, row: WorkerRow, unheard_seconds: float) -> bool:
        if row.stopped_at is not None and row.reaped_at is None:
            return True
        return unheard_seconds >= self.settings.silent_seconds
