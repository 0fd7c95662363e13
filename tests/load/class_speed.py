"""A class of different submissions graded on two workers, against otter-grader and a plain script of the same checks.

    python -m tests.load.class_speed [--students 200] [--otter 200]

Every submission has a model of three or four convolutions, a loss and a summary, and some have a mistake. Grading
builds and calls the model, counts its parameters, and compares summary and loss; nothing is trained or plotted.
The service also exports each model and confirms its count on the artefact, in a sandbox; the others do not.
Otter and the script grade a part of the class, two at once as the service does; all must agree on full points.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.integration.service import Client, Service
from tests.load import otter, processes
from tests.load.figures import Row, row, running_service

WORKERS = 2
_LOSS = (Path(__file__).parents[2] / "examples" / "hw13-correct" / "loss.py").read_text(encoding="utf-8")
_MISTAKES = (
    ("F.log_softmax(student", "F.softmax(student"),
    ("temperature**2 * soft", "soft"),
    ("alpha * temperature**2 * soft + (1 - alpha)", "(1 - alpha) * temperature**2 * soft + alpha"),
)
Parts = dict[str, str]


def submission_of(number: int) -> Parts:
    """The submission of one student: every fifth loss has a mistake, every sixth summary is of another model."""
    generator = random.Random(number)
    widths = [3, *sorted(generator.randint(8, 72) for _ in range(generator.choice((3, 3, 4))))]
    pairs = list(itertools.pairwise(widths))
    layers = "\n".join(
        f"            nn.Conv2d({before}, {after}, 3, stride=2, padding=1), nn.BatchNorm2d({after}), nn.ReLU(),"
        for before, after in pairs
    )
    model = f"""class StudentNet(nn.Module):
    \"\"\"Of student {number}.\"\"\"

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
{layers}
            nn.AdaptiveAvgPool2d(1),
        )
        self.classifier = nn.Linear({widths[-1]}, 11)

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


def get_student_model():
    return StudentNet()
"""
    total = sum(9 * before * after + 3 * after for before, after in pairs) + 11 * (widths[-1] + 1)
    stated_total = total + (1_000 if number % 6 == 5 else 0)
    loss = _LOSS.replace(*_MISTAKES[number % 3]) if number % 5 == 4 else _LOSS
    last_row = f"Linear-1 [-1, 11] {11 * (widths[-1] + 1)}\n"
    return {
        "model": model,
        "loss": f"{loss}# student {number}\n",
        "summary": f"{last_row}Total params: {stated_total:,}\nTrainable params: {stated_total:,}\n",
    }


def served(service: Service, class_parts: Sequence[Parts]) -> tuple[float, float, list[frozenset[str]]]:
    """Seconds and processor seconds until the service has graded all, and the questions with full points of each."""
    client = service.admin
    used, start = processes.cpu_seconds(service._process.pid), time.perf_counter()
    submissions = [client.submit(**parts) for parts in class_parts]
    full = [_full(client, submission) for submission in submissions]
    return time.perf_counter() - start, processes.cpu_seconds(service._process.pid) - used, full


def _full(client: Client, submission: str) -> frozenset[str]:
    while (report := client.report(submission, wait=60))["state"] in ("queued", "running"):
        pass
    if report["state"] != "graded":
        raise RuntimeError(report)
    return frozenset(
        question["number"]
        for question in report["questions"]
        if question["verdict"] == "full" and question["number"] in otter.QUESTIONS.values()
    )


def _two_at_once(grade: Callable[[int], otter.Graded], numbers: Sequence[int]) -> tuple[float, list[otter.Graded]]:
    """Seconds a submission, two at once."""
    start = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        gradings = list(pool.map(grade, numbers))
    return (time.perf_counter() - start) / len(gradings), gradings


def measure(students: int = 24, by_otter: int = 4) -> list[Row]:
    """One row for each figure. Raises `otter.NotInstalled`."""
    otter.installed()
    class_parts = [submission_of(number) for number in range(students)]
    part = list(range(0, students, max(1, students // by_otter)))[:by_otter]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = otter.autograder(folder)
        otter_seconds, otters = _two_at_once(
            lambda n: otter.grade(archive, class_parts[n], folder / f"otter-{n}"), part
        )
        script_seconds, scripts = _two_at_once(lambda n: otter.plain(class_parts[n], folder / f"plain-{n}"), part)
    with running_service(workers=WORKERS) as service:
        served(service, [submission_of(students)])
        seconds, cpu, full = served(service, class_parts)
    for n, by_otter_, by_script in zip(part, otters, scripts, strict=True):
        if not full[n] == by_otter_.full == by_script.full:
            raise RuntimeError(f"hand-in {n}: {full[n]}, otter {by_otter_.full}, script {by_script.full}")
    each = seconds / students

    def of_class(figure: str, ratio: float, anchor: str, aim: float | None = None) -> Row:
        return row(f"class of {students}: {figure}", ratio, anchor, aim, 2)

    def cpus(graded: list[otter.Graded]) -> float:
        return statistics.fmean(one.cpu_seconds for one in graded)

    with_otter = f"otter-grader {otter.VERSION}, two at once"
    return [
        of_class("gradings a second, times", otter_seconds / each, with_otter, 20),
        of_class("processor time a grading, times less", cpus(otters) / (cpu / students), with_otter),
        of_class("gradings a second, times", script_seconds / each, "a cold script a hand-in, two at once"),
        of_class("processor time a grading, times less", cpus(scripts) / (cpu / students), "a cold script a hand-in"),
        of_class("otter-grader, seconds a grading", otter_seconds / script_seconds, "a cold script a hand-in"),
        of_class(
            "otter-grader, peak memory",
            statistics.fmean(one.peak_mb for one in otters) / statistics.fmean(one.peak_mb for one in scripts),
            "a cold script",
        ),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--otter", type=int, default=200)
    chosen = parser.parse_args()
    for result in measure(chosen.students, chosen.otter):
        print(result)
