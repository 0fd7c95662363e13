"""The sandbox for the trusted side: starts the fork server, proves the floor, provides children.

Thread-safe: several gradings run at once, each with children of its own.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from grader.sandbox import control_groups, metering
from grader.sandbox import policy as policies
from grader.sandbox.child import Cancelled, LockedChild, NoRoom, ServerFault
from grader.sandbox.control_groups import ControlGroups, Group, NotDelegated
from grader.sandbox.policy import Limits, Policy
from grader.sandbox.probes import FLOOR
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.spares import Order, Role, SpareChild, Spares

__all__ = ["Cancelled", "FloorNotMet", "Role", "Sandbox"]

_REMEDIES = {
    "uid": "start the service as an ordinary user, or as root with the right to change its id",
    "no_new_privs": "use Linux 3.5 or newer",
    "capabilities": "start the service without file capabilities on the interpreter",
    "seccomp": "use a kernel with CONFIG_SECCOMP_FILTER, on x86_64 or aarch64",
    "files": "use Linux 5.13 or newer with Landlock enabled (lsm=landlock,...)",
    "rlimits": "raise the hard limits of the service (ulimit -H), or lower [limits] in the policy",
}
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/nonexistent",
    "USER": "student",
    "OPENBLAS_NUM_THREADS": "1",  # OpenBLAS starts its threads at import, and a fork server must have one
    "OMP_WAIT_POLICY": "PASSIVE",  # a thread that spins for its neighbour starves it when cores are shared
    # Each layer allocates and frees its activations; memory kept in the heap is not zeroed by the kernel again.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 33),
    # Torch looks for a directory to write to, or makes the one that is named here: name one that exists.
    "TORCHINDUCTOR_CACHE_DIR": "/",
}


_NOT_TRIED = "not tried"
_TRIES = 5
_PAUSE_SECONDS = 0.2
"""Pause before the second try when the machine cannot make a child; doubled before each further try."""


class FloorNotMet(Exception):
    """This machine does not meet the sandbox's floor, so nothing is graded. The message names each missing layer."""

    def __init__(self, missing: dict[str, str]) -> None:
        self.missing = missing
        lines = [
            f"{name}: {result}. To mend it: {_REMEDIES.get(name, 'see assay doctor')}."
            for name, result in missing.items()
        ]
        super().__init__("The sandbox floor is not met:\n" + "\n".join(f"  - {line}" for line in lines))


