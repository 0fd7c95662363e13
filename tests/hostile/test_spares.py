"""Children made ahead are children like any other: the ordered limits, the whole time, gone when not needed."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from grader.evidence import Outcome
from grader.sandbox import status
from grader.sandbox.spares import Order
from grader.sandbox.supervisor import Sandbox
from tests.hostile.spares import until, without_spares
from tests.hostile.test_submissions import living

pytestmark = pytest.mark.usefixtures("light_fork_servers")

LOAD = {"prelude": "", "filename": "a.py"}
LIMIT = {"source": "import resource\nprint(resource.getrlimit(resource.RLIMIT_CPU)[0])", **LOAD}


@pytest.fixture(scope="module")
def keeping() -> Iterator[Sandbox]:
    """A sandbox with a spare for the latest kind of order."""
    with Sandbox(without_spares(1)) as sandbox:
        yield sandbox


def spare(sandbox: Sandbox) -> int:
    """The process that waits, when it does."""
    until(lambda: len(sandbox.spare_pids) == 1)
    return sandbox.spare_pids[0]


def test_the_next_order_gets_the_child_that_waited_and_another_one_is_made_after_it(keeping: Sandbox) -> None:
    with keeping.child():
        pass
    waiting = spare(keeping)
    with keeping.child() as child:
        assert child.pid == waiting
        assert child.request("load", {"source": "x = 1", **LOAD}).outcome is Outcome.OK
        assert _wanted(keeping) == [], "none is forked beside the work"
    assert spare(keeping) != waiting


def test_another_kind_of_order_gets_its_own_limits(keeping: Sandbox) -> None:
    waiting = spare(keeping)
    with keeping.child(keeping.policy.limits.override({"cpu_seconds": 17})) as child:
        assert child.pid != waiting
        assert child.request("load", LIMIT).outcome is Outcome.OK
        assert child.stdout == "17\n"
    until(lambda: keeping.spare_pids != [waiting])
    with keeping.child(role="measure") as child:
        assert child.request("load", LIMIT).outcome is not Outcome.OK, "a measuring child loads no source"


def test_a_spare_that_died_is_handed_to_nobody(keeping: Sandbox) -> None:
    with keeping.child():
        pass
    dead = spare(keeping)
    os.kill(dead, signal.SIGKILL)
    until(lambda: status.read(dead) == {})
    with keeping.child() as child:
        assert child.pid != dead
        assert child.request("load", {"source": "x = 1", **LOAD}).outcome is Outcome.OK


def test_waiting_is_not_counted_as_the_students_time() -> None:
    with Sandbox(without_spares(1)) as sandbox:
        limits = sandbox.policy.limits.override({"wall_seconds": 4, "idle_seconds": 4})
        with sandbox.child(limits):
            pass
        until(lambda: [order.limits for order in _kinds(sandbox)] == [limits])
        waiting = spare(sandbox)
        time.sleep(4.5)
        with sandbox.child(limits) as child:
            assert child.pid == waiting
            reply = child.request("load", {"source": "import time\ntime.sleep(0.5)", **LOAD})
            assert reply.outcome is Outcome.OK, reply


def _kinds(sandbox: Sandbox) -> list[Order]:
    assert sandbox._server is not None
    return [order for order, held in list(sandbox._server.spares._waiting.items()) if held is not None]


def _wanted(sandbox: Sandbox) -> list[Order]:
    """The kinds of which one waits or is being made."""
    assert sandbox._server is not None
    return list(sandbox._server.spares._waiting)


def test_a_spare_makes_room_for_who_needs_it(keeping: Sandbox) -> None:
    """Six descriptors are free and a child takes ten: the spare's six are given up."""
    with keeping.child():
        pass
    spare(keeping)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(map(int, os.listdir("/proc/self/fd")))
    filling = [os.open("/dev/null", os.O_RDONLY)]
    while filling[-1] < used:
        filling.append(os.open("/dev/null", os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(used, *filling) + 7, hard))
    try:
        with keeping.child(keeping.policy.limits.override({"cpu_seconds": 18})) as child:
            assert child.request("load", LIMIT).outcome is Outcome.OK
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in filling:
            os.close(fd)


def test_closing_leaves_no_spare_no_thread_and_no_descriptor(keeping: Sandbox) -> None:
    spare(keeping)  # or it would be made while descriptors are counted
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(2):  # the first time, while it is being made
        with Sandbox(without_spares(1)) as sandbox, sandbox.child():
            server = sandbox.server_pid or 0
        assert living(server) == []
        assert threading.active_count() == threads
        assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_spare_goes_with_its_fork_server() -> None:
    with Sandbox(without_spares(1)) as sandbox:
        waiting, server = spare(sandbox), sandbox.server_pid or 0
        os.kill(server, signal.SIGKILL)
        until(lambda: status.read(waiting) == {})
        with sandbox.child() as child:
            assert child.request("load", {"source": "x = 1", **LOAD}).outcome is Outcome.OK
        assert sandbox.server_pid != server
