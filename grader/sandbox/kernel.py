"""The few kernel interfaces that Python lacks, by ctypes. Constants are the kernel's ABI on x86_64 and aarch64."""

from __future__ import annotations

import contextlib
import ctypes
import os

PR_SET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_GET_NO_NEW_PRIVS, PR_SET_NO_NEW_PRIVS = 1, 3, 4, 39, 38
PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 23, 24, 47, 4
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x40000000,
)

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def check(result: int, call: str) -> int:
    """Turn libc's -1 into an ``OSError`` that names the call."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def prctl(option: int, *arguments: int) -> int:
    """prctl(2). Raises ``OSError``."""
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    return check(libc.prctl(ctypes.c_int(option), *values), f"prctl({option})")


def syscall(number: int, *arguments: object) -> int:
    """A raw system call: integers and ctypes pointers as arguments. Raises ``OSError``."""
    values = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return check(libc.syscall(ctypes.c_long(number), *values), f"system call {number}")


def unshare(flags: int) -> None:
    """unshare(2). Raises ``OSError``."""
    check(libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2). Raises ``OSError`` that names the target."""
    check(
        libc.mount(
            source.encode(),
            target.encode(),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            data.encode() if data else None,
        ),
        f"mount {target}",
    )


class _CapHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapData(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


_CAPABILITY_VERSION_3 = 0x20080522


def drop_bounding_set() -> None:
    """Empty the set that bounds the capabilities of later programs, if this thread has CAP_SETPCAP."""
    for capability in range(64):
        try:
            if prctl(PR_CAPBSET_READ, capability) == 1:
                prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # EINVAL past the last capability; EPERM without CAP_SETPCAP, when none can be gained
            continue


def bounding_set() -> int:
    """The bounding set of this thread as a bit mask."""
    mask = 0
    for capability in range(64):
        with contextlib.suppress(OSError):
            mask |= prctl(PR_CAPBSET_READ, capability) << capability
    return mask


def drop_capabilities() -> None:
    """Empty the bounding, ambient, inheritable, permitted and effective sets of this thread. Raises ``OSError``."""
    drop_bounding_set()
    with contextlib.suppress(OSError):
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header, data = _CapHeader(_CAPABILITY_VERSION_3, 0), (_CapData * 2)()
    check(libc.capset(ctypes.byref(header), ctypes.byref(data)), "capset")


def capabilities() -> tuple[int, int]:
    """The permitted and effective capability sets of this thread as bit masks."""
    header, data = _CapHeader(_CAPABILITY_VERSION_3, 0), (_CapData * 2)()
    check(libc.capget(ctypes.byref(header), ctypes.byref(data)), "capget")
    return data[0].permitted | data[1].permitted << 32, data[0].effective | data[1].effective << 32
