"""The memory of everything that runs, as shares of a cold process with torch, and how many gradings fit in 4 GB.

    python -m tests.load.memory_use [--try 32]

Proportional set size (PSS) of ``/proc/PID/smaps_rollup``: a page that N processes share counts a N-th for each of them.
Peaks are from samples every 50 ms. Needs root, because only root may read the memory of a sandbox's children.
``--try`` grades so many submissions at once in a worker and prints its peak.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.sandbox.supervisor import Sandbox
from tests.chaos.cluster import children
from tests.integration.service import Service, WorkerProcess, example
from tests.load import class_speed, full_grading, processes
from tests.load.figures import Row, row, settings_in
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
    """A service without a worker, and a worker with ``slots`` gradings at once."""
    settings = settings_in(folder, workers=slots)
    service = Service(settings, worker=False, fresh=True)
    worker = WorkerProcess(settings, "memory", fresh=True)
    try:
        yield service, worker
    finally:
        worker.close()
        service.close()


def grade_all(service: Service, class_parts: list[dict[str, str | bytes]]) -> None:
    """Submit all at once and wait for their end."""
    submissions = [service.admin.submit(**parts) for parts in class_parts]
    for submission in submissions:
        while (report := service.admin.report(submission, wait=60))["state"] in ("queued", "running"):
            pass
        if report["state"] != "graded":
            raise RuntimeError(report)


def peaks(service: Service, worker: WorkerProcess, *class_parts: dict[str, str | bytes]) -> dict[str, Memory]:
    """The peaks of the worker, its fork server and the largest child of that, while ``class_parts`` are graded."""
    pid = worker._process.pid
    (server,) = children(pid)
    with processes.memory_peaks(pid) as measured:
        grade_all(service, list(class_parts))
    below = [memory for each, memory in measured.by_process.items() if each not in (pid, server)]
    return {
        "worker": measured.by_process[pid],
        "fork server": measured.by_process[server],
        "child": max(below, key=lambda memory: memory.private),
        "together": measured.together,
        "children": sum(below, Memory()),
    }


def idle_child() -> Memory:
    """A child that waits for its first request, beside its fork server alone."""
    with Sandbox() as sandbox, sandbox.child() as child:
        assert child.pid is not None
        return processes.memory(child.pid)


def class_parts() -> dict[str, dict[str, str | bytes]]:
    """For each kind of child a submission that needs it."""
    light = class_speed.submission_of(1)
    heavy = {name: example(f"{name}.py") for name in ("model", "loss")}
    weights = full_grading.weights_of("hw13-correct")
    swept = (full_grading.EXAMPLES / "hw13-correct" / "model.py").read_bytes()
    return {
        "loss": {"loss": light["loss"]},
        "light model": {"model": light["model"]},
        "the example's model": {"model": heavy["model"]},
        "sweep of a light model": {"model": swept, "weights": weights},
    }


def measure(at_once: int = 0) -> list[Row]:
    """One row for each figure."""
    cold = cold_process()

    def share(figure: str, mb: float) -> Row:
        return row(f"memory: {figure}", mb / cold.pss, ANCHOR)

    rows = [share("a child, idle", idle_child().private)]
    with tempfile.TemporaryDirectory() as name, running(Path(name), 1) as (service, worker):
        (server,) = children(worker._process.pid)
        for what, pid in (("service", service._process.pid), ("worker", worker._process.pid), ("fork server", server)):
            rows.append(share(f"{what}, idle", processes.memory(pid).pss))
        alone = processes.memory(worker._process.pid) + processes.memory(server)
        by_kind: dict[str, dict[str, Memory]] = {}
        for kind, parts in class_parts().items():
            by_kind[kind] = peaks(service, worker, parts)
            rows.append(share(f"{kind}, its largest child's own, peak", by_kind[kind]["child"].private))
        highest = {what: max(one[what].pss for one in by_kind.values()) for what in ("worker", "fork server")}
        rows += [share(f"{what}, peak", mb) for what, mb in highest.items()]
        light = by_kind["light model"]
        rows.append(share("one grading of a light model with its worker, peak", light["together"].pss))
    each = light["children"].private
    fit = int((ROOM_MB - alone.private) / each)
    rows.append(row("memory: gradings of light models at once in 4 GB, computed", fit, "one"))
    if at_once:
        with tempfile.TemporaryDirectory() as name, running(Path(name), at_once) as (service, worker):
            several = [{"model": class_speed.submission_of(number)["model"]} for number in range(2 * at_once)]
            total = peaks(service, worker, *several)["together"].pss  # type: ignore[arg-type]
        rows.append(row(f"memory: {at_once} gradings at once with their worker, peak", total / ROOM_MB, "4 GB"))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--try", type=int, default=0, dest="at_once")
    for result in measure(parser.parse_args().at_once):
        print(result)
