"""What is done to a cluster under load. Which blow comes when follows from a seed alone."""

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
"""Blows by SIGKILL. Without a server of its own, the database is locked for a while instead."""
OTHERS = ("half an upload", "twin", "clock", "frozen worker")


@dataclass(frozen=True)
class Blow:
    """One blow: after how many seconds, what, on which worker, and a number between 0 and 1 for the rest."""

    after: float
    what: str
    worker: str
    chance: float


def plan(seed: int) -> Iterator[Blow]:
    """Blows without end, kills mostly."""
    chance = random.Random(seed)
    while True:
        what = chance.choice(OTHERS if chance.random() < 0.2 else KILLS)
        yield Blow(chance.uniform(0.0, 2.0), what, chance.choice(WORKERS), chance.random())


class Striker:
    """Deals the blows to one cluster, and starts again what they ended."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.dealt: dict[str, int] = {}
        self._deals: dict[str, Callable[[Blow], bool]] = {
            "service": lambda _: cluster.signal("service", signal.SIGKILL),
            "worker": lambda blow: cluster.signal(blow.worker, signal.SIGKILL),
            "fork server": lambda blow: self._kill_below(blow, 0),
            "child": lambda blow: self._kill_below(blow, -1),
            "database": self._database,
            "half an upload": self._half_an_upload,
            "twin": self._twin,
            "clock": self._clock,
            "frozen worker": self._frozen,
        }

    @property
    def kills(self) -> int:
        """How many of the blows were kills that hit."""
        return sum(self.dealt.get(what, 0) for what in KILLS)

    def deal(self, blow: Blow) -> bool:
        """Strike, then start again what has ended. False when there was nothing to hit."""
        hit = self._deals[blow.what](blow)
        self.dealt[blow.what] = self.dealt.get(blow.what, 0) + hit
        time.sleep(0.5 * blow.chance)
        self.cluster.start_all()
        return hit

    def _kill_below(self, blow: Blow, level: int) -> bool:
        """The fork server (the first level) or one of the locked children (the last), if there is one."""
        until = time.monotonic() + 5
        while time.monotonic() < until:
            levels = self.cluster.descendants(blow.worker)
            if len(levels) > (0 if level == 0 else 1):
                return send(max(levels[level], key=processor_ticks), signal.SIGKILL)  # a spare child does nothing yet
            time.sleep(0.01)
        return False

    def _database(self, blow: Blow) -> bool:
        if self.cluster.server is not None:
            self.cluster.server.kill()
            time.sleep(3 * blow.chance)
            self.cluster.server.start()
            return True
        path = self.cluster.folder / "assay.sqlite3"
        holder = sqlite3.connect(path, isolation_level=None, timeout=30)
        holder.execute("BEGIN IMMEDIATE")
        time.sleep(4 * blow.chance)
        holder.execute("ROLLBACK")
        holder.close()
        return True

    def _half_an_upload(self, blow: Blow) -> bool:
        settings = self.cluster.settings
        head = (
            "POST /api/v1/submissions HTTP/1.1\r\nHost: assay\r\nAuthorization: Bearer nobody\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n"
            '--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nimport torch'
        )
        try:
            with socket.create_connection((settings.host, settings.port), timeout=5) as connection:
                connection.sendall(head.encode())
                time.sleep(blow.chance)
        except OSError:
            return False
        return True

    def _twin(self, blow: Blow) -> bool:
        """A second worker with the same id, as on a copied machine: the first finds out and ends."""
        elsewhere = self.cluster.folder / f"twin-{blow.chance:.6f}"
        elsewhere.mkdir(exist_ok=True)
        self.cluster.start("twin", data_dir=elsewhere, executor=blow.worker)
        time.sleep(6 + 4 * blow.chance)
        self.cluster.signal("twin", signal.SIGKILL)
        return True

    def _clock(self, blow: Blow) -> bool:
        self.cluster.clock(blow.worker).write_text(str(round((blow.chance - 0.5) * 7200)))
        return True

    def _frozen(self, blow: Blow) -> bool:
        """Silent for longer than the dead are waited for, then back as if nothing had happened."""
        frozen = self.cluster.signal(blow.worker, signal.SIGSTOP)
        time.sleep(self.cluster.settings.silent_seconds * (0.5 + blow.chance))
        return self.cluster.signal(blow.worker, signal.SIGCONT) and frozen
