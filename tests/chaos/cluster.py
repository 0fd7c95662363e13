"""A service and its workers as processes that are killed and started again, on either database."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from pydantic import SecretStr

from app.assignments import service as assignments
from app.db import migrate
from app.db.engine import Database
from app.settings import Settings
from app.users import service as users
from app.users.models import Role
from tests.integration.postgresql import Server, free_port
from tests.integration.service import ADMIN_TOKEN, environment

_SERVE = "import sys; from app.serving import serve; from app.settings import Settings; serve(Settings(), False)"
_WORK = """
import app.db.base as base
from datetime import UTC, datetime, timedelta
from pathlib import Path
clock = Path({clock!r})
base.now = lambda: datetime.now(UTC) + timedelta(seconds=float(clock.read_text()))
from app.commands.service import work
work()
"""
"""A worker whose clock, as far as our own code reads it, is off by the seconds in a file."""
WORKERS = ("first", "second")


class Cluster:
    """One service and two workers. Every process starts a session, so that `close` finds all its descendants."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.server = Server() if kind == "postgresql" else None
        url = self.server.create("chaos") if self.server else f"sqlite:///{folder}/assay.sqlite3"
        self.settings = Settings(
            data_dir=folder,
            database_url=SecretStr(url),
            admin_token=SecretStr(ADMIN_TOKEN),
            port=free_port(),
            workers=2,
            heartbeat_seconds=0.5,
            silent_seconds=5,
            shutdown_seconds=5,
        )
        migrate.upgrade(self.settings)
        self.url = f"http://127.0.0.1:{self.settings.port}"
        self.sessions: set[int] = set()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in WORKERS:
            self.clock(name).write_text("0")

    def students(self, count: int) -> list[str]:
        """New students. Returns their tokens."""
        database = Database(self.settings)
        with database.write() as session:
            assignments.publish_bundled(session)
            tokens = []
            for number in range(count):
                person = users.create_user(
                    session, login=f"student-{number}", name="S", role=Role.STUDENT, actor="chaos"
                )
                tokens.append(users.create_token(session, person, actor="chaos").secret)
        database.close()
        return tokens

    def clock(self, worker: str) -> Path:
        """The file with the seconds that a worker's clock is off."""
        return self.folder / f"{worker}.clock"

    def start(self, name: str, *, data_dir: Path | None = None, executor: str | None = None) -> None:
        """Start the service or a worker unless it runs."""
        running = self._processes.get(name)
        if running is not None and running.poll() is None:
            return
        variables = {"ASSAY_PORT": str(self.settings.port)}
        if name != "service":
            variables = {"ASSAY_EXECUTOR_ID": executor or name}
        if data_dir is not None:
            variables["ASSAY_DATA_DIR"] = str(data_dir)
        clock = self.clock(name if name in WORKERS else WORKERS[0])
        code = _SERVE if name == "service" else _WORK.format(clock=str(clock))
        with (self.folder / f"{name}.log").open("a") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", code],
                env=environment(self.settings, **variables),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._processes[name] = process
        self.sessions.add(process.pid)

    def start_all(self) -> None:
        """Start every process that does not run."""
        for name in ("service", *WORKERS):
            self.start(name)

    def pid(self, name: str) -> int | None:
        """The process, if it runs."""
        process = self._processes.get(name)
        return process.pid if process is not None and process.poll() is None else None

    def signal(self, name: str, number: signal.Signals) -> bool:
        """Send a signal. False when the process does not run.

        Wait for a killed process: until its memory is freed it counts as running and is not restarted.
        """
        pid = self.pid(name)
        sent = pid is not None and send(pid, number)
        if sent and number == signal.SIGKILL:
            self._processes[name].wait(60)
        return sent

    def descendants(self, name: str) -> list[list[int]]:
        """The processes below a worker: its fork server, the children of that, and so on."""
        levels: list[list[int]] = []
        above = [pid] if (pid := self.pid(name)) is not None else []
        while above := [child for parent in above for child in children(parent)]:
            levels.append(above)
        return levels

    def wait_until_up(self, seconds: float) -> list[str]:
        """Restart workers until each handles SIGTERM. Returns those that did not within ``seconds``.

        A process that still imports its modules would die of the signal, which would look like a crash.
        """
        until = time.monotonic() + seconds
        while (down := [name for name in WORKERS if not catches_sigterm(self.pid(name))]) and time.monotonic() < until:
            self.start_all()
            time.sleep(0.1)
        return down

    def stop(self) -> dict[str, int]:
        """Terminate all processes. Returns their exit codes."""
        for process in self._processes.values():
            if process.poll() is None:
                send(process.pid, signal.SIGCONT)
                process.terminate()
        return {name: process.wait(60) for name, process in self._processes.items()}

    def surviving(self, seconds: float = 20) -> list[int]:
        """The processes that still run after ``seconds``."""
        until = time.monotonic() + seconds
        while (pids := [pid for pid in processes() if session_of(pid) in self.sessions]) and time.monotonic() < until:
            time.sleep(0.2)
        return pids

    def close(self) -> None:
        """Kill every process that was started, and stop the database."""
        for pid in processes():
            if session_of(pid) in self.sessions:
                send(pid, signal.SIGKILL)
        for process in self._processes.values():
            process.wait()
        if self.server is not None:
            self.server.stop()


def send(pid: int, number: signal.Signals) -> bool:
    """Send a signal. False when the process has ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def children(pid: int) -> list[int]:
    """The living child processes of a process, of all its threads."""
    pids: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            pids += map(int, path.read_text().split())
    return pids


def processes() -> list[int]:
    """Every process of the machine that is not a zombie."""
    pids = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if path.read_text().rpartition(")")[2].split()[0] != "Z":
                pids.append(int(path.parent.name))
    return pids


def catches_sigterm(pid: int | None) -> bool:
    """Whether a process has a handler for SIGTERM, from the kernel's table."""
    with contextlib.suppress(OSError):
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        return bool(int(lines["SigCgt"], 16) >> (signal.SIGTERM - 1) & 1)
    return False


def processor_ticks(pid: int) -> int:
    """Processor time that a process used, in clock ticks; 0 when it has ended."""
    with contextlib.suppress(OSError, IndexError):
        return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return 0


def session_of(pid: int) -> int | None:
    """The session of a process, if it still lives."""
    with contextlib.suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[3])
    return None
