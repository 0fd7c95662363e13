"""The cost of the sandbox: a locked child against a cold import of torch, its memory, and the price of the lockdown.

All in one run, as ratios: `python -m tests.load.sandbox_speed`, or as part of `tests.load.bench`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from grader.evidence import Outcome
from grader.sandbox import supervisor
from grader.sandbox.policy import default
from grader.sandbox.supervisor import Sandbox
from tests.load.figures import Row, row
from tests.load.first_verdicts import cold_import

LOOP = """
import time
import torch

torch.set_num_threads(1)
model = torch.nn.Sequential(torch.nn.Conv2d(3, 16, 3), torch.nn.BatchNorm2d(16), torch.nn.ReLU(), torch.nn.Flatten(),
                            torch.nn.Linear(16 * 30 * 30, 11))
x, y = torch.randn(8, 3, 32, 32), torch.randint(0, 11, (8,))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
def step():
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
for _ in range(20):
    step()
begun = time.process_time()
for _ in range(400):
    step()
print(time.process_time() - begun)
"""
MODEL = (
    "import torch\ndef get_student_model():\n    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))"
)
ANCHOR = "cold import torch"
IDLE = 20


def ready(sandbox: Sandbox) -> tuple[float, float]:
    """Seconds until a child is locked, and until a model of the student's has answered."""
    start = time.perf_counter()
    with sandbox.child() as child:
        locked = time.perf_counter() - start
        child.request("load", {"source": MODEL, "prelude": "", "filename": "model.py"})
        child.request("model.build", {"entry": "get_student_model"})
        reply = child.request("model.forward", {"mode": "eval"}, [np.zeros((1, 3, 2, 2), np.float32)])
        assert reply.outcome is Outcome.OK, reply
        return locked, time.perf_counter() - start


def locked_loop(sandbox: Sandbox) -> float:
    """CPU seconds of the training loop inside a child."""
    with sandbox.child() as child:
        reply = child.request("load", {"source": LOOP, "prelude": "", "filename": "loop.py"})
        assert reply.outcome is Outcome.OK, reply
        return float(child.stdout)


def free_loop() -> float:
    """The same in a plain process with the same environment."""
    ran = subprocess.run(
        [sys.executable, "-c", LOOP], env=supervisor.ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return float(ran.stdout)


def available_mb() -> float:
    """Memory that the machine has left."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("MemAvailable:"))


def idle_child_mb(sandbox: Sandbox) -> float:
    """Memory of the machine that one waiting child takes."""
    before = available_mb()
    with ExitStack() as children:
        for _ in range(IDLE):
            children.enter_context(sandbox.child())
        return (before - available_mb()) / IDLE


def children_a_second(sandbox: Sandbox, count: int = 200) -> float:
    """Children that are started, used and ended in a second, on all cores."""
    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda _: ready(sandbox), range(count)))
    return count / (time.perf_counter() - start)


def cold_process_mb() -> float:
    """Private memory of a plain process with torch."""
    program = "import torch; print(open('/proc/self/smaps_rollup').read())"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    private = [line for line in ran.stdout.splitlines() if line.startswith("Private_")]
    return sum(int(line.split()[1]) for line in private) / 1024


def measure(rounds: int = 7) -> list[Row]:
    """One row for each figure."""
    server = default().server.model_copy(update={"spare_kinds": 0})
    with Sandbox() as sandbox, Sandbox(default().model_copy(update={"server": server})) as unprepared:
        ready(sandbox)
        ready(unprepared)
        cold, forked, locked, answered, free, confined, memory = [], [], [], [], [], [], []
        for _ in range(rounds):
            cold.append(cold_import())
            forked.append(ready(unprepared)[0])
            first, second = ready(sandbox)
            locked.append(first)
            answered.append(second)
            free.append(free_loop())
            confined.append(locked_loop(sandbox))
            memory.append(idle_child_mb(unprepared))
        rate = children_a_second(sandbox)
    anchor = statistics.median(cold)
    price = statistics.median(confined) / statistics.median(free)
    shared = statistics.median(memory) / cold_process_mb()

    return [
        row("order to a locked child", statistics.median(locked) / anchor, ANCHOR, 0.01, 4),
        row("the same when no child waits", statistics.median(forked) / anchor, ANCHOR, 0.01, 4),
        row("order to the model's first answer", statistics.median(answered) / anchor, ANCHOR, None, 4),
        row("one child of two hundred, on all cores", 1 / (rate * anchor), ANCHOR, None, 4),
        row("private memory of an idle child", shared, "a process with torch", None, 4),
        row("training loop, locked", price, "unlocked", 1.05, 4),
    ]


if __name__ == "__main__":
    for result in measure():
        print(result)
