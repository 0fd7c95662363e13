"""Proves each layer of the floor in a locked child, by trying what the layer must refuse.

Runs in every child before the student's source arrives; the supervisor requires ``ok`` for each layer of `FLOOR`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import sys

from grader.sandbox import kernel
from grader.sandbox.lockdown import Locks, limits_table
from grader.sandbox.policy import Limits

FLOOR = ("uid", "no_new_privs", "capabilities", "seccomp", "files", "rlimits")
"""Layers without which nothing is graded."""
OWN_SOURCE = __file__
"""Stands for the project's packages, which hold the keys, cases and tolerances of assignments."""
_PROT_READ_WRITE, _MAP_SHARED_ANONYMOUS, _MAP_PRIVATE_ANONYMOUS, _MAP_PRIVATE_GROWSDOWN = 3, 0x21, 0x22, 0x122
_AF_INET, _AF_UNIX, _SOCK_STREAM = 2, 1, 1


def probe_privileges(locks: Locks) -> dict[str, str]:
    """Layers that only a process without a filter can ask the kernel about: ``ok`` or the fault."""
    permitted, effective = kernel.capabilities()
    remaining = permitted | effective | (kernel.bounding_set() if locks.was_privileged else 0)
    privileges = kernel.prctl(kernel.PR_GET_NO_NEW_PRIVS) == 1
    return {
        "no_new_privs": "ok" if privileges else "no_new_privs is not set",
        "capabilities": "ok" if not remaining else f"capabilities {remaining:#x} are left",
    }


def probe_layers(locks: Locks, limits: Limits) -> dict[str, str]:
    """The other layers of the floor by trying to pass them: ``ok`` or what was possible."""
    return {
        "uid": "ok" if os.getuid() and os.geteuid() and os.getgid() else "the child runs as root",
        "seccomp": _calls(locks),
        "files": _files(),
        "rlimits": _rlimits(locks, limits),
    }


def _calls(locks: Locks) -> str:
    numbers = locks.architecture.numbers
    null = ctypes.c_void_p(None)
    attempts: tuple[tuple[str, int, int, tuple[object, ...]], ...] = (
        ("socket", numbers["socket"], errno.EPERM, (_AF_INET, _SOCK_STREAM, 0)),
        ("socketpair", numbers["socketpair"], errno.EPERM, (_AF_UNIX, _SOCK_STREAM, 0, null)),
        ("fork", numbers["clone"], errno.EPERM, (int(signal.SIGCHLD), 0, 0, 0, 0)),
        ("execve", numbers["execve"], errno.EPERM, (ctypes.c_char_p(b"/"), null, null)),
        ("kill of the parent", numbers["kill"], errno.EPERM, (os.getppid(), 0)),
        ("memfd_create", numbers["memfd_create"], errno.EPERM, (ctypes.c_char_p(b"x"), 0)),
        ("shared memory", numbers["mmap"], errno.ENOMEM, (0, 4096, _PROT_READ_WRITE, _MAP_SHARED_ANONYMOUS, -1, 0)),
        ("stack memory", numbers["mmap"], errno.ENOMEM, (0, 4096, _PROT_READ_WRITE, _MAP_PRIVATE_GROWSDOWN, -1, 0)),
        ("clone3", numbers["clone3"], errno.ENOSYS, (null, 0)),
    )
    for name, number, expected, arguments in attempts:
        try:
            result = kernel.syscall(number, *arguments)
        except OSError as error:
            if error.errno != expected:
                return f"{name} failed with {errno.errorcode.get(error.errno or 0)}, not {errno.errorcode[expected]}"
            continue
        if name == "fork" and result == 0:
            os._exit(0)  # the filter allowed a new process, which is this one
        return f"{name} went through"
    return "ok"


def _files() -> str:
    for path, flags, expected in (
        (os.path.realpath(sys.executable), os.O_RDONLY, (errno.EACCES,)),  # readable by every user, but for Landlock
        (OWN_SOURCE, os.O_RDONLY, (errno.EACCES, errno.ENOENT)),
        ("/etc/passwd", os.O_RDONLY, (errno.EACCES, errno.ENOENT)),
        ("/", os.O_RDONLY | os.O_DIRECTORY, (errno.EACCES,)),
        (f"/proc/{os.getppid()}/environ", os.O_RDONLY, (errno.EACCES, errno.ENOENT)),
        ("/dev/null", os.O_WRONLY, (errno.EROFS, errno.EACCES)),
    ):
        try:
            os.close(os.open(path, flags))
        except OSError as error:
            if error.errno not in expected:
                return f"opening {path} failed with {errno.errorcode.get(error.errno or 0)}"
            continue
        return f"{path} could be opened"
    return "ok"


def _rlimits(locks: Locks, limits: Limits) -> str:
    for name, values in limits_table(locks, limits).items():
        if resource.getrlimit(name) != values:
            return f"limit {name} is {resource.getrlimit(name)}, not {values}"
    size = locks.base_data_bytes + (limits.memory_mb << 20)
    kernel.libc.mmap.restype = ctypes.c_void_p
    address = kernel.libc.mmap(None, ctypes.c_size_t(size), _PROT_READ_WRITE, _MAP_PRIVATE_ANONYMOUS, -1, 0)
    if address != ctypes.c_void_p(-1).value:
        kernel.libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(size))
        return f"{size >> 20} MB could be taken, past the limit"
    return "ok"


def interpreter() -> str:
    """The interpreter's version, recorded with every result."""
    return ".".join(map(str, sys.version_info[:3]))
