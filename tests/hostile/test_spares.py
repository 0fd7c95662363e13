"""Spare children are children like any other: with the limits of the order, all of their time, and an end."""

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
from tests.hostile.children import run_source, until, without_spares
from tests.hostile.test_submissions import living_children

pytestmark = pytest.mark.usefixtures("warm_fork_servers")

LIMIT = "import resource\nprint(resource.getrlimit(resource.RLIMIT_CPU)[0])"


@pytest.fixture(scope="module")
def sandbox_with_spare() -> Iterator[Sandbox]:
    """A sandbox with a spare for the latest kind of order."""
    with Sandbox(without_spares(1)) as sandbox:
        yield sandbox


def spare_pid(sandbox: Sandbox) -> int:
    """The process of the one spare; waits until there is one."""
    until(lambda: len(sandbox.spare_pids) == 1)
    return sandbox.spare_pids[0]


def test_the_next_order_gets_the_spare_and_another_one_is_made_after_it(sandbox_with_spare: Sandbox) -> None:
    with sandbox_with_spare.child():
        pass
    waiting = spare_pid(sandbox_with_spare)
    with sandbox_with_spare.child() as child:
        assert child.pid == waiting
        assert run_source(child, "x = 1").outcome is Outcome.OK
        assert _orders(sandbox_with_spare) == [], "none is forked beside the work"
    assert spare_pid(sandbox_with_spare) != waiting


def test_another_kind_of_order_gets_its_own_limits(sandbox_with_spare: Sandbox) -> None:
    waiting = spare_pid(sandbox_with_spare)
    with sandbox_with_spare.child(sandbox_with_spare.policy.limits.override({"cpu_seconds": 17})) as child:
        assert child.pid != waiting
        assert run_source(child, LIMIT).outcome is Outcome.OK
        assert child.stdout == "17\n"
    until(lambda: sandbox_with_spare.spare_pids != [waiting])
    with sandbox_with_spare.child(role="measure") as child:
        assert run_source(child, LIMIT).outcome is not Outcome.OK, "a measuring child loads no source"


def test_a_dead_spare_is_not_used(sandbox_with_spare: Sandbox) -> None:
    with sandbox_with_spare.child():
        pass
    dead = spare_pid(sandbox_with_spare)
    os.kill(dead, signal.SIGKILL)
    until(lambda: status.read(dead) == {})
    with sandbox_with_spare.child() as child:
        assert child.pid != dead
        assert run_source(child, "x = 1").outcome is Outcome.OK


def test_time_as_a_spare_does_not_count() -> None:
    with Sandbox(without_spares(1)) as sandbox:
        limits = sandbox.policy.limits.override({"wall_seconds": 4, "idle_seconds": 4})
        with sandbox.child(limits):
            pass
        until(lambda: [order.limits for order in _ready_orders(sandbox)] == [limits])
        waiting = spare_pid(sandbox)
        time.sleep(4.5)
        with sandbox.child(limits) as child:
            assert child.pid == waiting
            reply = run_source(child, "import time\ntime.sleep(0.5)")
            assert reply.outcome is Outcome.OK, reply


def _ready_orders(sandbox: Sandbox) -> list[Order]:
    """The orders for which a spare waits."""
    assert sandbox._server is not None
    return [order for order, spare in list(sandbox._server.spares._spares.items()) if spare is not None]


def _orders(sandbox: Sandbox) -> list[Order]:
    """The orders for which a spare waits or is being made."""
    assert sandbox._server is not None
    return list(sandbox._server.spares._spares)


def test_a_spare_ends_when_descriptors_run_out(sandbox_with_spare: Sandbox) -> None:
    """Six descriptors are free and a child takes ten, so the spare gives up its six."""
    with sandbox_with_spare.child():
        pass
    spare_pid(sandbox_with_spare)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(map(int, os.listdir("/proc/self/fd")))
    filling = [os.open("/dev/null", os.O_RDONLY)]
    while filling[-1] < used:
        filling.append(os.open("/dev/null", os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(used, *filling) + 7, hard))
    try:
        with sandbox_with_spare.child(sandbox_with_spare.policy.limits.override({"cpu_seconds": 18})) as child:
            assert run_source(child, LIMIT).outcome is Outcome.OK
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in filling:
            os.close(fd)


def test_closing_leaves_no_spare_no_thread_and_no_descriptor(sandbox_with_spare: Sandbox) -> None:
    spare_pid(sandbox_with_spare)  # or it would be made while descriptors are counted
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(2):  # the first time, while it is being made
        with Sandbox(without_spares(1)) as sandbox, sandbox.child():
            server = sandbox.server_pid or 0
        assert living_children(server) == []
        assert threading.active_count() == threads
        assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_spare_ends_with_its_fork_server() -> None:
    with Sandbox(without_spares(1)) as sandbox:
        waiting, server = spare_pid(sandbox), sandbox.server_pid or 0
        os.kill(server, signal.SIGKILL)
        until(lambda: status.read(waiting) == {})
        with sandbox.child() as child:
            assert run_source(child, "x = 1").outcome is Outcome.OK
        assert sandbox.server_pid != server