class Sandbox:
    """One fork server and its children. Use as a context manager, or call `start` and `close`.

    `launch` before `start` lets the fork server warm up while the caller does something else.
    """

    module = "grader.sandbox.forkserver"
    """The fork server, which decides what children can do."""

    def __init__(self, policy: Policy | None = None, service: int | None = None) -> None:
        """``service`` is the topmost process of the service that this process belongs to; by default this one."""
        self._service = service
        self.policy = policy or policies.from_environment()
        self.report: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._server: _ForkServer | None = None
        self._baseline: dict[str, str] = {}
        self._groups: ControlGroups | NotDelegated = NotDelegated(_NOT_TRIED)

    def launch(self) -> None:
        """Start the fork server's process without waiting for it. Raises `InfrastructureFault` if it cannot start."""
        with self._lock:
            self._launch()

    def _launch(self) -> _ForkServer:
        if self._server is None:
            self._groups = self._find_groups()
            self._server = _ForkServer(self.policy, self._groups, self.module)
        return self._server

    def _find_groups(self) -> ControlGroups | NotDelegated:
        return control_groups.find_control_groups(self.policy.control_group, service=self._service)

    def start(self) -> dict[str, Any]:
        """Start the fork server and prove every layer of the floor with a child.

        Returns the report that results carry. Raises `FloorNotMet`, or `InfrastructureFault` when it does not start.
        """
        with self._lock:
            try:
                facts = self._launch().wait_until_ready()
            except (FloorNotMet, InfrastructureFault):
                self._server = None
                raise
            assert self._server is not None
            with self._server.child(self.policy.limits, lambda: False, "student") as probe:
                results = {name: probe.layers.get(name, _NOT_TRIED) for name in FLOOR}
            missing = {name: result for name, result in results.items() if result != "ok"}
            # A lock that cannot be set keeps the later ones from being tried: name it alone.
            missing = {name: result for name, result in missing.items() if result != _NOT_TRIED} or missing
            self.report = {
                "floor": "met" if not missing else "not met",
                "layers": [
                    *(
                        {"name": name, "on": result == "ok", "floor": True, "detail": result}
                        for name, result in results.items()
                    ),
                    {
                        "name": "namespaces",
                        "on": bool(facts["namespaces"]),
                        "floor": False,
                        "detail": ", ".join(facts["namespaces"]) or "this user may make none",
                    },
                    {
                        "name": "control group",
                        "on": isinstance(self._groups, ControlGroups),
                        "floor": False,
                        "detail": str(self._groups),
                    },
                ],
                "landlock_abi": facts["landlock_abi"],
                "limits": self.policy.limits.model_dump(),
                "uid": facts["uid"],
                "architecture": facts["architecture"],
                "kernel": facts["kernel"],
                "python": facts["python"],
                "torch": facts["torch"],
            }
            if missing:
                self._server.close()
                self._server = None
                raise FloorNotMet(missing)
            self._baseline = results
            return self.report

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the fork server; its children die with it."""
        with self._lock:
            if self._server is not None:
                self._server.close()
                self._server = None
            if isinstance(self._groups, ControlGroups):
                self._groups.close()
                self._groups = NotDelegated(_NOT_TRIED)

    @property
    def server_pid(self) -> int | None:
        """The fork server's process, while there is one."""
        server = self._server
        return server.process.pid if server else None

    @property
    def spare_pids(self) -> list[int]:
        """The processes of the spare children."""
        server = self._server
        return server.spares.pids if server else []

    @contextlib.contextmanager
    def child(
        self,
        limits: Limits | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        role: Role = "student",
    ) -> Iterator[LockedChild]:
        """A fresh child, killed at the end of the context. A dead, hung or worn-out fork server is replaced first.

        The role is to run student code, to measure an artefact in a child that never runs student code, or to read.

        Raises `InfrastructureFault` when no child can be made.
        """
        with contextlib.ExitStack() as stack:
            server, child = self._enter_child(stack, limits or self.policy.limits, cancelled, role)
            if {name: child.layers.get(name) for name in FLOOR} != self._baseline:
                self._discard(server)
                raise InfrastructureFault(f"a child was locked down differently than at the start: {child.layers}")
            try:
                yield child
            except ServerFault:
                self._discard(server)
                raise
            finally:
                metering.add(child.cpu_seconds())

    def _enter_child(
        self, stack: contextlib.ExitStack, limits: Limits, cancelled: Callable[[], bool], role: Role
    ) -> tuple[_ForkServer, LockedChild]:
        """Enter a locked child, with several tries."""
        for attempt in range(_TRIES):
            server = self._running_server()
            try:
                return server, stack.enter_context(server.child(limits, cancelled, role))
            except ServerFault:
                self._discard(server)
                if attempt:
                    raise
            except NoRoom:
                server.spares.clear()
                if attempt == _TRIES - 1:
                    raise
                time.sleep(_PAUSE_SECONDS * 2**attempt)
            if cancelled():
                raise Cancelled
        raise AssertionError("the last try returns or raises")

    def _running_server(self) -> _ForkServer:
        with self._lock:
            if not self._baseline:
                raise InfrastructureFault("the sandbox was not started")
            server = self._server
            if server is not None and server.is_alive() and not server.is_worn_out():
                return server
            if server is not None:
                server.close_after_last_child()
                self._server = None
            server = _ForkServer(self.policy, self._groups, self.module)
            server.wait_until_ready()
            self._server = server
            return server

    def _discard(self, server: _ForkServer) -> None:
        """Close a server that failed; one that has replaced it already stays."""
        server.close()
        with self._lock:
            if self._server is server:
                self._server = None


