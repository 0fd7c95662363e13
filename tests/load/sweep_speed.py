"""The pruning sweep in its sandbox, against eager PyTorch on the same images, a matrix product, and two at once.

All in one run, as ratios: `python -m tests.load.sweep_speed`, or as part of `tests.load.bench`. ``--settings`` compares
batch sizes, threads and onnxruntime's memory settings instead.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
import safetensors.torch
import torch
from torch import nn

from grader import intake
from grader.assignment import bundled
from grader.checks.pruning import curve
from grader.evidence import Outcome
from grader.sandbox.frames import Array
from grader.sandbox.harness.export import onnx_bytes
from grader.sandbox.supervisor import Sandbox
from grader.submission import Part
from reference_models import vision
from reference_models.pruning import prune_convolutions
from tests.integration.service import example
from tests.load.figures import Row, row

SIZE, IMAGES, EAGER_BATCH = 224, 16, 16
RATIOS = (0.0, 0.9)
MULT_ADDS = 1.94e9
"""Of the example model, an image at 224 x 224."""
_SQUARE = 1024


def example_model() -> nn.Module:
    """The model of the worked example, as the engine loads it."""
    hw13 = bundled("hw13")
    prelude, entry = hw13.prelude_source(), str(hw13.question("1.1").entry)
    read = intake.read_part(Part(example("model.py")), entry, intake.defined_names(prelude))
    assert read.source is not None
    namespace: dict[str, object] = {}
    vision.load()  # the prelude imports it
    exec(compile(prelude + "\n" + read.source, "model.py", "exec"), namespace)
    torch.manual_seed(5)
    build = namespace[entry]
    assert callable(build)
    model: nn.Module = build()
    with torch.no_grad():  # some passes in train mode, so that the statistics are those of a trained network
        for _ in range(3):
            model.train()(torch.randn(4, 3, 64, 64))
    return model.eval()


def eager(model: nn.Module, images: torch.Tensor) -> tuple[float, list[Array]]:
    """Seconds of the sweep with PyTorch as a notebook runs it, on one thread, and the answers by ratio."""
    networks = [prune_convolutions(model, ratio) for ratio in RATIOS]
    answers = []
    start_time = time.perf_counter()
    with torch.inference_mode():
        for network in networks:
            batches = [network(batch) for batch in torch.split(images, EAGER_BATCH)]
            answers.append(torch.cat(batches).argmax(1).numpy())
    return time.perf_counter() - start_time, answers


class Sweep:
    """The sweep of one network in a measuring child, again and again."""

    def __init__(self, sandbox: Sandbox, model: nn.Module, images: Array) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.artefact = np.frombuffer(onnx_bytes(model, [3, SIZE, SIZE], dynamic=True), np.uint8)
        self.sandbox, self.images = sandbox, images
        self.weights = np.frombuffer(safetensors.torch.save(dict(model.state_dict())), np.uint8)
        self.names = [name for name, _ in model.named_parameters()]

    def __call__(self) -> tuple[float, list[Array]]:
        """Seconds of the sweep, of a child that is ready, and the answers by ratio."""
        limits = self.sandbox.policy.limits.override(self.sandbox.policy.measuring)
        answers = []
        with self.sandbox.child(limits, role="measure") as child:
            opened = child.request("network.open", {"known": self.names}, [self.artefact, self.images])
            loaded = child.request("network.weights", {}, [self.weights])
            assert (opened.outcome, loaded.meta["good"]) == (Outcome.OK, True)
            start_time = time.perf_counter()
            for ratio in RATIOS:
                meta = {"ratio": ratio, "batch": curve.BATCH, "threads": 1, "layers": None}
                answers.append(child.request("network.evaluate", meta).arrays[0].argmax(1))
            return time.perf_counter() - start_time, answers


def matrix_product() -> float:
    """Floating-point operations a second of a plain product on one thread."""
    left, right = torch.randn(_SQUARE, _SQUARE), torch.randn(_SQUARE, _SQUARE)
    start_time = time.perf_counter()
    for _ in range(20):
        left @ right
    return 20 * 2 * _SQUARE**3 / (time.perf_counter() - start_time)


def measure(rounds: int = 2) -> list[Row]:
    """One row for each figure."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = example_model()
    images = np.random.default_rng(5).standard_normal((IMAGES, 3, SIZE, SIZE), np.float32)
    slow, quick, product, double = [], [], [], []
    with Sandbox() as sandbox:
        sweep = Sweep(sandbox, model, images)
        sweep()
        for _ in range(rounds):
            seconds, expected = eager(model, torch.from_numpy(images))
            slow.append(seconds)
            seconds, predictions = sweep()
            quick.append(seconds)
            assert all(np.array_equal(one, other) for one, other in zip(predictions, expected, strict=True)), (
                "predictions"
            )
            product.append(matrix_product())
            double.append(_at_once(sweep))
    torch.set_num_threads(threads)
    ours = statistics.median(quick)
    rate = 2 * MULT_ADDS * IMAGES * len(RATIOS) / ours

    return [
        row("pruning sweep, times quicker", statistics.median(slow) / ours, "eager PyTorch, batch 16", 5.0),
        row("floating-point operations a second", rate / statistics.median(product), "a matrix product", 0.5),
        row("two sweeps at once, throughput", 2 * ours / statistics.median(double), "one alone", 1.9),
    ]


def _at_once(sweep: Callable[[], tuple[float, list[Array]]]) -> float:
    """Seconds until both of two sweeps are done, without the start of their children."""
    with ThreadPoolExecutor(2) as pool:
        return max(seconds for seconds, _ in pool.map(lambda _: sweep(), range(2)))


def settings(batches: Sequence[int] = (1, 2, 4, 8, 16)) -> list[dict[str, object]]:
    """Seconds an image by batch size, threads and onnxruntime's arena and memory pattern, relative to ours."""
    model = example_model()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        artefact = onnx_bytes(model, [3, SIZE, SIZE], dynamic=True)
    images = np.random.default_rng(5).standard_normal((IMAGES, 3, SIZE, SIZE), np.float32)
    times_by_setting: dict[str, float] = {}
    for threads, arena, pattern in ((1, True, True), (1, False, False), (1, True, False), (2, True, True)):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_cpu_mem_arena, options.enable_mem_pattern = arena, pattern
        session = onnxruntime.InferenceSession(artefact, options, providers=["CPUExecutionProvider"])
        for batch in batches:
            times = []
            for _ in range(3):
                start_time = time.perf_counter()
                for start in range(0, IMAGES, batch):
                    session.run(None, {"images": images[start : start + batch]})
                times.append(time.perf_counter() - start_time)
            times_by_setting[f"{threads} threads, arena {arena}, pattern {pattern}, batch {batch}"] = min(times)
    ours = times_by_setting[f"1 threads, arena True, pattern True, batch {curve.BATCH}"]
    ratios = {name: round(seconds / ours, 2) for name, seconds in times_by_setting.items()}
    return [{"settings": name, "seconds, ours 1": ratio} for name, ratio in ratios.items()]


if __name__ == "__main__":
    for result in settings() if "--settings" in sys.argv else measure():
        sys.stdout.write(f"{result}\n")
