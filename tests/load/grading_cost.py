"""Where the processor time of one grading goes, as shares of a cold ``import torch`` in the same run.

    python -m tests.load.grading_cost

A light model with its loss and summary, none of them measured before: on a service by kind of process, then in this
process by stage. Processor time hardly depends on what else a machine does, so the table also holds on a busy one.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from grader.assignment import bundled
from grader.pipeline import run_first_stage
from grader.reading import reader
from grader.sandbox.child import LockedChild
from grader.sandbox.supervisor import Sandbox
from grader.submission import Part, SubmittedParts
from tests.chaos.cluster import children
from tests.integration.service import Service
from tests.load import processes
from tests.load.figures import Row, row, running_service
from tests.load.first_verdicts import LIGHT

Seconds = defaultdict[str, float]
ANCHOR = "processor time of a cold import torch"
AIM = 0.25
_FORK_SERVERS = ("grader.sandbox.forkserver", "grader.reading.server")
_STAGES = {"code": "read", "check": "read", "outputs": "read", "load": "load the source", "model.export": "export"}
_STAGES_BY_ROOM = {"model": "the model's calls", "artefact": "confirm on the artefact", "loss": "calls of the loss"}


def cold_import() -> float:
    """Processor seconds of a fresh interpreter that imports torch."""
    before = processes.ended_seconds()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return processes.ended_seconds() - before


def fresh() -> dict[str, str]:
    """The parts of the light submission, with code that was never measured."""
    return {name: text if name == "summary" else f"{text}\n# {uuid.uuid4()}\n" for name, text in LIGHT.items()}


def grade(service: Service) -> None:
    """Submit, and wait for the end as a script of a student does."""
    client = service.admin
    submission = client.submit(**fresh())
    while (report := client.report(submission, wait=60))["state"] in ("queued", "running"):
        pass
    if report["state"] != "graded" or report["score"] < 1.5:  # 1.1, 1.2, 2.1 with half a point each
        raise RuntimeError(f"not what was measured: {report}")


def by_process(rounds: int) -> dict[str, float]:
    """Processor seconds of one grading by kind of process."""
    with running_service(workers=1) as service:
        for _ in range(3):
            grade(service)
        before = _seconds_by_kind(service._process.pid)
        for _ in range(rounds):
            grade(service)
        after = _seconds_by_kind(service._process.pid)
    return {kind: (after[kind] - before[kind]) / rounds for kind in after}


def _seconds_by_kind(pid: int) -> Seconds:
    seconds = Seconds(float, service=processes.own_seconds(pid))
    for child in children(pid):
        module = _fork_server(child)
        if module is None:
            seconds["worker"] += processes.own_seconds(child)
            seconds |= _seconds_by_server(child)
    return seconds


def _seconds_by_server(pid: int) -> Seconds:
    """Processor seconds of the fork servers of a process, and of all their children."""
    return _seconds_of_servers([server for server in children(pid) if _fork_server(server) is not None])


def _seconds_of_servers(pids: Iterable[int]) -> Seconds:
    seconds = Seconds(float)
    for pid in pids:
        own = processes.own_seconds(pid)
        seconds["fork servers"] += own
        seconds["sandbox children"] += processes.cpu_seconds(pid) - own
    return seconds


def _fork_server(pid: int) -> str | None:
    arguments = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    return next((module for module in _FORK_SERVERS if module in arguments), None)


@contextlib.contextmanager
def metered_requests(seconds: Seconds) -> Iterator[None]:
    """Add the processor time of every child up by what it did."""
    request, wait_until_locked = LockedChild.request, LockedChild.wait_until_locked

    def metered_request(child: LockedChild, op: str, *more: Any, **options: Any) -> Any:
        before = processes.own_seconds(child.pid or 0)
        reply = request(child, op, *more, **options)
        stage = _STAGES.get(op) or _STAGES_BY_ROOM[op.partition(".")[0]]
        seconds[stage] += processes.own_seconds(child.pid or 0) - before
        return reply

    def metered_lock(child: LockedChild, limit: float) -> None:
        wait_until_locked(child, limit)
        seconds["lock down"] += processes.own_seconds(child.pid or 0)

    with (
        patch.object(LockedChild, "request", metered_request),
        patch.object(LockedChild, "wait_until_locked", metered_lock),
    ):
        yield


def by_stage(rounds: int) -> dict[str, float]:
    """Processor seconds of one grading by stage; those of the trusted side are of this process."""
    assignment = bundled("hw13")
    seconds = Seconds(float)

    def grade_here() -> None:
        parts = SubmittedParts({name: Part(text.encode()) for name, text in fresh().items()})
        grading = run_first_stage(assignment, parts, sandbox)
        if not grading.evidence["1.1"].model_dump()["verified"]:
            raise RuntimeError(f"not what was measured: {grading.evidence}")

    with Sandbox() as sandbox, metered_requests(seconds):
        for _ in range(3):
            grade_here()
        time.sleep(0.5)  # spare children are made
        seconds.clear()
        own, servers = time.process_time(), _server_seconds(sandbox)
        for _ in range(rounds):
            grade_here()
        time.sleep(0.5)
        seconds["trusted side: calls, comparison"] = time.process_time() - own
        after = _server_seconds(sandbox)
    seconds["fork"] = after["fork servers"] - servers["fork servers"]
    of_children = after["sandbox children"] - servers["sandbox children"]
    named = sum(seconds.values()) - seconds["fork"] - seconds["trusted side: calls, comparison"]
    seconds["end of the children"] = of_children - named
    return {stage: total / rounds for stage, total in seconds.items()}


def _server_seconds(sandbox: Sandbox) -> Seconds:
    return _seconds_of_servers(pid for pid in (sandbox.server_pid, reader.sandbox().server_pid) if pid is not None)


def measure(rounds: int = 10) -> list[Row]:
    """One row for each kind of process and each stage."""
    colds = [cold_import() for _ in range(3)]
    processes_table = by_process(rounds)
    stages = by_stage(rounds)
    colds += [cold_import() for _ in range(2)]
    cold = sorted(colds)[len(colds) // 2]
    engine = sum(stages.values())
    total = sum(processes_table.values())
    rows = [row("cost of a grading, light model", total / cold, ANCHOR, AIM)]
    rows += [row(f"cost of a grading: {kind}", part / cold, ANCHOR) for kind, part in processes_table.items()]
    rows += [
        row(f"cost of a grading, engine: {stage}", part / cold, ANCHOR)
        for stage, part in sorted(stages.items(), key=lambda pair: -pair[1])
    ]
    rows.append(row("cost of a grading: service, verdicts, writes", (total - engine) / cold, ANCHOR))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.load.grading_cost")
    parser.add_argument("--rounds", type=int, default=10)
    for result in measure(parser.parse_args().rounds):
        print(f"{result['figure']:70} {result['ratio']:.3f}")
