"""Children in real control groups: they enter before their source arrives, and the group is removed after them.

The controllers themselves may be bound elsewhere on this machine; their values are checked on a folder that plays the
kernel (`tests/unit/sandbox/test_control_groups.py`).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.evidence import Outcome
from grader.sandbox import child as children
from grader.sandbox.control_groups import ControlGroups, Group
from grader.sandbox.policy import Limits, default
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import Sandbox
from tests.hostile.children import run_source, until, without_spares

SUICIDE = "import os\nos.kill(os.getpid(), 9)"


def _hierarchy() -> Path | None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if " - cgroup2 " in line and os.access(line.split()[4], os.W_OK):
            return Path(line.split()[4])
    return None


HIERARCHY = _hierarchy()
pytestmark = [
    pytest.mark.usefixtures("warm_fork_servers"),
    pytest.mark.skipif(HIERARCHY is None, reason="this user may make no control group on this machine"),
]


@pytest.fixture(scope="module")
def grouped() -> Iterator[Sandbox]:
    """A sandbox whose children get groups without controllers."""
    with Sandbox(without_spares()) as sandbox:
        give_groups(sandbox)
        yield sandbox


def give_groups(sandbox: Sandbox) -> ControlGroups:
    assert HIERARCHY is not None
    assert sandbox._server is not None
    groups = ControlGroups(HIERARCHY, (), default().control_group)
    sandbox._groups = sandbox._server._groups = groups
    sandbox._server.spares.clear()
    return groups


@pytest.mark.parametrize("kinds", [0, 1], ids=["made when ordered", "made ahead"])
def test_a_child_is_in_its_group_and_the_group_is_removed_with_it(kinds: int) -> None:
    with Sandbox(without_spares(kinds)) as sandbox:
        until(lambda: len(sandbox.spare_pids) == kinds)
        groups = give_groups(sandbox)
        for _ in range(20):
            with sandbox.child() as child:
                assert child._group is not None
                assert (child._group.path / "cgroup.procs").read_text().split() == [str(child.pid)]
                assert run_source(child, "x = 1").outcome is Outcome.OK
    assert list(groups.base.glob(f"assay-child-{os.getpid()}-*")) == []


@pytest.mark.parametrize(
    ("events", "outcome"),
    [((1, 1), Outcome.MEMORY), ((0, 0), Outcome.DIED), ((0, 1), None)],
    ids=["its own limit", "by its own hand", "the machine's memory"],
)
def test_a_full_group_and_a_full_machine_are_distinguished(
    grouped: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    events: tuple[int, int],
    outcome: Outcome | None,
) -> None:
    """A submission cannot make its death look like a fault of the service while another's group overflows."""
    monkeypatch.setattr(Group, "memory_events", lambda group: events)
    counts = iter(range(100))
    monkeypatch.setattr(children, "_oom_kills", lambda: next(counts))
    with grouped.child() as child:
        if outcome is None:
            with pytest.raises(InfrastructureFault, match="out of memory"):
                run_source(child, SUICIDE)
        else:
            assert run_source(child, SUICIDE).outcome is outcome
            assert child.end is not None
            assert child.end["signal"] == signal.SIGKILL


def test_a_group_that_cannot_be_made_is_tried_again(grouped: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    server, groups, refused = grouped.server_pid, grouped._groups, iter([True, True, False])
    assert isinstance(groups, ControlGroups)
    make = groups.make

    def full(limits: Limits) -> Group:
        if next(refused):
            raise OSError(28, "no control group can be made: No space left on device")
        return make(limits)

    monkeypatch.setattr(groups, "make", full)
    with grouped.child() as child:
        assert run_source(child, "x = 1").outcome is Outcome.OK
    assert grouped.server_pid == server
