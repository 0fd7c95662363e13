"""The fork server: imports once what children use, then makes a locked-down child for every request of the supervisor.

Trusted, single-threaded, and started with an empty environment. It speaks over one socket (descriptor 3): a JSON
message with five descriptors asks for a child; the last of them is the child's notice socket, on which the server
reports the process, and later how it ended. It ends when the supervisor does.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import selectors
import signal
import site
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grader.sandbox import answering, frames, kernel, landlock, lockdown, mounts, probes, readable, status, syscalls
from grader.sandbox.policy import Limits, Policy

CONTROL = 3
_EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h."""
_CHANNEL_LENGTH = 5
"""Descriptors that come with an order: out, err, requests, replies, notice."""


Serve = Callable[[Limits, str], None]
"""What a locked child with these limits and this role does until its pipe of requests closes."""


def main() -> None:
    """Run the fork server of the children that run student code or measure artefacts."""
    run(warm_up, serve_code)


def run(warm_up: Callable[[Policy], None], serve_child: Serve) -> None:
    """Prepare, report, serve. Exits 78 when the machine cannot keep the policy."""
    control = socket.socket(fileno=CONTROL)
    setup = json.loads(control.recv(1 << 20))
    policy = Policy.model_validate_json(setup["policy"])
    try:
        facts, locks = prepare(policy, warm_up)
    except mounts.CannotLeaveRoot as error:
        control.send(json.dumps({"failed": str(error)}).encode())
        raise SystemExit(_EXIT_CONFIG) from error
    control.send(json.dumps({"ready": facts}).encode())
    serve(control, locks, serve_child)


def prepare(policy: Policy, warm_up: Callable[[Policy], None]) -> tuple[dict[str, Any], lockdown.Locks]:
    """Import what children use, leave root, make the Landlock ruleset. Raises `mounts.CannotLeaveRoot`."""
    gc.disable()  # imports leave no garbage, and collecting is a fifth of their time
    warm_up(policy)
    architecture = syscalls.here()
    if architecture is None:
        raise mounts.CannotLeaveRoot("There is no system call table for this machine: x86_64 and aarch64 have one.")
    paths = readable.paths(policy)
    covered: list[str] = []
    was_root = os.geteuid() == 0
    if was_root:
        namespaces = mounts.isolate_root()
        covered = mounts.expose([Path(sys.base_prefix), Path(sys.prefix), *map(Path, site.getsitepackages())])
        if "capabilities" not in policy.without:
            kernel.drop_bounding_set()
        if "uid" not in policy.without:
            mounts.become_user(policy.server.uid or mounts.free_uid(policy.server.free_uid))
        if covered:
            namespaces.append("mount")
    else:
        namespaces = mounts.isolate_user()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    version = min(landlock.abi(architecture), policy.landlock_abi or sys.maxsize)
    ruleset = None
    if version and "landlock" not in policy.without:
        fd = landlock.ruleset(architecture, version, paths)
        ruleset = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100)  # above the descriptors 0 to 4 of a child
        os.close(fd)
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"the fork server has {threads} threads: something imported starts them")
    memory = status.read("self")
    locks = lockdown.Locks(
        policy=policy,
        architecture=architecture,
        landlock_fd=ruleset,
        base_data_bytes=memory["VmData"] << 10,
        base_size_bytes=memory["VmSize"] << 10,
        other_threads=status.threads_of(os.getuid()),
        server_pid=os.getpid(),
        was_privileged=was_root or "user" in namespaces,
    )
    facts = {
        "pid": os.getpid(),
        "uid": os.getuid(),
        "started_as_root": was_root,
        "covered": covered,
        "namespaces": namespaces,
        "landlock_abi": version,
        "architecture": os.uname().machine,
        "kernel": os.uname().release,
        "python": probes.interpreter(),
        "torch": getattr(sys.modules.get("torch"), "__version__", None),
    }
    gc.collect()
    gc.freeze()  # the collector would otherwise write to, and so copy, every inherited page
    gc.enable()
    return facts, locks


