"""The tests in the places where Assay really runs: a container's default profile, or bubblewrap's namespaces.

    python -m tests.hostile.setups container [pytest's arguments]
    python -m tests.hostile.setups bubblewrap [pytest's arguments]

Both leave root first. ``container`` refuses what a container engine's default profile refuses, so that no namespace can
be made; ``bubblewrap`` puts everything, the supervisor too, into namespaces of its own with a read-only view of the
files.
"""

from __future__ import annotations

import errno
import os
import shutil
import site
import sys
from pathlib import Path

from grader.sandbox import kernel, mounts, seccomp, syscalls
from grader.sandbox.policy import default
from grader.sandbox.syscalls import Architecture

ROOT = Path(__file__).parents[2]
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NAMESPACES = 0x7E020080
"""Every CLONE_NEW flag."""
_REFUSED = (
    "unshare", "setns", "mount", "umount2", "pivot_root", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount",
    "fspick", "mount_setattr", "keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd",
    "io_uring_setup", "io_uring_enter", "io_uring_register", "open_by_handle_at", "kexec_load", "init_module",
    "finit_module", "delete_module", "reboot", "swapon", "swapoff", "acct", "quotactl", "syslog", "settimeofday",
    "clock_settime",
)  # fmt: skip


def profile(architecture: Architecture) -> list[seccomp.Code]:
    """A filter that refuses what a container engine's default profile refuses to a process without capabilities."""
    numbers = architecture.numbers
    program: list[seccomp.Code] = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture.audit), (_RETURN, 0, 0, _ALLOW)]
    program += [(_LOAD, 0, 0, 0), (_EQUAL, 0, 1, numbers["clone3"]), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    for name in _REFUSED:
        program += [(_EQUAL, 0, 1, numbers[name]), (_RETURN, 0, 0, _ERRNO | errno.EPERM)]
    program += [(_EQUAL, 0, 3, numbers["clone"]), (_LOAD, 0, 0, 16), (_ANY_BIT, 0, 1, _NAMESPACES)]
    return [*program, (_RETURN, 0, 0, _ERRNO | errno.EPERM), (_RETURN, 0, 0, _ALLOW)]


def leave_root() -> None:
    """Become an ordinary user who can still reach the interpreter, the environment and this project."""
    if os.geteuid() == 0:
        mounts.expose([Path(sys.base_prefix), Path(sys.prefix), *map(Path, site.getsitepackages()), ROOT])
        mounts.become_user(mounts.free_uid(default().server.free_uid + 1))


def enter(setup: str, arguments: list[str]) -> None:
    """Become pytest in that set-up. Never returns."""
    os.chdir(ROOT)
    leave_root()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *(arguments or ["tests/hostile", "-q"])]
    if setup == "container":
        here = syscalls.here()
        assert here is not None
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        seccomp.install(profile(here), here.numbers["seccomp"])
    else:
        outside = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
        for needed in sorted({str(ROOT), sys.prefix, sys.base_prefix}):
            outside += ["--ro-bind", needed, needed]  # again: any of them may lie below /tmp
        command = [shutil.which("bwrap") or "bwrap", *outside, "--unshare-all", "--die-with-parent", "--", *command]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"}
    os.execve(command[0], command, {**environment, "ASSAY_TEST_SETUP": setup})


if __name__ == "__main__":
    if sys.argv[1:2] not in (["container"], ["bubblewrap"]):
        raise SystemExit(__doc__)
    enter(sys.argv[1], sys.argv[2:])
