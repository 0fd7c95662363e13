"""The worker that a service has with it: a process that comes back when it dies and goes when the service goes."""

from __future__ import annotations

import os
import signal
import time

from sqlalchemy import select, text

from app.db.engine import Database
from app.queue.models import WorkerRow
from app.settings import Settings
from app.submissions.models import State, Submission
from tests.chaos.cluster import children, processes
from tests.integration.conftest import MakeSettings
from tests.integration.service import Service, assert_problem
from tests.integration.test_grading import SLEEPY

ANSWERS = '{"2.2": "softer"}'


class Embedded(Service):
    """A service with its worker."""

    def __init__(self, settings: Settings, **variables: str) -> None:
        super().__init__(settings, worker=True, fresh=False, **variables)

    def family(self) -> list[int]:
        """The service's process, and all below it: the worker, the fork server, its children."""
        found = [self._process.pid]
        for pid in found:
            found += children(pid)
        return found

    def worker(self) -> int:
        """The worker's process, as it registered itself."""
        (row,) = self.admin.get("/admin/workers").json()["workers"]
        assert row["pid"] in children(self._process.pid)
        return int(row["pid"])


def wait_until_gone(pids: list[int]) -> None:
    until = time.monotonic() + 30
    while left := set(pids) & set(processes()):
        assert time.monotonic() < until, left
        time.sleep(0.05)


def set_schema(database: Database, version: str) -> str:
    """Let the database claim another version of its schema. Returns what it claimed before."""
    with database.write() as session:
        former = str(session.scalar(text("SELECT version_num FROM alembic_version")))
        session.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    return former


def test_a_killed_worker_comes_back_and_a_killed_service_takes_its_own_along(make_settings: MakeSettings) -> None:
    settings = make_settings("sqlite")
    service, database = Embedded(settings), Database(settings)
    try:
        student = service.person()
        killed = service.worker()
        actual = set_schema(database, "older")
        os.kill(killed, signal.SIGKILL)
        service.wait_for("Run `assay migrate` first.")
        assert_problem(service.plain.get("/readyz"), 503, "not-ready")
        waits = student.submit(answers=ANSWERS)
        assert student.report(waits)["state"] == "queued"
        set_schema(database, actual)
        service.wait_until_ready()
        assert student.report(waits, wait=60)["state"] == "graded"
        assert service.worker() != killed
        family = service.family()
        assert len(family) >= 3
        own = os.getpriority(os.PRIO_PROCESS, os.getpid())
        assert [os.getpriority(os.PRIO_PROCESS, pid) - own for pid in family] == [0, *[5] * (len(family) - 1)]
        service.kill()
        wait_until_gone(family)
    finally:
        service.close()
        database.close()


def test_a_service_that_is_told_to_end_lets_its_worker_drain(make_settings: MakeSettings) -> None:
    settings = make_settings("sqlite")
    service, database = Embedded(settings), Database(settings)
    try:
        student = service.person()
        submission = student.submit(model=SLEEPY.format(seconds=1), answers=ANSWERS)
        student.wait_for_state(submission, "running")
        family = service.family()
        service.stop()
        wait_until_gone(family)
        with database.read() as session:
            assert session.scalars(select(Submission.state)).one() in (State.GRADED, State.QUEUED)
            assert session.scalars(select(WorkerRow.stopped_at)).one() is not None
        assert "the worker ended" not in service.log.read_text()
    finally:
        service.close()
        database.close()
