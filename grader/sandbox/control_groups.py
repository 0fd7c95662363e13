"""A control group around each child, where cgroup v2 is delegated to the service: it counts what rlimits cannot.

A group bounds page cache, page tables and pipes along with the child's own memory, refuses a burst of threads at once,
and keeps a submission from using every core. It is an extra layer: the floor holds without it.
See https://docs.kernel.org/admin-guide/cgroup-v2.html, "Delegation" and "No Internal Process Constraint".
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from grader.sandbox.policy import ControlGroup, Limits

CONTROLLERS = ("memory", "pids", "cpu")
REQUIRED_CONTROLLER = "memory"
"""Without this controller a group costs more than it bounds."""
_CHILD = "assay-child"
_SERVICE = "assay-service"
"""Leaf group of the service: a group with processes of its own may not limit groups below it."""
_mkdir, _rmdir = os.mkdir, os.rmdir  # replaced by tests, where a folder stands for the kernel
_SWAP = "memory.swap.max"
_CPU_PERIOD = 100_000
_CLOSE_SECONDS = 2.0


@dataclass(frozen=True)
class NotDelegated:
    """No control group can be made here, and why."""

    reason: str

    def __str__(self) -> str:
        return self.reason


class _Undelegated(Exception):
    """Carries the reason of a `NotDelegated`."""


@dataclass
class Group:
    """The group of one child."""

    path: Path

    def add(self, pid: int) -> None:
        """Move a process with all its threads into the group, if it is alive. Raises ``OSError``."""
        with contextlib.suppress(ProcessLookupError):
            _write(self.path / "cgroup.procs", str(pid))

    def memory_events(self) -> tuple[int, int]:
        """(times that the group was full, processes killed because memory ran out).

        A kill in a group that was not full means that the machine or the service had no memory left.
        """
        counts = dict.fromkeys(("oom", "oom_kill"), 0)
        with contextlib.suppress(OSError):
            for line in (self.path / "memory.events").read_text(encoding="ascii").splitlines():
                name, _, value = line.partition(" ")
                if name in counts:
                    counts[name] = int(value)
        return counts["oom"], counts["oom_kill"]


@dataclass
class ControlGroups:
    """Makes and removes groups below the one that was delegated. Thread-safe."""

    base: Path
    controllers: tuple[str, ...]
    policy: ControlGroup
    _number: itertools.count[int] = field(default_factory=itertools.count)
    _to_remove: set[Path] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __str__(self) -> str:
        return ", ".join(self.controllers)

    def make(self, limits: Limits) -> Group:
        """A group with the child's limits. Raises ``OSError``."""
        path = self.base / f"{_CHILD}-{os.getpid()}-{next(self._number)}"
        try:
            _mkdir(path)
            for name, value in self._values(limits).items():
                if name != _SWAP or (path / name).exists():  # missing where the kernel does not count swap
                    _write(path / name, value)
        except OSError as error:
            self.remove(Group(path))
            raise OSError(error.errno, f"no control group can be made: {error.strerror}") from error
        return Group(path)

    def remove(self, group: Group) -> None:
        """Remove a group whose processes are dead or dying; one that is busy is removed with a later one."""
        with self._lock:
            self._to_remove = {path for path in {*self._to_remove, group.path} if not _remove(path)}

    def close(self) -> None:
        """Remove the remaining groups when the last child is dying, and give up after a while."""
        until = time.monotonic() + _CLOSE_SECONDS
        with self._lock:
            while self._to_remove and time.monotonic() < until:
                self._to_remove = {path for path in self._to_remove if not _remove(path)}
                time.sleep(0.005)

    def _values(self, limits: Limits) -> dict[str, str]:
        values = {}
        if "memory" in self.controllers:
            values["memory.max"] = str((limits.memory_mb + self.policy.spare_mb) << 20)
            values[_SWAP] = "0"
        if "pids" in self.controllers:
            values["pids.max"] = str(limits.threads + self.policy.spare_threads)
        if "cpu" in self.controllers:
            share = round(limits.torch_threads * self.policy.cores_a_thread * _CPU_PERIOD)
            values["cpu.max"] = f"{share} {_CPU_PERIOD}"
        return values


def find_control_groups(
    policy: ControlGroup,
    membership: Path = Path("/proc/self/cgroup"),
    mounts: Path = Path("/proc/self/mountinfo"),
    service: int | None = None,
) -> ControlGroups | NotDelegated:
    """The control groups that this service may make, or why it may make none. Moves the service into a leaf group.

    ``service`` is the topmost process of the service, by default this one; all below it belong to the service.
    """
    try:
        base = _own_group(membership, mounts)
        return ControlGroups(base, _delegate_controllers(base, service or os.getpid()), policy)
    except _Undelegated as reason:
        return NotDelegated(str(reason))
    except OSError as error:
        return NotDelegated(f"control groups cannot be made: {error.strerror}")


def _delegate_controllers(base: Path, service: int) -> tuple[str, ...]:
    """Delegate the controllers to groups below ``base``. Raises `_Undelegated` and ``OSError``."""
    if not os.access(base, os.W_OK) or not os.access(base / "cgroup.procs", os.W_OK):
        raise _Undelegated("another user owns the service's control group: start it with systemd and Delegate=yes")
    available = _words(base / "cgroup.controllers")
    controllers = tuple(name for name in CONTROLLERS if name in available)
    if REQUIRED_CONTROLLER not in controllers:
        raise _Undelegated(
            "cgroup v2 offers no memory controller here: version 1 has it, or the group above does not hand it down"
        )
    members = _words(base / "cgroup.procs")
    if set(members) - set(map(str, _family(service))):
        raise _Undelegated(
            "the service shares its control group with other processes: start it in one of its own, for example by "
            "systemd-run --user --scope -p Delegate=yes assay serve"
        )
    leaf = base / _SERVICE
    with contextlib.suppress(FileExistsError):
        _mkdir(leaf)
    for pid in members:
        Group(leaf).add(int(pid))
    _write(base / "cgroup.subtree_control", " ".join(f"+{name}" for name in controllers))
    for path in base.glob(f"{_CHILD}-*-*"):  # left by a service that was killed
        if not Path("/proc", path.name.split("-")[2]).exists():
            _remove(path)
    return controllers


def _own_group(membership: Path, mounts: Path) -> Path:
    """The group in the unified hierarchy that this process was started in. Raises `_Undelegated`."""
    try:
        groups = [line for line in membership.read_text(encoding="utf-8").splitlines() if line.startswith("0::")]
        mounted = mounts.read_text(encoding="utf-8").splitlines()
        hierarchies = [line.split() for line in mounted if " - cgroup2 " in line]
    except OSError as error:
        raise _Undelegated(f"control groups cannot be seen: {error.strerror}") from error
    if not groups or not hierarchies:
        raise _Undelegated("cgroup v2 is not mounted")
    # Fields 4 and 5 of mountinfo: the part of the hierarchy that is mounted, and where.
    root, point = hierarchies[0][3], hierarchies[0][4]
    path = groups[0].removeprefix("0::")
    if root != "/" and (path + "/").startswith(root + "/"):
        path = path[len(root) :]
    group = Path(point, path.lstrip("/"))
    return group.parent if group.name == _SERVICE else group


def _family(pid: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    family = [pid]
    for member in family:
        family += children.get(member, [])
    return family


def _remove(path: Path) -> bool:
    """Remove a group. Returns whether it is gone."""
    try:
        _rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:  # a process in it is still dying
        return False
    return True


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []


def _write(path: Path, text: str) -> None:
    """Write a control file in one call, as the kernel requires."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
