"""Locks a child down for good to what the policy allows, before it receives the student's source."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from grader.sandbox import kernel, landlock, seccomp
from grader.sandbox.policy import Limits, Policy
from grader.sandbox.syscalls import Architecture

MB = 1 << 20
CHANNEL_FDS = 5
"""stdin, stdout, stderr, requests, replies: every other descriptor is closed."""


class NotLocked(Exception):
    """A lock cannot be set; carries its layer of the floor and the kernel's reason."""

    def __init__(self, layer: str, reason: str) -> None:
        super().__init__(f"{layer}: {reason}")
        self.layer, self.reason = layer, reason


@dataclass(frozen=True)
class Locks:
    """What the fork server prepares once for all children: system call table, Landlock ruleset, memory in use."""

    policy: Policy
    architecture: Architecture
    landlock_fd: int | None
    base_data_bytes: int
    base_size_bytes: int
    other_threads: int
    """Threads of the same uid when the server started: RLIMIT_NPROC counts them too."""
    server_pid: int
    was_privileged: bool
    """Whether it started as root or owns a user namespace: then even the bounding set must be empty."""


def limits_table(locks: Locks, limits: Limits) -> dict[int, tuple[int, int]]:
    """Soft and hard values by resource."""
    data = locks.base_data_bytes + limits.memory_mb * MB
    size = locks.base_size_bytes + (limits.memory_mb + limits.reserved_mb) * MB
    cpu = max(1, round(limits.cpu_seconds))
    threads = locks.other_threads + locks.policy.server.threads
    allowed = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    if allowed != resource.RLIM_INFINITY:
        threads = min(threads, allowed)  # a lower limit of the container is as good a backstop
    return {
        resource.RLIMIT_DATA: (data, data),
        resource.RLIMIT_AS: (size, size),
        resource.RLIMIT_NPROC: (threads, threads),
        resource.RLIMIT_CPU: (cpu, cpu + 2),  # the soft limit's SIGXCPU can be caught, the hard one's SIGKILL cannot
        resource.RLIMIT_NOFILE: (limits.open_files, limits.open_files),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_STACK: (limits.stack_mb * MB, limits.stack_mb * MB),
        resource.RLIMIT_MEMLOCK: (0, 0),
        resource.RLIMIT_MSGQUEUE: (0, 0),
        resource.RLIMIT_SIGPENDING: (256, 256),
    }


def lock(locks: Locks, limits: Limits, before_filter: Callable[[], None]) -> None:
    """Lock this process down, in the order that keeps each step possible. Single-threaded. Raises `NotLocked`.

    ``before_filter`` runs when everything but the system call filter is in place.
    """
    without = locks.policy.without
    # PR_SET_PDEATHSIG is not inherited by fork and cleared by a change of id. Check the parent after it is set, or a
    # child could outlive a server that died in between.
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != locks.server_pid:
        os._exit(1)
    os.umask(0o077)
    if "rlimits" not in without:
        with _layer("rlimits"):
            for name, values in limits_table(locks, limits).items():
                resource.setrlimit(name, values)
    if "no_new_privs" not in without:
        with _layer("no_new_privs"):
            kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if kernel.prctl(kernel.PR_GET_NO_NEW_PRIVS) != 1:
        # Without it the kernel refuses Landlock and seccomp, and the report would name them.
        raise NotLocked("no_new_privs", "no_new_privs is not set")
    if "capabilities" not in without:
        with _layer("capabilities"):
            kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    if locks.landlock_fd is not None:
        with _layer("files"):
            landlock.restrict(locks.architecture, locks.landlock_fd)
    os.closerange(CHANNEL_FDS, 1 << 20)
    before_filter()
    if "seccomp" not in without:
        with _layer("seccomp"):
            program = seccomp.build(locks.policy, locks.architecture, os.getpid())
            seccomp.install(program, locks.architecture.numbers["seccomp"])


@contextmanager
def _layer(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # setrlimit raises ValueError beyond the hard limit
        raise NotLocked(name, str(error)) from error
