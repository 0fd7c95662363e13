"""Whose fault it is: after READY the student's, before it ours; a fork server that fails is replaced."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader import pipeline, scoring
from grader.assignment import Assignment
from grader.evidence import Outcome
from grader.sandbox import policy, status
from grader.sandbox.child import LockedChild, NoRoom, ServerFault
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import Cancelled, Sandbox
from grader.submission import Part, SubmittedParts
from tests.hostile.children import run_source, until, without_spares
from tests.hostile.test_submissions import HONEST, living_children, no_child_is_left

pytestmark = pytest.mark.usefixtures("warm_fork_servers")

SLEEPY = b"import time\n\n\ndef loss_fn_kd(student_logits, labels, teacher_logits):\n    time.sleep(60)\n"


@pytest.fixture
def own() -> Iterator[Sandbox]:
    """A sandbox to break: its fork server may take two seconds for a child."""
    server = policy.default().server.model_copy(update={"spawn_seconds": 2})
    with Sandbox(policy.default().model_copy(update={"server": server})) as sandbox:
        yield sandbox


def server_of(sandbox: Sandbox) -> int:
    assert sandbox.server_pid is not None
    return sandbox.server_pid


def serves(sandbox: Sandbox, assignment: Assignment) -> bool:
    evidence = pipeline.grade(assignment, HONEST, sandbox).evidence["2.1"]
    return scoring.score(assignment, "2.1", evidence).verdict is scoring.Verdict.FULL


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_or_hung_fork_server_is_replaced(own: Sandbox, hw13: Assignment, number: signal.Signals) -> None:
    before = server_of(own)
    os.kill(before, number)
    assert serves(own, hw13)
    assert server_of(own) != before
    assert status.read(before) == {}, "the old one is gone"


@pytest.mark.parametrize("message", [b"nonsense", b"[]", b'{"pid": 1}', b'{"pid": "one"}', b""])
def test_a_fork_server_that_talks_nonsense_is_at_fault(message: bytes) -> None:
    child = LockedChild(policy.default().limits, lambda: False)
    with contextlib.closing(child):
        child._child_notice.send(message)
        child.close_child_fds()
        with pytest.raises(ServerFault):
            child.wait_until_locked(2)


def test_an_order_that_is_nonsense_ends_a_child_and_not_the_fork_server(own: Sandbox, hw13: Assignment) -> None:
    server = server_of(own)
    assert own._server is not None
    child = LockedChild(own.policy.limits, lambda: False)
    with contextlib.closing(child):
        socket.send_fds(own._server._control, [b"nonsense"], child.child_fds())
        child.close_child_fds()
        with pytest.raises(InfrastructureFault, match="before it was locked"):
            child.wait_until_locked(5)
    own._server._control.send(b"an order without descriptors")
    assert serves(own, hw13)
    assert server_of(own) == server


def test_the_time_that_we_were_away_is_not_the_childs(own: Sandbox) -> None:
    """The child sleeps no longer than it may, while the own process gets no core for longer than the limits."""
    absences = [0.0]

    def cancelled() -> bool:
        time.sleep(absences.pop() if absences else 0)
        return False

    with own.child(own.policy.limits.override({"wall_seconds": 4, "idle_seconds": 2}), cancelled) as child:
        # The last is the first: we go when the child sleeps already.
        absences += [5.0, *[0.0] * 5]
        assert run_source(child, "import time\ntime.sleep(6)").outcome is Outcome.OK
        assert absences == []
        assert run_source(child, "import time\ntime.sleep(99)").outcome is Outcome.TIMEOUT


def test_a_submission_in_flight_is_an_infrastructure_fault_and_runs_again(own: Sandbox, hw13: Assignment) -> None:
    threading.Timer(1.0, os.kill, (server_of(own), signal.SIGKILL)).start()
    with pytest.raises(InfrastructureFault):
        pipeline.grade(hw13, SubmittedParts({"loss": Part(SLEEPY)}), own)
    assert serves(own, hw13)


def test_a_fork_server_that_dies_takes_its_children_along(own: Sandbox) -> None:
    with own.child() as child:
        pid = child.pid or 0
        os.kill(server_of(own), signal.SIGKILL)
        until = time.monotonic() + 5
        while time.monotonic() < until and _state(pid) not in "ZX":
            time.sleep(0.01)
        assert _state(pid) in "ZX"


def _state(pid: int, parent: int | None = None) -> str:
    """The kernel's letter for the state of a process, ``X`` for one that is gone or has another parent."""
    try:
        state, above = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return "X"
    return state if parent in (None, int(above)) else "X"


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's other processes count too")
def test_an_exhausted_process_table_is_survived(hw13: Assignment) -> None:
    """The fork server's id may have two processes: itself and one child."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    server_policy = policy.default().server.model_copy(update={"uid": 61_999})
    resource.setrlimit(resource.RLIMIT_NPROC, (2, hard))
    try:
        sandbox = Sandbox(policy.default().model_copy(update={"server": server_policy}))
        sandbox.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
    with contextlib.closing(sandbox):
        server = server_of(sandbox)
        assert no_child_is_left(sandbox)
        assert no_zombie_is_left(server)
        with contextlib.ExitStack() as first:
            first.enter_context(sandbox.child())
            with pytest.raises(NoRoom, match="fork"), sandbox.child():
                pass
            assert server_of(sandbox) == server, "the fork server is well, and others may be using it"
            threading.Timer(0.3, first.pop_all().close).start()
            assert serves(sandbox, hw13), "a child is had as soon as there is room"
        assert server_of(sandbox) == server


def test_exhausted_descriptors_are_survived(hw13: Assignment) -> None:
    with Sandbox(without_spares()) as own:
        exhaust_descriptors(own, hw13)


def exhaust_descriptors(own: Sandbox, hw13: Assignment) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(map(int, os.listdir("/proc/self/fd")))
    filling = [os.open("/dev/null", os.O_RDONLY)]
    while filling[-1] < used:  # the limit bounds the numbers, and there may be free ones in between
        filling.append(os.open("/dev/null", os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(used, *filling) + 4, hard))
    before = len(os.listdir("/proc/self/fd"))
    try:
        with pytest.raises(NoRoom, match="pipe"), own.child():
            pass
        assert len(os.listdir("/proc/self/fd")) == before, "nothing stays open"
    finally:
        for fd in filling:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert serves(own, hw13)


def test_a_full_or_read_only_disk_does_not_matter() -> None:
    """The sandbox writes no file at all: neither it nor its fork server may, here."""
    program = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "from grader.sandbox.supervisor import Sandbox\n"
        "with Sandbox() as sandbox, sandbox.child() as child:\n"
        "    reply = child.request('load', {'source': 'x = 1', 'prelude': '', 'filename': 'a.py'})\n"
        "    raise SystemExit(0 if reply.meta == {'defines': ['x']} else str(reply))\n"
    )
    environment = {**os.environ, "TMPDIR": "/nonexistent", "HOME": "/nonexistent"}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr


def test_a_worn_out_fork_server_is_replaced_while_its_children_finish() -> None:
    server = policy.default().server.model_copy(update={"children": 2})
    with Sandbox(policy.default().model_copy(update={"server": server})) as sandbox:
        first = server_of(sandbox)
        with sandbox.child() as child:
            with sandbox.child():
                assert server_of(sandbox) != first
            assert run_source(child, "x = 1").outcome is Outcome.OK
            assert status.read(first)
        assert status.read(first) == {}, "it ends with its last child"


def test_an_old_fork_server_is_replaced() -> None:
    old = policy.default().server.model_copy(update={"minutes": 1e-6})
    with Sandbox(policy.default().model_copy(update={"server": old})) as sandbox:
        first = server_of(sandbox)
        with sandbox.child():
            assert server_of(sandbox) != first


def test_a_supervisor_that_hangs_up_early_is_survived(own: Sandbox, hw13: Assignment) -> None:
    """The supervisor has closed its end of the notice socket."""
    server = server_of(own)
    os.kill(server, signal.SIGSTOP)
    child = LockedChild(own.policy.limits, lambda: False)
    order = b'{"limits": %s, "role": "student"}' % own.policy.limits.model_dump_json().encode()
    assert own._server is not None
    socket.send_fds(own._server._control, [order], child.child_fds())
    child.close_child_fds()
    child.close()
    os.kill(server, signal.SIGCONT)
    assert serves(own, hw13)
    assert server_of(own) == server
    assert no_child_is_left(own)


def test_a_cancelled_grading_leaves_no_child(sandbox: Sandbox, hw13: Assignment) -> None:
    start = time.monotonic()
    with pytest.raises(Cancelled):
        pipeline.grade(
            hw13, SubmittedParts({"loss": Part(SLEEPY)}), sandbox, is_cancelled=lambda: time.monotonic() > start + 0.5
        )
    assert no_child_is_left(sandbox)


def test_children_in_a_row_leave_nothing_behind(sandbox: Sandbox) -> None:
    """100 by default; `ASSAY_TEST_CHILDREN=1000` for more."""
    count = int(os.environ.get("ASSAY_TEST_CHILDREN", "100"))
    server = server_of(sandbox)
    for _ in range(20):  # so that one-time allocations do not count
        _one_child(sandbox)
    _settle(sandbox)
    assert no_child_is_left(sandbox)
    assert no_zombie_is_left(server)
    descriptors, memory = _descriptors(), status.read("self")["VmHWM"]
    server_descriptors, server_memory = _descriptors(server), status.read(server)["VmData"]
    for _ in range(count):
        _one_child(sandbox)
    _settle(sandbox)
    assert server_of(sandbox) == server
    assert no_child_is_left(sandbox)
    assert no_zombie_is_left(server)
    assert _descriptors() == descriptors
    assert _descriptors(server) == server_descriptors
    assert status.read("self")["VmHWM"] - memory < 10_000
    assert status.read(server)["VmData"] - server_memory < 2_000


def _one_child(sandbox: Sandbox) -> None:
    with sandbox.child() as child:
        assert run_source(child, "x = 1").outcome is Outcome.OK


def _settle(sandbox: Sandbox) -> None:
    """End the spares of other kinds, which might exist before the count and not after it."""
    assert sandbox._server is not None
    spares = sandbox._server.spares
    until(lambda: None not in spares._spares.values())
    spares.clear()


def _descriptors(pid: int | str = "self") -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except PermissionError:  # another user's: an ordinary user cannot look
        return 0


def no_zombie_is_left(parent: int) -> bool:
    """The dead are reaped by ``parent``, a moment after they died."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if not [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _state(pid, parent) == "Z"]:
            return True
        time.sleep(0.01)
    return False


def test_living_sees_a_child(sandbox: Sandbox) -> None:
    with sandbox.child() as child:
        until(lambda: sorted(living_children(server_of(sandbox))) == sorted([child.pid or 0, *sandbox.spare_pids]))
