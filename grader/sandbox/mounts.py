"""Leaving root: a private view of the files, then an id of its own.

Started as root, the fork server must not stay root, but an interpreter below a closed home (mode 0700) cannot be
reached by another id. In a mount namespace of its own the closed directory is covered by an empty tmpfs, and only the
interpreter and the environment are bound back below it, read-only.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable
from pathlib import Path

from grader.sandbox import kernel


class CannotLeaveRoot(Exception):
    """The process was started as root and cannot change its user; the message names the remedy."""


def closed_ancestor(path: Path) -> Path | None:
    """The topmost directory above ``path`` (or ``path`` itself) that other users may not enter."""
    for directory in [*reversed(path.parents), path]:
        if directory.is_dir() and not directory.stat().st_mode & 0o001:
            return directory
    return None


def expose(needed: Iterable[Path]) -> list[str]:
    """Make every needed directory reachable by other users, in this process's view. Returns the covered directories.

    Raises `CannotLeaveRoot` where the kernel allows no mount namespace and a needed directory is closed.
    """
    closed: dict[Path, list[Path]] = {}
    for path in sorted({path.resolve() for path in needed}):
        ancestor = closed_ancestor(path)
        if ancestor is not None:
            closed.setdefault(ancestor, []).append(path)
    if not closed:
        return []
    try:
        kernel.unshare(kernel.CLONE_NEWNS)
        kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
        for ancestor, paths in closed.items():
            handles = [(path, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path in paths]
            kernel.mount("tmpfs", str(ancestor), "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755,size=1m")
            for path, fd in handles:
                path.mkdir(parents=True, exist_ok=True, mode=0o755)
                kernel.mount(f"/proc/self/fd/{fd}", str(path), None, kernel.MS_BIND | kernel.MS_REC)
                kernel.mount(
                    "none",
                    str(path),
                    None,
                    kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV,
                )
                os.close(fd)
    except OSError as error:
        closed_paths = ", ".join(str(path) for path in closed)
        raise CannotLeaveRoot(
            "Student code must not run as root, and another id cannot reach the interpreter because "
            f"{closed_paths} is closed to others ({error}). Start the service as an ordinary user, or install "
            "Python and the environment outside that directory."
        ) from error
    return [str(path) for path in closed]


def become_user(uid: int) -> None:
    """Give up root for ``uid`` and the group of the same number, for good. Raises `CannotLeaveRoot`."""
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise CannotLeaveRoot(
            f"Student code must not run as root, and changing to uid {uid} failed ({error}). Start the service as an "
            "ordinary user."
        ) from error


def free_uid(first: int) -> int:
    """The first id from ``first`` on that belongs to no user."""
    used = {entry.pw_uid for entry in pwd.getpwall()}
    return next(uid for uid in range(first, first + len(used) + 1) if uid not in used)


def isolate_root() -> list[str]:
    """Make the namespaces that root may: an empty network, own IPC, own host name. Returns their names."""
    namespaces = []
    for name, flag in (("network", kernel.CLONE_NEWNET), ("ipc", kernel.CLONE_NEWIPC), ("uts", kernel.CLONE_NEWUTS)):
        try:
            kernel.unshare(flag)
        except OSError:
            continue
        namespaces.append(name)
    return namespaces


def isolate_user() -> list[str]:
    """Make the same for an ordinary user, by a user namespace, where the system allows one."""
    uid, gid = os.getuid(), os.getgid()
    try:
        kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS)
    except OSError:
        return []
    for file, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path("/proc/self", file).write_text(text, encoding="ascii")
    return ["user", "network", "ipc", "uts"]
