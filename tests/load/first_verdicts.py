"""How soon a student reads the first verdicts, against a cold ``python -c "import torch"`` in the same run.

    python -m tests.load.first_verdicts

From the POST until the event stream has the verdicts of 1.1, 1.2 and 2.1, on an idle service; the same while the
later stages of heavy submissions hold every slot; and the whole grading. The example's own passes, which every grader
needs, are timed in the same run and subtracted in a row of their own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
import uuid
from pathlib import Path

import torch

from grader.sandbox.policy import default
from tests.integration.service import MODEL, Client, example
from tests.load.figures import Row, row, running_service
from tests.load.full_grading import model_of

FIRST = {"1.1", "1.2", "2.1"}
LIGHT = {
    "model": MODEL,
    "loss": (Path(__file__).parents[2] / "examples" / "hw13-correct" / "loss.py").read_text(encoding="utf-8"),
    "summary": "Linear-5 [-1, 11] 99\nTotal params: 323",
}
EXAMPLE = {name: example(f"{name}.{'txt' if name == 'summary' else 'py'}").decode() for name in LIGHT}


def cold_import() -> float:
    """Seconds of a fresh interpreter that imports torch."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - start


def own_passes(model: torch.nn.Module) -> float:
    """Seconds of the passes that question 1.1 needs, on as many threads as a sandbox child has.

    One image and two images in eval mode, then a training step with two: nine passes of an image, forward or backward,
    where a pass backward counts as two.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(default().limits.torch_threads)
    images = torch.randn(2, 3, 224, 224)
    start = time.perf_counter()
    with torch.no_grad():
        for batch in (1, 2):
            model.eval()(images[:batch])
    model.train()(images).sum().backward()
    seconds = time.perf_counter() - start
    torch.set_num_threads(threads)
    return seconds


def submit(client: Client, parts: dict[str, str]) -> dict[str, float]:
    """Seconds from the POST to the first verdicts and to the end, of a submission that was never measured before."""
    fresh = {name: text + f"\n# {uuid.uuid4()}\n" if name != "summary" else text for name, text in parts.items()}
    start = time.perf_counter()
    submission = client.submit(**fresh)
    verdicts: set[str] = set()
    seconds: dict[str, float] = {}
    with client.http.stream("GET", f"/submissions/{submission}/events") as stream:
        name = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: ") and name == "question":
                question = json.loads(line.removeprefix("data: "))
                if question["verdict"] != "pending":
                    verdicts.add(question["number"])
                if verdicts >= FIRST:
                    seconds.setdefault("first", time.perf_counter() - start)
            elif line.startswith("data: ") and name == "done":
                break
    seconds["all"] = time.perf_counter() - start
    return seconds


def hold_every_slot(client: Client) -> list[str]:
    """Submit plots of the example, whose later stage takes long, until all cores train a model. Returns their ids."""
    plots = []
    for _ in os.sched_getaffinity(0):
        model = EXAMPLE["model"] + f"\n# {uuid.uuid4()}\n"
        plots.append(client.submit(model=model, pruning_plot=("pruning.png", example("pruning.png"))))
    until = time.monotonic() + 120
    while not all(is_training(client, plot) for plot in plots):
        if time.monotonic() > until:
            raise TimeoutError("the later stages did not begin together")
        time.sleep(0.05)
    return plots


def is_training(client: Client, submission: str) -> bool:
    """Whether the later stage of a submission runs."""
    report = client.report(submission)
    progress = report["progress"] or {"stage": None}  # None between two stages
    return report["state"] == "running" and progress["stage"] in ("distillation", "curve", "own_loss")


def measure(rounds: int = 5) -> list[Row]:
    """One row for each figure. All in one run."""
    with running_service() as service:
        student = service.person()
        submit(student, LIGHT)
        cold, light, heavy, own = [], [], [], []
        network = model_of("hw13")
        own_passes(network)
        for _ in range(rounds):
            cold.append(cold_import())
            light.append(submit(student, LIGHT))
            heavy.append(submit(student, EXAMPLE))
            own.append(own_passes(network))
        plots = hold_every_slot(student)
        beside = [submit(student, LIGHT) for _ in range(rounds)]
        if not all(is_training(student, plot) for plot in plots):
            raise TimeoutError("the later stages ended before the submissions beside them")
        for plot in plots:
            student.post(f"/submissions/{plot}/cancel")
    anchor = statistics.median(cold)

    def against_import(figure: str, seconds: float, aim: float | None = None) -> Row:
        return row(figure, seconds / anchor, "cold import torch", aim)

    def median(rounds: list[dict[str, float]], key: str) -> float:
        return statistics.median(one[key] for one in rounds)

    beyond = median(heavy, "first") - statistics.median(own)
    return [
        against_import("first verdicts, light model (323 parameters)", median(light, "first"), 0.1),
        against_import("the same while later stages hold every slot", median(beside, "first")),
        against_import("whole grading, no plot, light model (323 parameters)", median(light, "all")),
        against_import("first verdicts, the example (1.94 G mult-adds)", median(heavy, "first")),
        against_import("first verdicts, the example, beyond its own passes", beyond, 0.1),
        against_import("whole grading, no plot, the example (1.94 G mult-adds)", median(heavy, "all")),
    ]


if __name__ == "__main__":
    for result in measure():
        print(result)
