"""One run: a cluster under load, fault after fault, and then the invariants."""

from __future__ import annotations

import signal
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import invariants
from tests.chaos.cluster import Cluster
from tests.chaos.faults import FaultInjector, plan
from tests.chaos.load import Load

SETTLE_SECONDS = 300.0
BUSY_SECONDS = 30.0
_EXPECTED_EXIT_CODES = {"service": (0, -signal.SIGTERM), "twin": (0, 1, -signal.SIGKILL)}
"""Exit codes other than 0: the server ends by the signal that stops it, a twin by its kill."""


@dataclass
class ChaosReport:
    """The result of a run. ``violations`` is empty when every invariant holds."""

    seed: int
    database: str
    kills: int = 0
    injected: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    refusals: int = 0
    post_seconds: float = 0.0
    fault_seconds: float = 0.0
    settle_seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


def run_chaos(kills: int, database: str, seed: int, *, threads: int = 4, folder: Path | None = None) -> ChaosReport:
    """Inject faults until ``kills`` processes were killed, then check the invariants. ``folder`` keeps the logs."""
    with tempfile.TemporaryDirectory(prefix="assay-chaos-") as own:
        cluster = Cluster(folder or Path(own), database)
        try:
            return _run_under_load(cluster, ChaosReport(seed, database), kills, threads)
        finally:
            cluster.close()


def _run_under_load(cluster: Cluster, report: ChaosReport, kills: int, threads: int) -> ChaosReport:
    load = Load(cluster.url, cluster.students(max(4, kills) * threads), report.seed, threads)
    injector = FaultInjector(cluster)
    cluster.start_all()
    load.start()
    start = time.monotonic()
    try:
        for fault in plan(report.seed):
            if injector.kills >= kills:
                break
            _wait_until_busy(cluster, load, fault.worker)
            time.sleep(fault.after)
            hit = injector.inject(fault)
            print(f"{time.monotonic() - start:8.1f}s  {fault.kind} ({fault.worker}){'' if hit else ': no target'}")
    finally:
        cluster.start_all()
        load.stop()
    report.fault_seconds = round(time.monotonic() - start, 1)
    report.injected = injector.injected
    report.kills = injector.kills
    report.accepted, report.refusals = len(load.accepted), load.refusals
    report.post_seconds = round(statistics.median(load.latencies), 3) if load.latencies else 0.0
    start = time.monotonic()
    invariants.wait_until_settled(cluster.settings, SETTLE_SECONDS)
    report.settle_seconds = round(time.monotonic() - start, 1)
    report.violations = [f"{name} did not come back" for name in cluster.wait_until_up(SETTLE_SECONDS)]
    codes = cluster.stop()
    report.violations += [
        f"{name} ended with {code}" for name, code in codes.items() if code not in _EXPECTED_EXIT_CODES.get(name, (0,))
    ]
    report.violations += [f"process {pid} still runs" for pid in cluster.surviving()]
    report.violations += invariants.violations(cluster.settings, load.accepted)
    return report


def _wait_until_busy(cluster: Cluster, load: Load, worker: str) -> None:
    """Wait until the last fault is overcome: a new submission was accepted, and the worker has a fork server."""
    accepted, until = len(load.accepted), time.monotonic() + BUSY_SECONDS
    while time.monotonic() < until and not (len(load.accepted) > accepted and cluster.descendants(worker)):
        time.sleep(0.05)