def warm_up(policy: Policy) -> None:
    """Import what submissions use, and run one operation of each kind, on one thread; docs/new-torch.md says why.

    libgomp hangs in a fork of a process that ever ran two threads, so the number of threads is set before any operator.
    """
    tempfile.tempdir = "/tmp"  # noqa: S108 - else `tempfile` writes a file to choose one
    import torch

    torch.set_num_threads(1)
    import torchinfo

    from grader.sandbox.harness import serving, torch_private  # noqa: F401
    from reference_models import vision

    with contextlib.nullcontext() if policy.server.exports else torch_private.compiler_on_demand():
        vision.load()
        import torchvision.models
        import torchvision.transforms  # noqa: F401
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 11)
    )
    loss = torch.nn.functional.cross_entropy(model(torch.zeros(2, 3, 8, 8)), torch.zeros(2, dtype=torch.int64))
    torch.autograd.backward(loss)
    with torch.device("meta"):
        torchinfo.summary(
            torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)), input_data=torch.zeros(1, 3, 8, 8), device="meta", verbose=0
        )
    if policy.server.exports:
        import grader.measure.operations  # noqa: F401
        from grader.sandbox.harness import export, layers

        layers.make_normalize_exportable()
        torch.optim.AdamW(model.parameters()).step()
        export.warm_up()


class RunningChild:
    """A running child: its process descriptor and the notice socket on which its end is reported.

    The supervisor may close its side at any time; a report is then dropped.
    """

    def __init__(self, pid: int, sock: socket.socket) -> None:
        self.pid, self.sock = pid, sock
        self.pidfd = os.pidfd_open(pid)
        try:
            socket.send_fds(sock, [json.dumps({"pid": pid}).encode()], [self.pidfd])
        except OSError:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def report_end(self) -> None:
        """Reap the child and report how it ended and what it used."""
        _, status, usage = os.wait4(self.pid, 0)
        end = {
            "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "max_rss_kb": usage.ru_maxrss,
        }
        with contextlib.suppress(OSError):
            self.sock.send(json.dumps(end).encode())
        self.sock.close()
        os.close(self.pidfd)


def serve(control: socket.socket, locks: lockdown.Locks, serve_child: Serve) -> None:
    """Fork a child for each order and reap the dead, until the supervisor closes the socket."""
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if isinstance(key.data, RunningChild):
                selector.unregister(key.fd)
                key.data.report_end()
                continue
            message, fds, _, _ = socket.recv_fds(control, 1 << 16, _CHANNEL_LENGTH)
            if not message:
                return
            child = make_child(fds, locks, message, serve_child)
            if child is not None:
                selector.register(child.pidfd, selectors.EVENT_READ, child)


def make_child(fds: list[int], locks: lockdown.Locks, message: bytes, serve_child: Serve) -> RunningChild | None:
    """Fork for one order; the fork never returns. When the kernel refuses: ``None``, and a report to the supervisor."""
    if len(fds) != _CHANNEL_LENGTH:  # no descriptors were free to receive them
        for fd in fds:
            os.close(fd)
        return None
    *channel, notice_fd = fds
    sock = socket.socket(fileno=notice_fd)
    try:
        pid = os.fork()
    except OSError as error:
        with sock, contextlib.suppress(OSError):
            sock.send(json.dumps({"refused": f"fork: {error.strerror}"}).encode())
        return None
    finally:
        if os.getpid() == locks.server_pid:
            for fd in channel:
                os.close(fd)
    if pid == 0:
        become_child(channel, locks, message, serve_child)
    return RunningChild(pid, sock)


def become_child(channel: list[int], locks: lockdown.Locks, message: bytes, serve_child: Serve) -> None:
    """In the fork: move the channel to descriptors 0 to 4, lock down, report, serve. Never returns."""
    try:
        order = json.loads(message)
        limits = Limits(**order["limits"])
        stdout, stderr, requests, replies = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in channel)
        null = os.open("/dev/null", os.O_RDONLY)
        for target, fd in enumerate((null, stdout, stderr, requests, replies)):
            os.dup2(fd, target)
        signal.set_wakeup_fd(-1)
        sys.stdin = open(0, encoding="utf-8", errors="replace", closefd=False)
        sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)
        layers: dict[str, str] = {}
        try:
            lockdown.lock(locks, limits, lambda: layers.update(probes.probe_privileges(locks)))
            layers |= probes.probe_layers(locks, limits)
        except lockdown.NotLocked as missing:
            layers[missing.layer] = missing.reason
        answering.send(frames.encode(frames.READY, 0, {"layers": layers}))
        if all(layers.get(layer) == "ok" for layer in probes.FLOOR):
            serve_child(limits, order["role"])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def serve_code(limits: Limits, role: str) -> None:
    """Answer the requests to run student code, or those to measure an artefact."""
    from grader.sandbox.harness import serving

    if role == "measure":
        from grader.measure.operations import operations
    else:
        operations = serving.operations
    serving.serve(limits.torch_threads, operations())


if __name__ == "__main__":
    main()