class _ForkServer:
    """One fork server process and the socket on which children are ordered."""

    def __init__(self, policy: Policy, groups: ControlGroups | NotDelegated, module: str) -> None:
        self.children_made = 0
        self._groups = groups if isinstance(groups, ControlGroups) else None
        self._started_at = time.monotonic()
        self._policy = policy
        self._is_retiring = False
        self._open_children = 0
        self._lock = threading.Lock()
        self.spares = Spares(self._make, policy.server.spare_kinds)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        with theirs:
            try:
                self.process = subprocess.Popen(
                    [sys.executable, "-I", "-c", _BOOT, module, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    env=ENVIRONMENT,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                    cwd="/",
                )
            except OSError as error:
                ours.close()
                raise ServerFault(f"the fork server cannot be started: {error}") from error
        self._facts: dict[str, Any] = {}
        ours.settimeout(policy.server.start_seconds)
        with contextlib.suppress(OSError):  # `wait_until_ready` reports a process that has ended
            ours.send(json.dumps({"policy": policy.model_dump_json()}).encode())

    def wait_until_ready(self) -> dict[str, Any]:
        """The report of the warm process. Closes it, and raises, when it does not start."""
        if self._facts:
            return self._facts
        try:
            answer = json.loads(self._control.recv(1 << 20) or b"{}")
        except (OSError, ValueError) as error:
            self.close()
            raise ServerFault(f"the fork server did not start: {error}") from error
        if "failed" in answer:
            self.close()
            raise FloorNotMet({"uid": str(answer["failed"]).rstrip(".")})
        if "ready" not in answer:
            code = self.process.wait(10)
            self.close()
            raise ServerFault(f"the fork server ended while it started, with code {code}")
        self._facts = answer["ready"]
        return self._facts

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def is_worn_out(self) -> bool:
        """Whether the policy replaces it now, by its age or the number of children it has made."""
        server = self._policy.server
        return self.children_made >= server.children or time.monotonic() - self._started_at > server.minutes * 60

    @contextlib.contextmanager
    def child(self, limits: Limits, cancelled: Callable[[], bool], role: Role) -> Iterator[LockedChild]:
        """A locked child, a spare if there is one. Raises `ServerFault`, `NoRoom`, `InfrastructureFault`."""
        order = Order(limits, role)
        with self._lock:
            self.children_made += 1
            self._open_children += 1
        try:
            spare = self.spares.take(order) or self._make(order, cancelled)
            try:
                with spare.cleanup:
                    spare.child.start_clocks(cancelled)
                    yield spare.child
            finally:
                if not self._is_retiring:  # after the work: a fork beside it would take its processor
                    self.spares.prepare(order)
        finally:
            with self._lock:
                self._open_children -= 1
                last = self._is_retiring and self._open_children == 0
            if last:
                self.close()

    def _make(self, order: Order, cancelled: Callable[[], bool] = lambda: False) -> SpareChild:
        """Order a child and wait until it is locked. Raises `ServerFault`, `NoRoom`, `InfrastructureFault`."""
        with contextlib.ExitStack() as cleanup:
            group = cleanup.enter_context(self._control_group(order.limits))
            child = cleanup.enter_context(contextlib.closing(_open_channel(order.limits, cancelled, group)))
            message = json.dumps({"limits": order.limits.model_dump(), "role": order.role}).encode()
            try:
                with self._lock:
                    socket.send_fds(self._control, [message], child.child_fds())
            except OSError as error:
                raise ServerFault(f"the fork server takes no orders: {error}") from error
            finally:
                child.close_child_fds()
            child.wait_until_locked(self._policy.server.spawn_seconds)
            return SpareChild(child, cleanup.pop_all())

    @contextlib.contextmanager
    def _control_group(self, limits: Limits) -> Iterator[Group | None]:
        """A control group for a child, removed after it. Raises `NoRoom`."""
        if self._groups is None:
            yield None
            return
        try:
            group = self._groups.make(limits)
        except OSError as error:
            raise NoRoom(str(error)) from error
        try:
            yield group
        finally:
            self._groups.remove(group)

    def close_after_last_child(self) -> None:
        """Close when the last child has ended."""
        with self._lock:
            self._is_retiring = True
            idle = self._open_children == 0
        if idle:
            self.close()

    def close(self) -> None:
        """Close the socket, at which the process ends; kill it if it does not."""
        self._control.close()
        if not self._facts:
            self.process.kill()  # it reads its socket only after its imports
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.spares.close()


def _open_channel(limits: Limits, cancelled: Callable[[], bool], group: Group | None) -> LockedChild:
    try:
        return LockedChild(limits, cancelled, group)
    except OSError as error:
        raise NoRoom(f"no pipe can be made: {error}") from error


_BOOT = (
    "import os,sys,importlib; fd=int(sys.argv[2]); os.dup2(fd,3); fd!=3 and os.close(fd); "
    "importlib.import_module(sys.argv[1]).main()"
)
