"""Threads, memory and processor time of a process, from /proc/PID/status and /proc/PID/stat."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_FIELDS = {"Uid", "Threads", "VmSize", "VmData", "VmHWM"}


def read(pid: int | Literal["self"]) -> dict[str, int]:
    """Real uid, number of threads, and memory in kB, by the kernel's names. Empty for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    fields = (line.partition(":")[::2] for line in lines)
    return {name: int(value.split()[0]) for name, value in fields if name in _FIELDS}


def state(path: Path) -> tuple[str, int]:
    """The letter of the state, and the processor time used, in clock ticks, of a process' or thread's ``stat``."""
    try:
        fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return "?", 0
    return fields[0], int(fields[11]) + int(fields[12])


def cpu_seconds(pid: int) -> float:
    """Processor time of all threads of a process; 0 for one that is gone."""
    return state(Path(f"/proc/{pid}/stat"))[1] / _TICKS_PER_SECOND


def threads_of(uid: int) -> int:
    """Number of threads of all processes of ``uid`` that this process can see."""
    others = (read(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return sum(other.get("Threads", 0) for other in others if other.get("Uid") == uid)
