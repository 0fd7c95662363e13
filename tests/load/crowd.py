"""What the queue and a crowd before a deadline cost, on both databases; ratios within one run.

    python -m tests.load.crowd [sqlite|postgresql ...] [--students N] [--again N] [--only crowd|again]

Hand-ins posted in ten seconds while all cores grade, the latency of a POST against an idle service, the processor time
of a job that needs no sandbox, and a remeasure with two workers against one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.db import migrate
from app.db.engine import Database
from app.queue.dbos_engine import DbosJobs
from app.regrades import service as regrades
from app.regrades.models import Kind, RegradeState
from app.regrades.schemas import RegradeWish
from app.settings import Settings
from app.submissions.models import State, Submission
from app.users import service as users
from app.users.models import Role
from grader.assignment import bundled, from_files
from tests.chaos.load import LOSS
from tests.integration.postgresql import Server
from tests.integration.service import ADMIN_TOKEN, MODEL, Service, WorkerProcess
from tests.load import processes

SECONDS = 10.0
_POSTERS = 16
_STUDENTS = 600
"""Enough that nobody comes to the end of a day's attempts."""
EXAMPLES = Path(__file__).parents[2] / "examples" / "hw13"


class Bench:
    """One database with a service, and the workers that a measurement starts."""

    def __init__(self, settings: Settings, server: Server | None) -> None:
        self.settings = settings
        self.server = server
        migrate.upgrade(settings)
        self.database = Database(settings)
        with self.database.write() as session:
            assignments.publish_bundled(session)
            boss = users.create_user(session, login="boss", name="Boss", role=Role.ADMIN, actor="bench")
            self.admin = Viewer.of(boss)
            self._tokens = itertools.cycle([self._student(session, number) for number in range(_STUDENTS)])
        self.service = Service(settings, worker=False, fresh=True)
        self.version = 1

    def _student(self, session: Session, number: int) -> str:
        student = users.create_user(session, login=f"s{number}", name="S", role=Role.STUDENT, actor="bench")
        return users.create_token(session, student, actor="bench").secret

    def database_seconds(self) -> float:
        """Processor seconds of the database server so far; a file has none of its own."""
        return processes.cpu_seconds(self.server.pid()) if self.server is not None else 0.0

    def close(self) -> None:
        """Leave nothing."""
        self.service.close()
        self.database.close()

    def post(self, http: httpx.Client, token: str, parts: dict[str, str]) -> float:
        """Hand in. Returns the seconds until it was accepted."""
        files = [(name, (None, part)) for name, part in {"assignment": "hw13", **parts}.items()]
        begun = time.perf_counter()
        answer = http.post("/submissions", files=files, headers={"Authorization": f"Bearer {token}"})
        seconds = time.perf_counter() - begun
        if answer.status_code != 202:
            raise RuntimeError(answer.text)
        return seconds

    def post_many(self, count: int, parts: Callable[[], dict[str, str]], rate: float | None) -> list[float]:
        """Hand in so many, so many a second, from several connections, each by the student whose turn it is."""
        found: list[float] = []
        turns = iter(range(count))
        lock, begun = threading.Lock(), time.perf_counter()

        def work() -> None:
            with httpx.Client(base_url=f"{self.service.url}/api/v1", timeout=120) as http:
                while True:
                    with lock:
                        turn = next(turns, None)
                        if turn is None:
                            return
                        token = next(self._tokens)
                    if rate is not None:
                        time.sleep(max(0.0, begun + turn / rate - time.perf_counter()))
                    seconds = self.post(http, token, parts())
                    with lock:
                        found.append(seconds)

        threads = [threading.Thread(target=work) for _ in range(_POSTERS if rate else 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def wait_until_graded(self) -> int:
        """Wait until nothing is unfinished. Returns how many are graded."""
        while True:
            with self.database.read() as session:
                query = select(Submission.state, func.count()).group_by(Submission.state)
                counts = dict(session.execute(query).all())
            if set(counts) <= {State.GRADED}:
                return counts.get(State.GRADED, 0)
            if State.FAILED in counts:
                raise RuntimeError(counts)
            time.sleep(0.1)

    @contextmanager
    def workers(self, count: int, slots: int) -> Iterator[list[WorkerProcess]]:
        """Worker processes with so many gradings at once each."""
        settings = self.settings.model_copy(update={"workers": slots})
        started = [WorkerProcess(settings, f"worker-{number}", fresh=True) for number in range(count)]
        try:
            yield started
        finally:
            for worker in started:
                worker.close()

    def remeasure(self, count: int) -> tuple[float, float]:
        """Seconds in which so many workers measure every hand-in again, and how many cores were busy meanwhile."""
        self.version += 1
        files = dict(bundled("hw13").files)
        text = files["assignment.toml"].replace("version = 1\n", f"version = {self.version}\n")
        text = text.replace("[questions.options]\n", f"[questions.options]\nedition = {self.version}\n")
        jobs = DbosJobs(self.settings)
        with self.database.write() as session:
            assignments.publish_version(session, from_files(files | {"assignment.toml": text}), "bench")
        with self.workers(count, slots=1):
            begun, used = time.perf_counter(), processes.busy_seconds()
            with self.database.write() as session:
                wish = RegradeWish(assignment="hw13", kind=Kind.REMEASURE)
                identifier = regrades.create(session, jobs, self.admin, wish).id
            while True:
                with self.database.read() as session:
                    seen = regrades.view(session, regrades.find(session, identifier))
                if seen.state is not RegradeState.RUNNING:
                    break
                time.sleep(0.1)
            seconds = time.perf_counter() - begun
            cores = (processes.busy_seconds() - used) / seconds
        if seen.state is not RegradeState.PREVIEW or seen.faults:
            raise RuntimeError(f"not what was measured: {seen}")
        with self.database.write() as session:
            regrades.cancel(session, self.admin, identifier)
        jobs.close()
        return seconds, cores


def answers() -> dict[str, str]:
    """A hand-in that needs no sandbox."""
    return {"answers": json.dumps({"2.2": "softer", "note": uuid.uuid4().hex})}


def loss() -> dict[str, str]:
    """One that needs a child."""
    return {"loss": LOSS.format(key=uuid.uuid4().hex)}


def model() -> dict[str, str]:
    """One that needs a model's child, its export, and a measuring child."""
    return {"model": f"{MODEL}# {uuid.uuid4().hex}\n"}


def quick() -> dict[str, str]:
    """A loss and answers: what students hand in most often in the last minutes, and what most tries the queue."""
    return loss() | answers()


def whole() -> dict[str, str]:
    """The example without its plot, never measured before."""
    text = {name: (EXAMPLES / f"{name}.py").read_text() + f"# {uuid.uuid4().hex}\n" for name in ("model", "loss")}
    return text | {"summary": (EXAMPLES / "summary.txt").read_text()} | answers()


def crowd(bench: Bench, students: int) -> dict[str, Any]:
    """Everything that comes in ten seconds is taken while every core grades, and graded afterwards."""
    with bench.workers(1, bench.settings.workers):
        idle = bench.post_many(30, answers, None)
        before = bench.wait_until_graded()
        begun = time.perf_counter()
        busy = bench.post_many(students, quick, students / SECONDS)
        posted = time.perf_counter() - begun
        graded = bench.wait_until_graded() - before
        drained = time.perf_counter() - begun
    rank = int(0.95 * len(busy))
    return {
        "accepted": len(busy),
        "graded": graded,
        "posted in seconds": round(posted, 1),
        "all graded after seconds": round(drained, 1),
        "graded an hour": round(3600 * graded / drained),
        "POST, median, x idle": round(statistics.median(busy) / statistics.median(idle), 1),
        "POST, 95%, x idle": round(sorted(busy)[rank] / statistics.median(idle), 1),
        "POST idle, ms": round(1000 * statistics.median(idle)),
    }


def core_seconds(bench: Bench, count: int) -> dict[str, Any]:
    """Processor seconds of a hand-in: of the worker with its sandbox, and of the database server where there is one."""
    found = {}
    with bench.workers(1, 1) as (worker,):
        for parts in (answers, loss, model, whole):
            bench.wait_until_graded()
            used, stored = processes.cpu_seconds(worker._process.pid), bench.database_seconds()
            bench.post_many(count, parts, None)
            bench.wait_until_graded()
            found[parts.__name__] = round((processes.cpu_seconds(worker._process.pid) - used) / count, 3)
            found[f"{parts.__name__}, database"] = round((bench.database_seconds() - stored) / count, 4)
    return found


def job_cost(bench: Bench, count: int = 200) -> dict[str, Any]:
    """Processor time of the worker for a job that needs no sandbox: queue, evidence, points, end."""
    bench.post_many(count, answers, 1000.0)
    with bench.workers(1, 1) as (worker,):
        begun, used = time.perf_counter(), processes.cpu_seconds(worker._process.pid)
        bench.wait_until_graded()
        return {
            "jobs a second": round(count / (time.perf_counter() - begun), 1),
            "processor ms a job": round(1000 * (processes.cpu_seconds(worker._process.pid) - used) / count, 1),
        }


def measure(settings: Settings, server: Server | None, students: int) -> dict[str, Any]:
    """Every figure of one database."""
    bench = Bench(settings, server)
    try:
        found = {"processor seconds": core_seconds(bench, 5), "a job without a sandbox": job_cost(bench)}
        found["a crowd"] = crowd(bench, students)
    finally:
        bench.close()
    return found


def remeasured(settings: Settings, server: Server | None, again: int) -> dict[str, Any]:
    """A remeasure of so many losses, by one worker and by two."""
    bench = Bench(settings, server)
    try:
        bench.post_many(again, loss, 1000.0)
        with bench.workers(1, bench.settings.workers):
            bench.wait_until_graded()
        # In turns, so that neither has the smaller database or the quieter minute.
        rounds = [(workers, *bench.remeasure(workers)) for workers in (1, 2, 2, 1)]
    finally:
        bench.close()
    one, two = (sum(seconds for workers, seconds, _ in rounds if workers == count) for count in (1, 2))
    return {
        "hand-ins": again,
        "workers, seconds, busy cores": [
            (count, round(seconds, 1), round(cores, 2)) for count, seconds, cores in rounds
        ],
        "two against one": round(one / two, 2),
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.crowd")
    parser.add_argument("databases", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--students", type=int, default=500)
    parser.add_argument("--again", type=int, default=200)
    parser.add_argument("--only", nargs="+", choices=("crowd", "again"), default=["crowd", "again"])
    chosen = parser.parse_args()
    for kind in chosen.databases:
        server = Server() if kind == "postgresql" else None
        with tempfile.TemporaryDirectory() as folder:
            for name, figures, size in (("crowd", measure, chosen.students), ("again", remeasured, chosen.again)):
                if name not in chosen.only:
                    continue
                place = Path(folder) / name
                place.mkdir()
                url = server.create(name) if server else f"sqlite:///{place}/bench.sqlite3"
                settings = Settings(
                    data_dir=place, database_url=SecretStr(url), admin_token=SecretStr(ADMIN_TOKEN), workers=2
                )
                print(json.dumps({"database": kind, **figures(settings, server, size)}, indent=1), flush=True)
        if server is not None:
            server.stop()


if __name__ == "__main__":
    main()
