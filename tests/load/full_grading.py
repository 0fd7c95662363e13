"""The whole grading of a submission with trained weights, by the service, against one plain script of the same work.

    python -m tests.load.full_grading [--example hw13]

The service takes the POST, gives the verdicts, exports the model and sweeps twenty pruning ratios over the built-in
hidden split; all in sandboxes. The script starts cold, imports torch, and does the same with eager PyTorch in batches
of 16: builds the model, answers, counts, compares the loss with the reference, prunes and evaluates at the same ratios
on as many of the same images. Both must find the same accuracies.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from grader import data
from grader.assignment import bundled
from grader.checks.pruning import curve
from reference_models import vision
from tests.integration.service import Service
from tests.load.figures import Row, row, running_service

EXAMPLES = Path(__file__).parents[2] / "examples"
LOSS = EXAMPLES / "hw13-correct" / "loss.py"
_STEPS = 8
"""Training steps: enough for statistics and weights that differ from random ones."""

_SCRIPT = """
import json, sys, time
begun = time.perf_counter()
import torch, torch.nn as nn, torch.nn.functional as F
import torch.nn.utils.prune as prune
import numpy as np
from safetensors.torch import load_file
torch.set_num_threads(1)
model, loss, arrays, weights, claimed, ratios, answer = sys.argv[1:]
exec(open(model).read())
exec(open(loss).read())
student = get_student_model()
with torch.no_grad():
    for batch in (1, 2):
        assert student.eval()(torch.randn(batch, 3, 224, 224)).shape == (batch, 11)
student.train()(torch.randn(2, 3, 224, 224)).sum().backward()
total = sum(p.numel() for p in student.parameters())
verdicts = {"1.1": total <= 100_000, "1.2": total == int(claimed)}
s, t, y = torch.randn(8, 11), torch.randn(8, 11), torch.randint(0, 11, (8,))
hard = F.cross_entropy(s, y)
soft = lambda T: F.kl_div(F.log_softmax(s / T, 1), F.softmax(t / T, 1), reduction="batchmean") * T * T
verdicts["2.1"] = all(
    torch.allclose(loss_fn_kd(s, y, t, alpha=a, temperature=T), a * soft(T) + (1 - a) * hard, rtol=1e-4)
    for a, T in [(0.0, 1.0), (1.0, 1.0), (1.0, 4.0), (0.5, 1.0), (0.3, 2.0)]
)
first = time.perf_counter() - begun
taken = np.load(arrays)
images, labels = torch.from_numpy(taken["images"]), torch.from_numpy(taken["labels"])
accuracies = []
for ratio in json.loads(ratios):
    student = get_student_model()
    student.load_state_dict(load_file(weights))
    student.eval()
    for module in student.modules():
        if isinstance(module, nn.Conv2d) and ratio:
            prune.l1_unstructured(module, "weight", amount=ratio)
    with torch.no_grad():
        best = torch.cat([student(images[i:i + 16]).argmax(1) for i in range(0, len(images), 16)])
    accuracies.append(float((best == labels).double().mean()))
with open(answer, "w") as out:
    json.dump({"verdicts": verdicts, "accuracies": accuracies, "first": first}, out)
"""


def model_of(name: str) -> torch.nn.Module:
    """The model of an example, as the engine loads it."""
    namespace: dict[str, object] = {}
    vision.load()  # the prelude imports it
    source = bundled("hw13").prelude_source() + "\n" + (EXAMPLES / name / "model.py").read_text(encoding="utf-8")
    exec(compile(source, "model.py", "exec"), namespace)
    build = namespace["get_student_model"]
    assert callable(build)
    model: torch.nn.Module = build()
    return model


def trained_model(name: str) -> torch.nn.Module:
    """A model of an example after a few steps on the built-in training pictures."""
    torch.manual_seed(5)
    model, images = model_of(name), data.load(data.BUILT_IN)
    generator = np.random.default_rng(5)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(_STEPS):
        chosen = generator.choice(len(images.train), 32, replace=False)
        batch = torch.from_numpy(images.train.images(chosen, images.size))
        optimizer.zero_grad()
        labels = torch.from_numpy(images.train.labels[chosen].astype(np.int64))
        torch.nn.functional.cross_entropy(model(batch), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return model.eval()


def weights_of(example: str) -> bytes:
    """A safetensors file of weights that fit an example's model, as they were initialised."""
    return safetensors.torch.save(dict(model_of(example).state_dict()))


