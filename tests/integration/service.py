"""The service and its workers as processes, and a client that knows what every error must look like."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
import warnings
from pathlib import Path
from typing import Any

import httpx
import structlog
import uvicorn

from app.db.engine import Database
from app.main import create_app
from app.queue.dbos_engine import DbosJobs
from app.serving import KEEP_ALIVE_SECONDS
from app.settings import Settings
from app.submissions.change_notifier import ChangeNotifier
from app.worker.embedded import EmbeddedWorker
from app.worker.worker import Worker
from grader.sandbox.supervisor import Sandbox
from tests import warm_processes
from tests.integration.postgresql import free_port

PATIENCE = 200.0
"""Seconds that something may take on a machine that others keep busy."""
ADMIN_TOKEN = "sesame-for-the-bootstrap-admin"

MODEL = """import torch.nn as nn
class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(8, 11)
    def forward(self, x):
        return self.head(self.features(x))
def get_student_model():
    return StudentNet()
"""
"""323 parameters."""

_SERVE = "import sys; from app.serving import serve; from app.settings import Settings; serve(Settings(), {worker})"
_WORK = "import sys; sys.argv[1:] = ['worker']; from app.cli import main; main()"


def variables(settings: Settings) -> dict[str, str]:
    """The variables that give the commands these settings."""
    assert settings.admin_token is not None
    assert settings.database_url is not None
    return {
        "ASSAY_DATA_DIR": str(settings.data_dir),
        "ASSAY_DATABASE_URL": settings.database_url.get_secret_value(),
        "ASSAY_ADMIN_TOKEN": settings.admin_token.get_secret_value(),
        "ASSAY_WORKERS": str(settings.workers),
        "ASSAY_HEARTBEAT_SECONDS": str(settings.heartbeat_seconds),
        "ASSAY_SILENT_SECONDS": str(settings.silent_seconds),
        "ASSAY_SHUTDOWN_SECONDS": str(settings.shutdown_seconds),
    }


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """The whole environment of a process with these settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    return inherited | variables(settings) | more


class Logged:
    """Something that runs and writes a log."""

    log: Path

    def wait_for(self, text: str, seconds: float = PATIENCE) -> None:
        """Wait until the log says so."""
        until = time.monotonic() + seconds
        while text not in self.log.read_text():
            assert self.is_alive(), self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.05)

    def is_alive(self) -> bool:
        """Whether it still runs."""
        raise NotImplementedError


class Process(Logged):
    """A process of the service with its log. Killed at the end if it still runs.

    A fork of a warm process, unless a test is about a start: then it is ``fresh``.
    """

    def __init__(self, code: str, settings: Settings, name: str, fresh: bool = False, /, **variables: str) -> None:
        self.log = settings.data_dir / f"{name}.log"
        self._process: subprocess.Popen[bytes] | warm_processes.ForkedProcess
        with self.log.open("w") as out:
            if fresh:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", code], env=environment(settings, **variables), stdout=out, stderr=out
                )
            else:
                self._process = warm_processes.fork(code, environment(settings, **variables), out.fileno())

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def stop(self, seconds: float = 60) -> int:
        """Ask it to end. Returns its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(seconds)

    def exit_code(self, seconds: float = 60) -> int:
        """Wait for its own end."""
        return self._process.wait(seconds)

    def close(self) -> None:
        """Make sure that nothing is left."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


class WorkerProcess(Process):
    """`assay worker`, after the code of ``before`` if a test changes something in it."""

    def __init__(self, settings: Settings, executor: str, *, fresh: bool = False, before: str = "") -> None:
        super().__init__(before + _WORK, settings, executor, fresh, ASSAY_EXECUTOR_ID=executor)
        self.wait_for("worker started")


class Site(Logged):
    """A service at an address, and the people who use it."""

    def __init__(self, settings: Settings, port: int) -> None:
        self.settings = settings
        self.url = f"http://127.0.0.1:{port}"
        self._clients: list[Client] = []
        self.admin = self.client(ADMIN_TOKEN)
        self.plain = httpx.Client(base_url=self.url, timeout=60)

    def client(self, token: str | None) -> Client:
        """Somebody who talks to the service."""
        client = Client(self.url, token)
        self._clients.append(client)
        return client

    def person(self, role: str = "student") -> Client:
        """A new person with a token."""
        login = f"{role}-{uuid.uuid4().hex[:8]}"
        body = {"login": login, "name": f"Name of {login}", "role": role, "student_id": login.upper()}
        answer = self.admin.post("/admin/users", json=body)
        assert answer.status_code == 201, answer.text
        client = Client(self.url, answer.json()["token"], login)
        self._clients.append(client)
        return client

    def wait_until_ready(self, seconds: float = PATIENCE) -> None:
        """Wait until it says that it can do all of its work."""
        until = time.monotonic() + seconds
        while self.plain.get("/readyz").status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.05)

    def close(self) -> None:
        """Close the connections."""
        self.plain.close()
        for client in self._clients:
            client.http.close()


