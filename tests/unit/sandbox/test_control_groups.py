"""Control groups on a folder that imitates the kernel's. `tests/hostile/test_control_groups.py` uses the real one."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.sandbox import control_groups
from grader.sandbox.control_groups import ControlGroups, NotDelegated
from grader.sandbox.policy import default

POLICY = default().control_group
LIMITS = default().limits.override({"memory_mb": 100, "threads": 10, "torch_threads": 2})
FILES = {
    "cgroup.procs": "", "cgroup.subtree_control": "", "memory.max": "", "memory.swap.max": "", "pids.max": "",
    "cpu.max": "", "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n",
}  # fmt: skip


class Hierarchy:
    """A folder in which new folders get the kernel's files, and are removed with them."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, controllers: str = "cpuset cpu io memory pids"):
        self.root, self.base = root / "mount", root / "mount" / "service.scope"
        self.busy = False
        monkeypatch.setattr(control_groups, "_mkdir", self.mkdir)
        monkeypatch.setattr(control_groups, "_rmdir", self.rmdir)
        self.root.mkdir()
        self.mkdir(self.base)
        (self.base / "cgroup.controllers").write_text(controllers)
        self.membership, self.mounts = root / "cgroup", root / "mountinfo"
        self.membership.write_text("4:memory:/elsewhere\n0::/service.scope\n")
        self.mounts.write_text(f"30 23 0:26 / {self.root} rw,relatime shared:4 - cgroup2 cgroup2 rw\n")

    def mkdir(self, path: Path) -> None:
        path.mkdir()
        for name, text in FILES.items():
            (path / name).write_text(text)

    def rmdir(self, path: Path) -> None:
        if self.busy:
            raise OSError(errno.EBUSY, "busy")
        if not path.exists():
            raise FileNotFoundError
        shutil.rmtree(path)

    def find(self, service: int | None = None) -> ControlGroups | NotDelegated:
        return control_groups.find_control_groups(POLICY, self.membership, self.mounts, service)

    def groups(self) -> ControlGroups:
        groups = self.find()
        assert isinstance(groups, ControlGroups), groups
        return groups


@pytest.fixture
def hierarchy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hierarchy:
    return Hierarchy(tmp_path, monkeypatch)


def test_the_service_moves_into_a_leaf_and_delegates_the_controllers(hierarchy: Hierarchy) -> None:
    (hierarchy.base / "cgroup.procs").write_text(f"{os.getpid()}\n")
    groups = hierarchy.groups()
    assert groups.base == hierarchy.base
    assert (hierarchy.base / "assay-service" / "cgroup.procs").read_text() == str(os.getpid())
    assert (hierarchy.base / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"
    assert str(groups) == "memory, pids, cpu"


def test_a_service_in_its_leaf_finds_the_same_base_again(hierarchy: Hierarchy) -> None:
    hierarchy.groups()
    hierarchy.membership.write_text("0::/service.scope/assay-service\n")
    assert hierarchy.groups().base == hierarchy.base


def test_a_mounted_part_of_the_hierarchy_is_found(hierarchy: Hierarchy) -> None:
    hierarchy.membership.write_text("0::/docker/abc/service.scope\n")
    hierarchy.mounts.write_text(f"30 23 0:26 /docker/abc {hierarchy.root} rw - cgroup2 cgroup rw\n")
    assert hierarchy.groups().base == hierarchy.base


def test_a_group_holds_the_limits_of_its_child(hierarchy: Hierarchy) -> None:
    group = hierarchy.groups().make(LIMITS)
    limits = {name: (group.path / name).read_text() for name in FILES if name.endswith("max")}
    assert limits == {
        "memory.max": str((100 + POLICY.spare_mb) << 20),
        "memory.swap.max": "0",
        "pids.max": str(10 + POLICY.spare_threads),
        "cpu.max": f"{200_000 * POLICY.cores_a_thread:.0f} 100000",
    }
    group.add(4321)
    assert (group.path / "cgroup.procs").read_text() == "4321"


def test_a_kernel_that_counts_no_swap_is_fine(hierarchy: Hierarchy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(FILES, "memory.swap.max")
    assert (hierarchy.groups().make(LIMITS).path / "memory.max").exists()


def test_two_groups_are_two_and_go_when_they_can(hierarchy: Hierarchy) -> None:
    groups = hierarchy.groups()
    first, second = groups.make(LIMITS), groups.make(LIMITS)
    assert first.path != second.path
    hierarchy.busy = True  # the process in it is still dying
    groups.remove(first)
    assert first.path.exists()
    hierarchy.busy = False
    groups.remove(second)
    assert not first.path.exists()
    assert not second.path.exists()


def test_a_group_that_cannot_be_limited_is_not_left_behind(
    hierarchy: Hierarchy, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = hierarchy.groups()
    monkeypatch.delitem(FILES, "pids.max")
    with pytest.raises(OSError, match="no control group can be made"):
        groups.make(LIMITS)
    assert not list(hierarchy.base.glob("assay-child-*"))


def test_groups_of_a_killed_service_are_swept(hierarchy: Hierarchy) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    stale, alive = (hierarchy.base / f"assay-child-{pid}-0" for pid in (dead.pid, os.getpid()))
    for path in (stale, alive):
        hierarchy.mkdir(path)
    hierarchy.groups()
    assert not stale.exists()
    assert alive.exists()


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ("oom 0\noom_kill 0\n", (0, 0)),
        ("low 0\nmax 31\noom 2\noom_kill 1\noom_group_kill 0\n", (2, 1)),
        ("max 0\noom 0\noom_kill 1\n", (0, 1)),
    ],
)
def test_memory_events_are_counted(hierarchy: Hierarchy, events: str, expected: tuple[int, int]) -> None:
    group = hierarchy.groups().make(LIMITS)
    (group.path / "memory.events").write_text(events)
    assert group.memory_events() == expected


def test_a_group_with_other_processes_is_not_used(hierarchy: Hierarchy) -> None:
    (hierarchy.base / "cgroup.procs").write_text(f"{os.getpid()}\n1\n")
    assert "other processes" in str(hierarchy.find())
    assert not (hierarchy.base / "assay-service").exists()


def test_the_service_that_started_this_worker_may_share_its_group(hierarchy: Hierarchy) -> None:
    (hierarchy.base / "cgroup.procs").write_text(f"{os.getppid()}\n{os.getpid()}\n")
    assert "other processes" in str(hierarchy.find())
    assert isinstance(hierarchy.find(service=os.getppid()), ControlGroups)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("memory", "no memory controller"),
        ("membership", "not mounted"),
        ("mounts", "cannot be seen"),
        ("base", "another user"),
    ],
)
def test_the_reason_names_what_is_missing(hierarchy: Hierarchy, missing: str, reason: str) -> None:
    if missing == "memory":
        (hierarchy.base / "cgroup.controllers").write_text("cpu pids hugetlb")
    elif missing == "membership":
        hierarchy.membership.write_text("4:memory:/elsewhere\n")
    elif missing == "mounts":
        hierarchy.mounts.unlink()
    else:
        (hierarchy.base / "cgroup.procs").unlink()
    groups = hierarchy.find()
    assert isinstance(groups, NotDelegated)
    assert reason in str(groups)
