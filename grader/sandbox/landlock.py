"""File access by Landlock: a ruleset is made once in the fork server, each child binds itself to it.

See landlock(7). ABI 1 (Linux 5.13) is enough for the floor; newer ones add truncation, devices, TCP, signals.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable

from grader.sandbox import kernel
from grader.sandbox.syscalls import Architecture

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_CREATE_VERSION, _RULE_PATH_BENEATH = 1, 1
_NETWORK_BIND_CONNECT, _SCOPE_SOCKETS_SIGNALS = 3, 3


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi(architecture: Architecture) -> int:
    """The kernel's Landlock ABI, 0 where there is none."""
    try:
        return kernel.syscall(
            architecture.numbers["landlock_create_ruleset"], ctypes.c_void_p(None), ctypes.c_size_t(0), _CREATE_VERSION
        )
    except OSError:
        return 0


def ruleset(architecture: Architecture, version: int, paths: Iterable[str]) -> int:
    """A descriptor of a ruleset that allows reading the paths and nothing else. Missing paths are skipped."""
    rights = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    attributes = _Ruleset(
        (1 << rights) - 1,
        _NETWORK_BIND_CONNECT if version >= 4 else 0,
        _SCOPE_SOCKETS_SIGNALS if version >= 6 else 0,
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    fd = kernel.syscall(
        architecture.numbers["landlock_create_ruleset"], ctypes.byref(attributes), ctypes.c_size_t(size), 0
    )
    for path in paths:
        try:
            parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            directory = stat.S_ISDIR(os.fstat(parent).st_mode)
            rule = _PathBeneath(_READ_FILE | (_READ_DIR if directory else 0), parent)
            kernel.syscall(architecture.numbers["landlock_add_rule"], fd, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
        finally:
            os.close(parent)
    return fd


def restrict(architecture: Architecture, fd: int) -> None:
    """Bind this thread to the ruleset, for good. Needs no_new_privs. Raises ``OSError``."""
    kernel.syscall(architecture.numbers["landlock_restrict_self"], fd, 0)
