"""Threads and memory of a process, from /proc/PID/status."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

_FIELDS = {"Uid", "Threads", "VmSize", "VmData", "VmHWM"}


def read(pid: int | Literal["self"]) -> dict[str, int]:
    """Real uid, number of threads, and memory in kB, by the kernel's names. Empty for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    fields = (line.partition(":")[::2] for line in lines)
    return {name: int(value.split()[0]) for name, value in fields if name in _FIELDS}


def threads_of(uid: int) -> int:
    """Number of threads of all processes of ``uid`` that this process can see."""
    others = (read(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return sum(other.get("Threads", 0) for other in others if other.get("Uid") == uid)
