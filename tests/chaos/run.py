"""One storm: a cluster under load, blow upon blow, and then the truth."""

from __future__ import annotations

import signal
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import truth
from tests.chaos.blows import Striker, plan
from tests.chaos.cluster import Cluster
from tests.chaos.load import Load

SETTLE_SECONDS = 300.0
BUSY_SECONDS = 30.0
_FINE = {"service": (0, -signal.SIGTERM), "twin": (0, 1, -signal.SIGKILL)}
"""Exit codes: the server ends by the very signal that asked it to."""


@dataclass
class Storm:
    """What came of it. ``wrong`` is empty when all is well."""

    seed: int
    database: str
    kills: int = 0
    dealt: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    refusals: int = 0
    post_seconds: float = 0.0
    storm_seconds: float = 0.0
    settle_seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


def storm(kills: int, database: str, seed: int, *, threads: int = 4, folder: Path | None = None) -> Storm:
    """Kill so often, and look at what is left. The logs stay in ``folder`` where one is given."""
    with tempfile.TemporaryDirectory(prefix="assay-chaos-") as own:
        cluster = Cluster(folder or Path(own), database)
        try:
            return _weather(cluster, Storm(seed, database), kills, threads)
        finally:
            cluster.close()


def _weather(cluster: Cluster, seen: Storm, kills: int, threads: int) -> Storm:
    load = Load(cluster.url, cluster.students(max(4, kills) * threads), seen.seed, threads)
    striker = Striker(cluster)
    cluster.start_all()
    load.start()
    begun = time.monotonic()
    try:
        for blow in plan(seen.seed):
            if striker.kills >= kills:
                break
            _wait_until_busy(cluster, load, blow.worker)
            time.sleep(blow.after)
            hit = striker.deal(blow)
            print(f"{time.monotonic() - begun:8.1f}s  {blow.what} ({blow.worker}){'' if hit else ': nothing to hit'}")
    finally:
        cluster.start_all()
        load.stop()
    seen.storm_seconds = round(time.monotonic() - begun, 1)
    seen.dealt = striker.dealt
    seen.kills = striker.kills
    seen.accepted, seen.refusals = len(load.accepted), load.refusals
    seen.post_seconds = round(statistics.median(load.latencies), 3) if load.latencies else 0.0
    begun = time.monotonic()
    truth.wait_until_settled(cluster.settings, SETTLE_SECONDS)
    seen.settle_seconds = round(time.monotonic() - begun, 1)
    seen.wrong = [f"{name} did not come back" for name in cluster.wait_until_up(SETTLE_SECONDS)]
    codes = cluster.stop()
    seen.wrong += [f"{name} ended with {code}" for name, code in codes.items() if code not in _FINE.get(name, (0,))]
    seen.wrong += [f"process {pid} is left" for pid in cluster.left()]
    seen.wrong += truth.wrong(cluster.settings, load.accepted)
    return seen


def _wait_until_busy(cluster: Cluster, load: Load, worker: str) -> None:
    """A blow is worth something when the last one is overcome: something new was taken, and the worker is warm."""
    taken, until = len(load.accepted), time.monotonic() + BUSY_SECONDS
    while time.monotonic() < until and not (len(load.accepted) > taken and cluster.descendants(worker)):
        time.sleep(0.05)
