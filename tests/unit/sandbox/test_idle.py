"""A sleeping process is idle; one that works, wants a core, or is dead is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from grader.sandbox.idle import IdleClock

SLEEPS = "import time; print(flush=True); time.sleep(600)"
SPINS = "print(flush=True)\nwhile True: pass"
ONE_THREAD_SPINS = (
    f"import threading\nthreading.Thread(target=lambda: exec({SPINS!r})).start()\nthreading.Event().wait()"
)


@pytest.mark.parametrize(
    ("program", "idle"), [(SLEEPS, True), (SPINS, False), (ONE_THREAD_SPINS, False)], ids=["sleeps", "spins", "thread"]
)
def test_sleeping_is_idle_and_spinning_is_not(program: str, idle: bool) -> None:
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        clock = IdleClock(process.pid)
        _until(lambda: clock.seconds() >= 0.3, 30 if idle else 1.5)
        assert (clock.seconds() >= 0.3) is idle
        clock.restart()
        assert clock.seconds() < 0.3
    finally:
        process.kill()
        process.communicate()


def test_a_stopped_process_is_idle_and_a_dead_one_is_not() -> None:
    process = subprocess.Popen([sys.executable, "-c", SPINS], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    clock = IdleClock(process.pid)
    os.kill(process.pid, signal.SIGSTOP)
    _until(lambda: clock.seconds() >= 0.3, 30)
    assert clock.seconds() >= 0.3
    process.kill()
    process.communicate()
    assert clock.seconds() < 0.3


def _until(holds: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
