"""How long a process has been idle, by the kernel's state of its threads. See proc_pid_stat(5)."""

from __future__ import annotations

import os
import time
from pathlib import Path

from grader.sandbox import status

_WAITING = frozenset("ST")
"""Asleep, or stopped by a signal. ``R`` (wants a core) and ``D`` (waits for the disk) are not idle."""


class IdleClock:
    """Counts while a process uses no processor time and no thread can run. A process that cannot be read is busy."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")
        self.restart()

    def restart(self) -> None:
        """Count from zero."""
        self._since, self._used = time.monotonic(), -1

    def seconds(self) -> float:
        """Seconds since the process last worked."""
        letter, used = status.state(self._folder / "stat")
        if used != self._used or letter not in _WAITING or self._may_run():
            self._since, self._used = time.monotonic(), used
        return time.monotonic() - self._since

    def _may_run(self) -> bool:
        try:
            threads = os.listdir(self._folder / "task")
        except OSError:
            return True
        return any(status.state(self._folder / "task" / thread / "stat")[0] not in _WAITING for thread in threads)