class Service(Process, Site):
    """`assay serve`, ready: a process of its own, for tests about processes."""

    def __init__(self, settings: Settings, *, worker: bool, fresh: bool = False, **variables: str) -> None:
        port = free_port()
        code = _SERVE.format(worker=worker)
        Process.__init__(self, code, settings, "service", fresh, ASSAY_PORT=str(port), **variables)
        self.wait_for("Application startup complete")
        Site.__init__(self, settings, port)

    def close(self) -> None:
        """Make sure that nothing is left."""
        Site.close(self)
        Process.close(self)


class ServiceInProcess(Site):
    """The application behind a real server in a thread: a tenth of what a process of its own costs to start."""

    def __init__(self, settings: Settings, sandbox: Sandbox | None = None) -> None:
        """With a sandbox, which stays the caller's, it grades."""
        self.log = settings.data_dir / "service.log"
        self._log = self.log.open("w", buffering=1)
        structlog.configure(
            processors=[structlog.stdlib.add_log_level, structlog.processors.JSONRenderer()],
            logger_factory=structlog.PrintLoggerFactory(self._log),
        )
        worker = WorkerInProcess(settings, sandbox) if sandbox is not None else None
        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            create_app(settings, worker),
            log_config=None,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listening],), name="service")
        self._thread.start()
        while not self._server.started:
            assert self.is_alive(), "the service did not start"
            time.sleep(0.01)
        super().__init__(settings, listening.getsockname()[1])

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Let it end as a signal would."""
        super().close()
        self._server.should_exit = True
        self._thread.join()
        structlog.reset_defaults()
        self._log.close()
        # A thread that still read when the pool was closed gives its connection to nobody; a process would just end.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


class WorkerInProcess(EmbeddedWorker):
    """The worker beside a service, in the same process, with a sandbox that others use too."""

    def __init__(self, settings: Settings, sandbox: Sandbox) -> None:
        super().__init__(settings, ChangeNotifier())
        self._sandbox = sandbox

    def start(self) -> None:
        """Take jobs."""
        self._database, self._jobs = Database(self.settings), DbosJobs(self.settings)
        self._worker = Worker(self.settings, self._sandbox, self._database, self.notifier, self._jobs)
        self._worker.start()
        self.ready = True

    def stop(self) -> None:
        """Let running gradings end."""
        self.ready = False
        self._worker.stop()
        self._jobs.close()
        self._database.close()


class Client:
    """One person's view of the service. Paths are below ``/api/v1``."""

    def __init__(self, url: str, token: str | None, login: str = "") -> None:
        self.login = login
        self.token = token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        limits = httpx.Limits(max_connections=None)
        self.http = httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=90, limits=limits)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET."""
        return self.http.get(path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """POST."""
        return self.http.post(path, **options)

    def post_submission(self, *, key: str | None = None, **parts: str | bytes | tuple[str, bytes]) -> httpx.Response:
        """Submit to hw13; each part as a plain field, or as a file when it is a pair of name and bytes."""
        fields = {"assignment": "hw13", **parts}
        files = [(name, part if isinstance(part, tuple) else (None, part)) for name, part in fields.items()]
        return self.post("/submissions", files=files, headers={"Idempotency-Key": key} if key else {})

    def submit(self, **parts: Any) -> str:
        """Submit and return the submission's id."""
        answer = self.post_submission(**parts)
        assert answer.status_code == 202, answer.text
        identifier: str = answer.json()["id"]
        return identifier

    def report(self, submission: str, wait: float = 0) -> dict[str, Any]:
        """The report of a submission."""
        answer = self.get(f"/submissions/{submission}", params={"wait": wait} if wait else {})
        assert answer.status_code == 200, answer.text
        report: dict[str, Any] = answer.json()
        return report

    def wait_for_state(self, submission: str, state: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The report once it has this state."""
        until = time.monotonic() + seconds
        while (report := self.report(submission))["state"] != state:
            assert time.monotonic() < until, report
            time.sleep(0.05)
        return report


def assert_problem(answer: httpx.Response, status: int, slug: str | None = None) -> dict[str, Any]:
    """Every error a client can meet looks like this (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail"} <= set(body)
    assert body["status"] == status
    assert body["type"].startswith("urn:assay:problem:")
    assert body["title"]
    assert body["detail"]
    assert "Traceback" not in answer.text
    if slug is not None:
        assert body["type"] == f"urn:assay:problem:{slug}"
    return body


def questions(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The questions of a report by number."""
    return {question["number"]: question for question in report["questions"]}


def example(name: str) -> bytes:
    """A file of the example hand-in."""
    return (Path(__file__).parents[2] / "examples" / "hw13" / name).read_bytes()
