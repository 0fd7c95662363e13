"""How soon a student reads the first verdicts, against a cold ``python -c "import torch"`` in the same run.

    python -m tests.load.first_verdicts

From the POST to the moment when the event stream has told 1.1, 1.2 and 2.1, on an idle service; the same while the
second parts of heavy hand-ins hold every slot; and the whole grading. The example's own passes, which no grader can do
without, are timed in the same run and taken off in a row of their own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import torch
from pydantic import SecretStr

from app.db import migrate
from app.settings import Settings
from grader.sandbox.policy import default
from tests.integration.service import ADMIN_TOKEN, MODEL, Client, Service, example
from tests.load.full_grading import model_of

FIRST = {"1.1", "1.2", "2.1"}
LIGHT = {
    "model": MODEL,
    "loss": (Path(__file__).parents[2] / "examples" / "hw13-correct" / "loss.py").read_text(encoding="utf-8"),
    "summary": "Total params: 323",
}
EXAMPLE = {name: example(f"{name}.{'txt' if name == 'summary' else 'py'}").decode() for name in LIGHT}


def cold_import() -> float:
    """Seconds of a fresh interpreter that imports torch."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - begun


def own_passes(model: torch.nn.Module) -> float:
    """Seconds of what question 1.1 asks of a model, on as many threads as a sandbox child has.

    One image and two images in eval mode, then a training step with two: nine passes of an image, forward or backward,
    where a pass backward counts as two.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(default().limits.torch_threads)
    images = torch.randn(2, 3, 224, 224)
    begun = time.perf_counter()
    with torch.no_grad():
        for batch in (1, 2):
            model.eval()(images[:batch])
    model.train()(images).sum().backward()
    seconds = time.perf_counter() - begun
    torch.set_num_threads(threads)
    return seconds


def hand_in(client: Client, parts: dict[str, str]) -> dict[str, float]:
    """Seconds from the POST to the first verdicts and to the end, of a hand-in that was never measured before."""
    fresh = {name: text + f"\n# {uuid.uuid4()}\n" if name != "summary" else text for name, text in parts.items()}
    begun = time.perf_counter()
    submission = client.hand_in(**fresh)
    told: set[str] = set()
    seconds: dict[str, float] = {}
    with client.http.stream("GET", f"/submissions/{submission}/events") as stream:
        name = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: ") and name == "question":
                question = json.loads(line.removeprefix("data: "))
                if question["verdict"] != "pending":
                    told.add(question["number"])
                if told >= FIRST:
                    seconds.setdefault("first", time.perf_counter() - begun)
            elif line.startswith("data: ") and name == "done":
                break
    seconds["all"] = time.perf_counter() - begun
    return seconds


def hold_every_slot(client: Client) -> list[str]:
    """Hand in plots of the example, whose second part takes long, until all cores train a model. Returns them."""
    plots = []
    for _ in os.sched_getaffinity(0):
        model = EXAMPLE["model"] + f"\n# {uuid.uuid4()}\n"
        plots.append(client.hand_in(model=model, pruning_plot=("pruning.png", example("pruning.png"))))
    until = time.monotonic() + 120
    while not all(trains(client, plot) for plot in plots):
        if time.monotonic() > until:
            raise TimeoutError("the second parts did not begin together")
        time.sleep(0.05)
    return plots


def trains(client: Client, submission: str) -> bool:
    """Whether the second part of a hand-in is at work."""
    report = client.report(submission)
    return report["state"] == "running" and report["progress"]["stage"] in ("distillation", "curve", "own_loss")


def measure(rounds: int = 5) -> list[dict[str, object]]:
    """One row a figure: name, ratio to the anchor, aim. All in one run."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder),
            database_url=SecretStr(f"sqlite:///{folder}/bench.sqlite3"),
            admin_token=SecretStr(ADMIN_TOKEN),
        )
        migrate.upgrade(settings)
        service = Service(settings, worker=True)
        try:
            for _ in range(200):
                if service.plain.get("/readyz").status_code == 200:
                    break
                time.sleep(0.1)
            student = service.person()
            hand_in(student, LIGHT)
            cold, light, heavy, own = [], [], [], []
            network = model_of("hw13")
            own_passes(network)
            for _ in range(rounds):
                cold.append(cold_import())
                light.append(hand_in(student, LIGHT))
                heavy.append(hand_in(student, EXAMPLE))
                own.append(own_passes(network))
            plots = hold_every_slot(student)
            beside = [hand_in(student, LIGHT) for _ in range(rounds)]
            if not all(trains(student, plot) for plot in plots):
                raise TimeoutError("the second parts ended before the hand-ins beside them")
            for plot in plots:
                student.post(f"/submissions/{plot}/cancel")
        finally:
            service.close()
    anchor = statistics.median(cold)

    def row(figure: str, seconds: float, aim: float | None = None) -> dict[str, object]:
        return {"figure": figure, "ratio": round(seconds / anchor, 3), "anchor": "cold import torch", "aim": aim}

    def middle(seen: list[dict[str, float]], key: str) -> float:
        return statistics.median(one[key] for one in seen)

    beyond = middle(heavy, "first") - statistics.median(own)
    return [
        row("first verdicts, light model (323 parameters)", middle(light, "first"), 0.1),
        row("the same while second parts hold every slot", middle(beside, "first")),
        row("whole grading, no plot, light model (323 parameters)", middle(light, "all")),
        row("first verdicts, the example (1.94 G mult-adds)", middle(heavy, "first")),
        row("first verdicts, the example, beyond its own passes", beyond, 0.1),
        row("whole grading, no plot, the example (1.94 G mult-adds)", middle(heavy, "all")),
    ]


if __name__ == "__main__":
    for result in measure():
        print(result)
