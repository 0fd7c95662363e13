"""Processes that are forked from a warm one, so that only the first of a test run pays for its imports.

A start of `assay worker` costs seven seconds of processor time, nearly all for imports and the exporter's first run. A
fork runs the same code with the same environment, and costs nearly nothing. What is imported is not what a test of a
start is about: such tests start their processes afresh, as users do.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import resource
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import types
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MESSAGE_BYTES = 1 << 17
_MODULES = {
    "application": (
        "app.cli",
        "app.commands.database",
        "app.commands.service",
        "app.main",
        "app.serving",
        "app.worker.worker",
        "uvicorn",
    ),
    "torch": ("torch",),
}
"""By kind of process what it imports: commands, a service and a worker; students at home."""
_SHARED = ("application", "fork server")
_ROOT = Path(__file__).parents[1]
_LIMITS = (resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE)
"""Limits that tests set for the fork servers that they start."""
_BOOT = "import sys; from tests import warm_processes; warm_processes.main(sys.argv[1], int(sys.argv[2]))"


def fork(code: str, environment: Mapping[str, str], log: int) -> ForkedProcess:
    """A process that runs this code with these variables and modules of the service that are imported already.

    Its workers' fork servers are forked from a warm one too. ``log`` is the descriptor of its output.
    """
    with open(os.devnull, "rb") as nothing:
        message = _message(code, environment, address("fork server"), ["-c"])
        return ForkedProcess(address("application"), message, [nothing.fileno(), log, log])


def script(code: str, kind: str = "application") -> str:
    """The text of an executable file that forks, and runs this code with its own arguments, variables and streams."""
    fork_servers = address("fork server") if kind == "application" else None
    function = f"warm_processes.run({address(kind)!r}, {fork_servers!r}, {code!r})"
    lines = (
        "import sys",
        f"sys.path.insert(0, {str(_ROOT)!r})",
        "from tests import warm_processes",
        f"sys.exit({function})",
    )
    return "\n".join([f"#!{sys.executable}", *lines, ""])


def run(at: str, fork_servers: str | None, code: str) -> int:
    """Run code in a fork as this process. Returns its exit code."""
    return ForkedProcess(at, _message(code, os.environ, fork_servers, sys.argv), [0, 1, 2]).wait()


def _message(
    code: str, environment: Mapping[str, str], fork_servers: str | None, arguments: list[str]
) -> dict[str, Any]:
    return {
        "code": code,
        "environment": dict(environment),
        "fork_servers": fork_servers,
        "arguments": arguments,
        "folder": os.getcwd(),
    }


def use_warm_fork_servers(at: str | None = None) -> types.SimpleNamespace:
    """Let the sandboxes of this process fork their fork servers; returns what stands for ``subprocess`` there."""
    place = at or address("fork server")

    def start(command: list[str], *, pass_fds: list[int], **_: Any) -> ForkedProcess:
        assert command[-1] == str(pass_fds[0])
        limits = {limit: resource.getrlimit(limit) for limit in _LIMITS}
        return ForkedProcess(place, {"module": command[-2], "limits": limits}, [pass_fds[0], 2])

    names = {"DEVNULL": subprocess.DEVNULL, "TimeoutExpired": subprocess.TimeoutExpired}
    return types.SimpleNamespace(Popen=start, **names)


class ForkedProcess:
    """One fork, as `subprocess.Popen` would show it. The warm process reaps it and reports its exit code."""

    def __init__(self, at: str, message: Mapping[str, Any], descriptors: list[int]) -> None:
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.connect(f"\0{at}")
        socket.send_fds(self._line, [json.dumps(message).encode()], descriptors)
        self.pid = int(self._line.recv(_MESSAGE_BYTES))
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """The exit code, negative after a signal; ``None`` while the process runs."""
        with self._lock:
            if self.returncode is None and select.select([self._line], [], [], 0)[0]:
                self.returncode = int(self._line.recv(_MESSAGE_BYTES))
                self._line.close()
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises ``subprocess.TimeoutExpired``."""
        if self.poll() is None:
            select.select([self._line], [], [], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("a forked process", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def share() -> None:
    """Start a warm process of each kind for this process and all that it starts."""
    os.environ.update({_variable(kind): address(kind) for kind in _SHARED})


def _variable(kind: str) -> str:
    """The environment variable that holds the address of a shared warm process."""
    return f"WARM_{kind.upper().replace(' ', '_')}"


@functools.cache
def address(kind: str) -> str:
    """The abstract socket name of the warm process of this kind: a shared one, or one that the first call starts.

    The warm process ends with the process that started it.
    """
    from grader.sandbox import supervisor

    shared = os.environ.get(_variable(kind))
    if shared is not None:
        return shared
    name = f"assay-warm-{uuid.uuid4().hex}"
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(f"\0{name}")
    listening.listen(16)
    is_sandbox = kind == "fork server"
    with listening:
        process = subprocess.Popen(
            [sys.executable, *["-I"] * is_sandbox, "-c", _BOOT, kind, str(listening.fileno())],
            pass_fds=[listening.fileno()],
            stdin=subprocess.PIPE,
            env=supervisor.ENVIRONMENT if is_sandbox else {**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            cwd="/" if is_sandbox else None,
        )
    # It also ends when this process is killed, because that ends its standard input.
    atexit.register(process.communicate)
    return name


def main(kind: str, listening: int) -> None:
    """Import, then fork for each request until the standard input ends."""
    gc.disable()
    if kind == "fork server":
        from grader.sandbox import forkserver, policy

        forkserver.warm_up(policy.default())
        # The forks have warmed up already.
        forkserver.warm_up = lambda policy: None
    else:
        for name in _MODULES[kind]:
            importlib.import_module(name)
    threads = os.listdir("/proc/self/task")
    assert len(threads) == 1, "a fork would lack the other threads"
    gc.collect()
    gc.freeze()
    gc.enable()
    request = _wait_for_request(socket.socket(fileno=listening))
    if request is not None:
        message, descriptors = request
        (_become_fork_server if kind == "fork server" else _become_process)(message, descriptors)


def _wait_for_request(listening: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Serve requests. Returns in each fork with its request, and in the warm process with ``None`` at the end."""
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    selector.register(listening, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj == 0:
                return None
            if key.fileobj is not listening:
                pid, line = key.data
                selector.unregister(key.fd)
                os.close(key.fd)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with line:
                    _send(line, code)
                continue
            line, _ = listening.accept()
            data, descriptors, _, _ = socket.recv_fds(line, _MESSAGE_BYTES, 3)
            pid = os.fork()
            if pid == 0:
                for other in [entry.fd for entry in selector.get_map().values()]:
                    if other != 0:
                        os.close(other)
                for _, other_line in [entry.data for entry in selector.get_map().values() if entry.data]:
                    os.close(other_line.detach())
                os.close(line.detach())
                listening.detach()
                selector.close()
                return json.loads(data), descriptors
            for descriptor in descriptors:
                os.close(descriptor)
            _send(line, pid)
            selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, line))


def _send(line: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # the caller has gone
        line.send(str(number).encode())


def _become_fork_server(message: dict[str, Any], descriptors: list[int]) -> None:
    """Be what `grader.sandbox.supervisor` starts, from the warm point on."""
    control, errors = descriptors
    os.setsid()
    for limit, values in message["limits"].items():
        resource.setrlimit(int(limit), tuple(values))
    null = os.open("/dev/null", os.O_RDWR)
    for target, descriptor in ((0, null), (1, null), (2, errors), (3, control)):
        os.dup2(descriptor, target)
    for descriptor in (null, control, errors):
        if descriptor > 3:
            os.close(descriptor)
    importlib.import_module(message["module"]).main()


def _become_process(message: dict[str, Any], descriptors: list[int]) -> None:
    """Be what ``python -c CODE`` would be; the interpreter ends as it would there."""
    os.environ.clear()
    os.environ.update(message["environment"])
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
        os.close(descriptor)
    os.chdir(message["folder"])
    sys.argv[:] = message["arguments"]
    if message["fork_servers"] is not None:
        from grader.sandbox import supervisor

        vars(supervisor)["subprocess"] = use_warm_fork_servers(message["fork_servers"])
    exec(message["code"], {"__name__": "__main__"})
