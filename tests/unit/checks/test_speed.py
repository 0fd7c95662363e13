"""The proof for inference speed: what is steady, and that a busy machine leaves it out instead of contradicting it."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import pytest
from torch import nn

from grader.checks.choice import speed
from grader.evidence import Outcome
from grader.measure import operations
from grader.sandbox.harness.export import onnx_bytes
from grader.sandbox.replies import Array, Reply

QUIET = [1.00, 1.02, 1.01, 1.00, 1.03, 1.01, 1.00, 1.02]
SERIES = {
    "quiet": (QUIET, [t * 1.01 for t in QUIET], True),
    "pruned a little faster": (QUIET, [t * 0.95 for t in QUIET], True),
    "the fewest rounds of a heavy model": ([9.0, 8.1, 8.2, 8.0], [8.3, 8.0, 8.1, 8.2], True),
    "one spike": ([1.0, 9.0, *QUIET[2:]], QUIET, True),
    "spikes in most rounds": ([1.0, 7.0, 5.0, 9.0, 1.0, 8.0, 6.0, 7.0], [6.0, 1.0, 7.0, 8.0, 9.0, 1.0, 7.0, 7.0], True),
    "one busy throughout": (QUIET, [t * 7 for t in QUIET], False),
    "the other busy throughout": ([t * 7 for t in QUIET], QUIET, False),
    "both slow alike": ([t * 7 for t in QUIET], [t * 7.1 for t in QUIET], True),
    "busy in the first half": ([4.0] * 4 + [1.0] * 4, [4.0] * 4 + [1.0] * 4, False),
    "busy in the second half": ([1.0] * 4 + [4.0] * 4, [1.0] * 4 + [4.0] * 4, False),
    "drifting": (
        [1.0 + 0.2 * n for n in range(8)],
        [1.0 + 0.2 * n for n in range(8)],
        False,
    ),
    "busy at random": ([3.1, 4.7, 2.9, 6.0, 5.2, 4.4, 3.8, 5.5], [5.9, 3.6, 4.1, 4.8, 2.4, 6.3, 3.3, 4.9], False),
    "a third faster": (QUIET, [t * 0.67 for t in QUIET], False),
    "too few rounds": ([1.0, 1.0], [1.0, 1.0], False),
    "none": ([], [], False),
    "a clock that stands": ([0.0] * 8, [0.0] * 8, False),
    "a round lost": (QUIET, QUIET[1:], False),
}


@pytest.mark.parametrize("name", SERIES)
def test_only_steady_times_are_a_proof(name: str) -> None:
    unpruned, pruned, is_proof = SERIES[name]
    times = speed.steady(unpruned, pruned)
    assert times == ((min(unpruned), min(pruned)) if is_proof else None)


@pytest.fixture(scope="module")
def network() -> bytes:
    """A small network as ONNX."""
    layers = [nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1), nn.AdaptiveAvgPool2d(1)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(16, 11)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return onnx_bytes(model, [3, 32, 32], dynamic=True)


class MeasuringChild:
    """A measuring child whose operations run in this process."""

    stdout = ""

    def __init__(self) -> None:
        self.operations = operations.operations()

    def request(self, op: str, meta: dict[str, Any] | None = None, arrays: Sequence[Array] = ()) -> Reply:
        """The operation's answer."""
        answer, results = self.operations[op](meta or {}, tuple(arrays))
        return Reply(Outcome.OK, meta=answer, arrays=tuple(results))


def measured(network: bytes) -> tuple[float, float] | None:
    """The proof for a network, as a grading measures it."""
    image = np.random.default_rng(0).standard_normal((1, 3, 32, 32), np.float32)
    seconds = speed.times(MeasuringChild(), network, image)
    assert not isinstance(seconds, Outcome)
    return seconds


@contextmanager
def busy_processors() -> Iterator[None]:
    """Every processor has other work."""
    with ExitStack() as burning:
        for _ in os.sched_getaffinity(0):
            process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            burning.callback(process.wait)
            burning.callback(process.kill)
        yield


def test_a_busy_machine_never_contradicts_the_key(network: bytes) -> None:
    with busy_processors():
        proofs = [measured(network) for _ in range(8)]
    assert all(proof is None or speed.are_same(*proof) for proof in proofs)
    assert any(proof is not None for proof in proofs), "processor time is steady on a busy machine too"


@pytest.mark.parametrize(("budget", "fewest", "most", "rounds"), [(0.0, 4, 100, 4), (60.0, 4, 7, 7)])
def test_measuring_ends_with_its_budget_or_its_rounds(
    network: bytes, budget: float, fewest: int, most: int, rounds: int
) -> None:
    request = {"ratios": [0.0, 0.9], "budget": budget, "fewest": fewest, "most": most}
    arrays: list[Array] = [np.frombuffer(network, np.uint8), np.zeros((1, 3, 32, 32), np.float32)]
    seconds = MeasuringChild().request("network.times", request, arrays).meta["seconds"]
    assert [len(times) for times in seconds] == [rounds, rounds]
