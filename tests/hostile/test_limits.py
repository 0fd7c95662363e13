"""A reply that hits a limit names it, with the amounts allowed and used."""

from __future__ import annotations

import pytest

from grader.evidence import Outcome
from grader.sandbox.policy import default
from grader.sandbox.supervisor import Sandbox
from tests.hostile.children import run_source

NAP = "import time\nwhile True: time.sleep(0.001)"
LOCK = "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()"
LOW = {
    "cpu_seconds": 1,
    "wall_seconds": 8,
    "memory_mb": 300,
    "output_mb": 1,
    "threads": 40,
    "reply_mb": 1,
    "idle_seconds": 3,
}
THREADS = """
import threading, time
threading.stack_size(65536)
for _ in range(200):
    threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
time.sleep(7)
"""
REPLY = "import os, struct\nos.write(4, struct.pack('<4sIBxxxIQ', b'ASY1', 1, 3, 2, 5 << 20))"


@pytest.mark.parametrize(
    ("source", "outcome", "limit", "allowed", "least", "unit"),
    [
        ("while True: pass", Outcome.TIMEOUT, "CPU time", 1, 0.5, "s"),
        (NAP, Outcome.TIMEOUT, "wall time", 8, 8, "s"),
        ("import time\ntime.sleep(99)", Outcome.TIMEOUT, "idle time", 3, 3, "s"),
        (LOCK, Outcome.TIMEOUT, "idle time", 3, 3, "s"),
        ("import torch\ntorch.ones(1 << 30)", Outcome.MEMORY, "memory", 300, 4096, "MB"),
        ("kept = []\nwhile True: kept.append(bytearray(1 << 20))", Outcome.MEMORY, "memory", 300, 200, "MB"),
        ("while True: print('x' * 9999)", Outcome.OUTPUT_LIMIT, "output", 1, 1, "MB"),
        (THREADS, Outcome.ERROR, "threads", 40, 41, "threads"),
        (REPLY, Outcome.PROTOCOL, "reply", 1, 5, "MB"),
    ],
    ids=["processor", "wall", "asleep", "deadlock", "one tensor", "many pieces", "output", "threads", "reply"],
)
def test_the_reply_names_the_limit(
    sandbox: Sandbox, source: str, outcome: Outcome, limit: str, allowed: float, least: float, unit: str
) -> None:
    with sandbox.child(default().limits.override(LOW)) as child:
        reply = run_source(child, source)
        assert (reply.outcome, reply.limit and reply.limit.limit) == (outcome, limit), reply
        assert reply.limit is not None
        assert (reply.limit.allowed, reply.limit.unit) == (allowed, unit)
        assert reply.limit.used is not None
        assert least <= reply.limit.used < 10 * max(least, allowed)


def test_a_shortened_wall_time_is_named(sandbox: Sandbox) -> None:
    with sandbox.child(default().limits.override(LOW)) as child:
        child.shorten(99)
        child.shorten(1.5)
        reply = run_source(child, NAP)
        assert reply.outcome is Outcome.TIMEOUT
        assert reply.limit is not None
        assert (reply.limit.limit, reply.limit.allowed) == ("wall time", 1.5)


def test_a_refused_allocation_of_unknown_size_has_no_use(sandbox: Sandbox) -> None:
    with sandbox.child(default().limits.override(LOW)) as child:
        reply = run_source(child, "bytearray(1 << 40)")
        assert reply.outcome is Outcome.MEMORY
        assert reply.limit is not None
        assert reply.limit.used is None
