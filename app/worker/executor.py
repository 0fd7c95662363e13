"""The executor id of a worker process: unique among running workers, and the same after a restart.

The job engine returns the jobs of a dead worker to the next one with its id, so a restarted worker continues at once.
Two running workers with one id would both run the same jobs.
"""

from __future__ import annotations

import fcntl
import itertools
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from app.settings import Settings


class ExecutorIdTaken(Exception):
    """Another running worker has this executor id. Set ASSAY_EXECUTOR_ID to a name of its own for each worker."""


class ExecutorId:
    """An executor id, reserved by a file lock that the kernel releases at the end of the process."""

    def __init__(self, settings: Settings) -> None:
        """Take the configured name, or the host's name with the first free slot. Raises `ExecutorIdTaken`."""
        folder = settings.data_dir / "executors"
        folder.mkdir(parents=True, exist_ok=True)
        for name in _names(settings):
            lock = _lock(folder / f"{name}.lock")
            if lock is not None:
                self.name = name
                self._lock = lock
                return
        raise ExecutorIdTaken(f"The executor id {settings.executor_id} is taken by another worker on this machine.")

    def release(self) -> None:
        """Let another process have the name."""
        self._lock.close()


def _names(settings: Settings) -> Iterator[str]:
    if settings.executor_id is not None:
        return iter([settings.executor_id])
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:60] or "host"
    return (f"{host}-{slot}" for slot in itertools.count(1))


def _lock(path: Path) -> IO[str] | None:
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
