"""Processor seconds and memory of a process and of all its descendants, read from ``/proc``."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.cluster import children

_SCHEDULED = 2
"""The clock of a process, by which the scheduler accounts (CPUCLOCK_SCHED of the kernel)."""


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    return [pid, *(descendant for child in children(pid) for descendant in tree(child))]


def cpu_seconds(pid: int) -> float:
    """Processor seconds of a process and of all its descendants, also of those that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / 100 + sum(map(cpu_seconds, children(pid)))


def own_seconds(pid: int) -> float:
    """Processor seconds of all threads of a process, to the nanosecond; 0 for one that is gone."""
    try:
        return time.clock_gettime(~pid << 3 | _SCHEDULED)
    except OSError:
        return 0.0


def ended_seconds() -> float:
    """Processor seconds of all children of this process that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def busy_seconds() -> float:
    """Processor seconds that all processes of this machine have used since it started."""
    user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8])
    return (user + nice + system + irq + softirq) / 100


@dataclass(frozen=True)
class Memory:
    """Megabytes of a process: its proportional set size (a share of each shared page), and its private pages."""

    pss: float = 0.0
    private: float = 0.0

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.pss + other.pss, self.private + other.private)


def memory(pid: int) -> Memory:
    """The memory of one process; zero when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return Memory()
    sizes = {name.rstrip(":"): int(size) / 1024 for name, size, *_ in map(str.split, lines)}
    return Memory(sizes["Pss"], sizes["Private_Clean"] + sizes["Private_Dirty"])


@dataclass
class MemoryPeaks:
    """Peaks of a process and all its descendants: of each process by its id, and of all at one moment."""

    by_process: dict[int, Memory] = field(default_factory=dict)
    together: Memory = field(default_factory=Memory)

    def sample(self, pid: int) -> None:
        """Read the memory now and update the peaks."""
        sizes = {each: memory(each) for each in tree(pid)}
        for each, size in sizes.items():
            before = self.by_process.get(each, Memory())
            self.by_process[each] = Memory(max(before.pss, size.pss), max(before.private, size.private))
        self.together = max(self.together, sum(sizes.values(), Memory()), key=lambda size: size.pss)


@contextmanager
def memory_peaks(pid: int, every_seconds: float = 0.05) -> Iterator[MemoryPeaks]:
    """Sample the memory of a process and all its descendants until the block ends."""
    peaks, stop = MemoryPeaks(), threading.Event()

    def sample() -> None:
        while not stop.wait(every_seconds):
            try:
                peaks.sample(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue  # a process ended during the sample

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peaks
    finally:
        stop.set()
        thread.join()