def served(service: Service, parts: dict[str, bytes]) -> tuple[dict[str, float], dict[str, object]]:
    """Seconds from the POST to all verdicts and to the end, of a submission never measured before, and its report."""
    start = time.perf_counter()
    files = {name: (name, part) for name, part in parts.items()}
    submission = service.admin.submit(**files)
    verdicts = 0.0
    while (report := service.admin.report(submission, wait=0.05))["state"] in ("queued", "running"):
        if not verdicts and all(question["verdict"] != "pending" for question in report["questions"]):
            verdicts = time.perf_counter() - start
    seconds = {"verdicts": verdicts, "all": time.perf_counter() - start}
    if report["state"] != "graded":
        raise RuntimeError(report)
    return seconds | {name: report["timings"].get(name, 0.0) for name in ("confirmation", "curve")}, report


def plain(
    folder: Path, name: str, weights: bytes, count: int, size: int, total: int
) -> tuple[float, dict[str, object]]:
    """Seconds of the script, and its answer."""
    images = data.load(data.BUILT_IN).hidden
    chosen = np.linspace(0, len(images) - 1, count).round().astype(np.int64)
    labels = images.labels[chosen].astype(np.int64)
    np.savez(folder / "images.npz", images=images.images(chosen, size), labels=labels)
    (folder / "weights.safetensors").write_bytes(weights)
    (folder / "plain.py").write_text(_SCRIPT, encoding="utf-8")
    answer = folder / "answer.json"
    arguments = [EXAMPLES / name / "model.py", LOSS, folder / "images.npz"]
    run = [*arguments, folder / "weights.safetensors", total, json.dumps(list(curve.RATIOS)), answer]
    start = time.perf_counter()
    subprocess.run([sys.executable, folder / "plain.py", *map(str, run)], check=True)
    return time.perf_counter() - start, json.loads(answer.read_text(encoding="utf-8"))


def measure(example: str = "hw13-correct") -> list[Row]:
    """One row for each figure."""
    model = trained_model(example)
    weights = safetensors.torch.save(dict(model.state_dict()))
    total = sum(parameter.numel() for parameter in model.parameters())
    parts = {"model": (EXAMPLES / example / "model.py").read_bytes(), "loss": LOSS.read_bytes()}
    parts |= {"summary": f"Conv2d\nTotal params: {total:,}".encode(), "weights": weights}
    # With weights and without a plot the curve is measured and nothing is trained.
    with running_service() as service:
        served(service, {"loss": parts["loss"]})
        seconds, report = served(service, parts)
    questions = {question["number"]: question for question in report["questions"]}  # type: ignore[attr-defined]
    evidence = questions["3.1"]["evidence"]
    points = {point["ratio"]: point["accuracy"] for point in evidence["curve"]}
    images, size = evidence["images"], evidence["image_size"]
    with tempfile.TemporaryDirectory() as folder:
        script_seconds, answer = plain(Path(folder), example, weights, images, size, total)
    verdicts = {number: questions[number]["verdict"] == "full" for number in ("1.1", "1.2", "2.1")}
    # The service leaves out ratios of an expensive network that would show nothing; the script measures all.
    accuracies: list[float] = answer["accuracies"]  # type: ignore[assignment]
    expected = [value for ratio, value in zip(curve.RATIOS, accuracies, strict=True) if ratio in points]
    if answer["verdicts"] != verdicts or not np.allclose(list(points.values()), expected, atol=0.011):
        raise RuntimeError(f"{verdicts} {points} against {answer}")

    prefix = f"{example} with weights:"
    script = "a plain script, eager, batch 16"
    return [
        row(f"{prefix} whole grading, times quicker", script_seconds / seconds["all"], script, 5),
        row(f"{prefix} its verdicts", seconds["verdicts"] / seconds["all"], "the whole grading"),
        row(f"{prefix} its export and count", seconds["confirmation"] / seconds["all"], "the whole grading"),
        row(f"{prefix} its sweep", seconds["curve"] / seconds["all"], "the whole grading"),
        row(f"{prefix} the script's verdicts", float(str(answer["first"])) / script_seconds, "the whole script"),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--example", choices=("hw13", "hw13-correct"), default="hw13-correct")
    for result in measure(parser.parse_args().example):
        print(result)
