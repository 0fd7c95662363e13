"""What processes cost: processor seconds and memory of one and of all below it, read from ``/proc``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.cluster import children


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    return [pid, *(below for child in children(pid) for below in tree(child))]


def cpu_seconds(pid: int) -> float:
    """Processor seconds of a process, of all below it, and of those below it that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / 100 + sum(map(cpu_seconds, children(pid)))


def busy_seconds() -> float:
    """Processor seconds that all processes of this machine have used since it started."""
    user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8])
    return (user + nice + system + irq + softirq) / 100


@dataclass(frozen=True)
class Memory:
    """Megabytes of a process: its proportional share of what it maps (PSS), and what is its own alone."""

    shared_out: float = 0.0
    private: float = 0.0

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.shared_out + other.shared_out, self.private + other.private)


def memory(pid: int) -> Memory:
    """The memory of one process; nothing of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return Memory()
    sizes = {name.rstrip(":"): int(size) / 1024 for name, size, *_ in map(str.split, lines)}
    return Memory(sizes["Pss"], sizes["Private_Clean"] + sizes["Private_Dirty"])


@dataclass
class Watched:
    """Peaks of a process and all below it: each process alone by its id, and all at one moment."""

    each: dict[int, Memory] = field(default_factory=dict)
    together: Memory = field(default_factory=Memory)

    def look(self, pid: int) -> None:
        """Take the peaks of this moment."""
        seen = {each: memory(each) for each in tree(pid)}
        for each, found in seen.items():
            before = self.each.get(each, Memory())
            self.each[each] = Memory(max(before.shared_out, found.shared_out), max(before.private, found.private))
        self.together = max(self.together, sum(seen.values(), Memory()), key=lambda found: found.shared_out)


@contextmanager
def watched(pid: int, every_seconds: float = 0.05) -> Iterator[Watched]:
    """Look at a process and all below it again and again."""
    found, stop = Watched(), threading.Event()

    def look() -> None:
        while not stop.wait(every_seconds):
            try:
                found.look(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue  # something ended while it was looked at

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()
