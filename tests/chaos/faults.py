"""Faults that are injected into a cluster under load. A seed alone decides which fault comes when."""

from __future__ import annotations

import random
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.chaos.cluster import WORKERS, Cluster, processor_ticks, send

KILLS = ("service", "worker", "fork server", "child", "database")
"""Faults by SIGKILL. SQLite, which has no server, is locked for a while instead."""
OTHER_FAULTS = ("half an upload", "twin", "clock", "frozen worker")


@dataclass(frozen=True)
class Fault:
    """One fault: the seconds before it, its kind and its worker. ``fraction``, 0 to 1, scales its duration."""

    after: float
    kind: str
    worker: str
    fraction: float


def plan(seed: int) -> Iterator[Fault]:
    """Endless faults, mostly kills."""
    generator = random.Random(seed)
    while True:
        kind = generator.choice(OTHER_FAULTS if generator.random() < 0.2 else KILLS)
        yield Fault(generator.uniform(0.0, 2.0), kind, generator.choice(WORKERS), generator.random())


class FaultInjector:
    """Injects faults into one cluster and restarts the processes that they end."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.injected: dict[str, int] = {}
        self._injections: dict[str, Callable[[Fault], bool]] = {
            "service": lambda _: cluster.signal("service", signal.SIGKILL),
            "worker": lambda fault: cluster.signal(fault.worker, signal.SIGKILL),
            "fork server": lambda fault: self._kill_below(fault, 0),
            "child": lambda fault: self._kill_below(fault, -1),
            "database": self._disturb_database,
            "half an upload": self._send_half_an_upload,
            "twin": self._start_twin,
            "clock": self._shift_clock,
            "frozen worker": self._freeze,
        }

    @property
    def kills(self) -> int:
        """The number of kills that met a process."""
        return sum(self.injected.get(kind, 0) for kind in KILLS)

    def inject(self, fault: Fault) -> bool:
        """Inject a fault, then restart what has ended. False when its target does not run."""
        hit = self._injections[fault.kind](fault)
        self.injected[fault.kind] = self.injected.get(fault.kind, 0) + hit
        time.sleep(0.5 * fault.fraction)
        self.cluster.start_all()
        return hit

    def _kill_below(self, fault: Fault, level: int) -> bool:
        """The fork server (the first level) or one of the locked children (the last), if there is one."""
        until = time.monotonic() + 5
        while time.monotonic() < until:
            levels = self.cluster.descendants(fault.worker)
            if len(levels) > (0 if level == 0 else 1):
                return send(
                    max(levels[level], key=processor_ticks), signal.SIGKILL
                )  # not a spare child, which does nothing yet
            time.sleep(0.01)
        return False

    def _disturb_database(self, fault: Fault) -> bool:
        if self.cluster.server is not None:
            self.cluster.server.kill()
            time.sleep(3 * fault.fraction)
            self.cluster.server.start()
            return True
        path = self.cluster.folder / "assay.sqlite3"
        holder = sqlite3.connect(path, isolation_level=None, timeout=30)
        holder.execute("BEGIN IMMEDIATE")
        time.sleep(4 * fault.fraction)
        holder.execute("ROLLBACK")
        holder.close()
        return True

    def _send_half_an_upload(self, fault: Fault) -> bool:
        settings = self.cluster.settings
        head = (
            "POST /api/v1/submissions HTTP/1.1\r\nHost: assay\r\nAuthorization: Bearer nobody\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n"
            '--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nimport torch'
        )
        try:
            with socket.create_connection((settings.host, settings.port), timeout=5) as connection:
                connection.sendall(head.encode())
                time.sleep(fault.fraction)
        except OSError:
            return False
        return True

    def _start_twin(self, fault: Fault) -> bool:
        """Start a second worker with the same id, as on a copied machine: the first notices and ends."""
        data_dir = self.cluster.folder / f"twin-{fault.fraction:.6f}"
        data_dir.mkdir(exist_ok=True)
        self.cluster.start("twin", data_dir=data_dir, executor=fault.worker)
        time.sleep(6 + 4 * fault.fraction)
        self.cluster.signal("twin", signal.SIGKILL)
        return True

    def _shift_clock(self, fault: Fault) -> bool:
        self.cluster.clock(fault.worker).write_text(str(round((fault.fraction - 0.5) * 7200)))
        return True

    def _freeze(self, fault: Fault) -> bool:
        """Stop a worker, often for longer than the others wait for it, then let it continue."""
        stopped = self.cluster.signal(fault.worker, signal.SIGSTOP)
        time.sleep(self.cluster.settings.silent_seconds * (0.5 + fault.fraction))
        return self.cluster.signal(fault.worker, signal.SIGCONT) and stopped
