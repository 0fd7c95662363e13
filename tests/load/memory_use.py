"""The memory of everything that runs, as shares of a cold process with torch, and how many gradings fit in 4 GB.

    python -m tests.load.memory_use [--try 32]

Proportional set size (PSS) of ``/proc/PID/smaps_rollup``: a page that N processes share counts a N-th for each of them.
Peaks are those of looks every 50 ms. Must be run as root: a sandbox's children show their memory to nobody else.
``--try`` grades so many hand-ins at once in a worker and tells its peak.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from app.db import migrate
from app.settings import Settings
from grader.sandbox.supervisor import Sandbox
from tests.chaos.cluster import children
from tests.integration.service import ADMIN_TOKEN, Service, WorkerProcess, example
from tests.load import class_speed, full_grading, processes
from tests.load.processes import Memory

ROOM_MB = 4096
ANCHOR = "a cold process with torch"


def cold_process() -> Memory:
    """A plain process that has imported torch."""
    program = "import sys, torch; print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        return processes.memory(process.pid)


@contextmanager
def running(folder: Path, slots: int) -> Iterator[tuple[Service, WorkerProcess]]:
    """A service without a worker, and a worker with so many gradings at once."""
    settings = Settings(
        data_dir=folder,
        database_url=SecretStr(f"sqlite:///{folder}/memory.sqlite3"),
        admin_token=SecretStr(ADMIN_TOKEN),
        workers=slots,
    )
    migrate.upgrade(settings)
    service = Service(settings, worker=False)
    worker = WorkerProcess(settings, "memory")
    try:
        yield service, worker
    finally:
        worker.close()
        service.close()


def graded(service: Service, hand_ins: list[dict[str, str | bytes]]) -> None:
    """Hand all in at once and wait for their end."""
    submissions = [service.admin.hand_in(**parts) for parts in hand_ins]
    for submission in submissions:
        while (report := service.admin.report(submission, wait=60))["state"] in ("queued", "running"):
            pass
        if report["state"] != "graded":
            raise RuntimeError(report)


def peaks(service: Service, worker: WorkerProcess, *hand_ins: dict[str, str | bytes]) -> dict[str, Memory]:
    """The peaks of the worker, its fork server and the largest of the server's children, while these are graded."""
    pid = worker._process.pid
    (server,) = children(pid)
    with processes.watched(pid) as seen:
        graded(service, list(hand_ins))
    below = [found for each, found in seen.each.items() if each not in (pid, server)]
    return {
        "worker": seen.each[pid],
        "fork server": seen.each[server],
        "child": max(below, key=lambda found: found.private),
        "together": seen.together,
        "children": sum(below, Memory()),
    }


def idle_child() -> Memory:
    """A child that waits for its first request, beside its fork server alone."""
    with Sandbox() as sandbox, sandbox.child() as child:
        assert child.pid is not None
        return processes.memory(child.pid)


def hand_ins() -> dict[str, dict[str, str | bytes]]:
    """A hand-in that needs each kind of child."""
    light = class_speed.hand_in(1)
    heavy = {name: example(f"{name}.py") for name in ("model", "loss")}
    weights = full_grading.weights_of("hw13-correct")
    swept = (full_grading.EXAMPLES / "hw13-correct" / "model.py").read_bytes()
    return {
        "loss": {"loss": light["loss"]},
        "light model": {"model": light["model"]},
        "the example's model": {"model": heavy["model"]},
        "sweep of a light model": {"model": swept, "weights": weights},
    }


def measure(at_once: int = 0) -> list[dict[str, object]]:
    """One row a figure: name, ratio to the anchor, aim."""
    cold = cold_process()

    def row(figure: str, mb: float, anchor: str = ANCHOR, of: float = cold.shared_out) -> dict[str, object]:
        return {"figure": f"memory: {figure}", "ratio": round(mb / of, 3), "anchor": anchor, "aim": None}

    rows = [row("a child, idle", idle_child().private)]
    with tempfile.TemporaryDirectory() as name, running(Path(name), 1) as (service, worker):
        (server,) = children(worker._process.pid)
        for what, pid in (("service", service._process.pid), ("worker", worker._process.pid), ("fork server", server)):
            rows.append(row(f"{what}, idle", processes.memory(pid).shared_out))
        alone = processes.memory(worker._process.pid) + processes.memory(server)
        found: dict[str, dict[str, Memory]] = {}
        for kind, parts in hand_ins().items():
            found[kind] = peaks(service, worker, parts)
            rows.append(row(f"{kind}, its largest child's own, peak", found[kind]["child"].private))
        highest = {what: max(seen[what].shared_out for seen in found.values()) for what in ("worker", "fork server")}
        rows += [row(f"{what}, peak", mb) for what, mb in highest.items()]
        light = found["light model"]
        rows.append(row("one grading of a light model with its worker, peak", light["together"].shared_out))
    each = light["children"].private
    fit = int((ROOM_MB - alone.private) / each)
    rows.append(row("gradings of light models at once in 4 GB, computed", fit, "one", 1.0))
    if at_once:
        with tempfile.TemporaryDirectory() as name, running(Path(name), at_once) as (service, worker):
            several = [{"model": class_speed.hand_in(number)["model"]} for number in range(2 * at_once)]
            together = peaks(service, worker, *several)["together"].shared_out  # type: ignore[arg-type]
        rows.append(row(f"{at_once} gradings at once with their worker, peak", together, "4 GB", ROOM_MB))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--try", type=int, default=0, dest="at_once")
    for result in measure(parser.parse_args().at_once):
        print(result)
