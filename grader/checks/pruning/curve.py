"""The pruning curve, measured on the artefact without student code.

As in the course's tutorial, each Conv2d weight is pruned on its own, by L1 magnitude, at each ratio of the assignment.
Accuracy is counted here, on the trusted side, from the logits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.checks.pruning.evidence import PruningFact
from grader.checks.pruning.ratio_order import Point, RatioOrder
from grader.evidence import Observation, Outcome
from grader.sandbox.replies import Array, Child, Reply

RATIOS = tuple(round(0.05 * i, 2) for i in range(20))
BATCH = 4
"""Small batches keep activations in the cache: at 64 x 64, 4 is faster than 1 and 16."""
_LIMITS = {Outcome.TIMEOUT: PruningFact.TOO_SLOW, Outcome.MEMORY: PruningFact.TOO_MUCH_MEMORY}
_Z = 1.959963984540054
"""The 97.5% quantile of the normal distribution: intervals hold 95%."""


@dataclass(frozen=True)
class Curve:
    """Accuracy by ratio with its Wilson interval, or the notes that say why there is none.

    ``confusion`` counts the images at the first ratio by true class (row) and answer (column). ``first_layer`` is the
    curve with only the first convolution pruned, if it was measured.
    """

    points: tuple[Point, ...]
    notes: tuple[Observation, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    first_layer: tuple[Point, ...] = ()
    outcome: Outcome = Outcome.OK


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95% interval of a share ``right / n`` (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212)."""
    if n == 0:
        return 0.0, 1.0
    share, z2 = right / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def sweep(
    child: Child,
    artefact: bytes,
    parameter_names: Sequence[str],
    weights: bytes,
    images: Array,
    labels: Array,
    order: RatioOrder,
    progress: Callable[[Sequence[Point]], None],
    first_layer_ratios: Callable[[Sequence[Point]], Sequence[float]] = lambda _: (),
) -> Curve | None:
    """Accuracy of the network with these weights on the images, by ratio; ``None`` if it rejects their size.

    ``images`` (N, C, H, W) float32, ``labels`` (N,) whole numbers. The child must be a measuring one. ``progress`` gets
    the points so far, which rise by ratio, before each measurement and at the end. ``first_layer_ratios`` returns the
    ratios at which to prune the first convolution alone, given the measured curve.
    """
    reply = _open(child, artefact, parameter_names, images)
    if reply.outcome is not Outcome.OK:
        return unmeasured(reply.outcome)
    if reply.meta["native"]:
        return None
    fit = child.request("network.weights", {}, [np.frombuffer(weights, np.uint8)])
    if fit.outcome is not Outcome.OK:
        return unmeasured(fit.outcome)
    problem = _weights_problem(fit.meta)
    if problem is not None:
        return Curve((), (problem,))
    points: list[Point] = []
    table: tuple[tuple[int, ...], ...] = ()
    progress(points)
    while (ratio := order.next_ratio(points)) is not None:
        answers = _answers(child, ratio, labels)
        if isinstance(answers, Outcome):
            return unmeasured(answers)
        points = sorted([*points, _point(ratio, answers, labels)], key=lambda point: point["ratio"])
        table = table or confusion(answers, labels)  # the lowest ratio comes first
        progress(points)
    first_layer: list[Point] = []
    for ratio in first_layer_ratios(points):
        answers = _answers(child, ratio, labels, layers=1)
        if isinstance(answers, Outcome):
            return unmeasured(answers)
        first_layer.append(_point(ratio, answers, labels))
    note = Observation(id=PruningFact.LOADED, params={"tensors": fit.meta["loaded"], "masked": fit.meta["masked"]})
    return Curve(tuple(points), (note,), table, tuple(first_layer))


def accepts(child: Child, artefact: bytes, image: Array) -> bool:
    """Whether the network runs on images like this one, (1, C, H, W) float32, in a measuring child."""
    reply = _open(child, artefact, (), image)
    return reply.outcome is Outcome.OK and not reply.meta["native"]


def _open(child: Child, artefact: bytes, parameter_names: Sequence[str], images: Array) -> Reply:
    return child.request("network.open", {"known": [*parameter_names]}, [np.frombuffer(artefact, np.uint8), images])


def confusion(answers: Array, labels: Array) -> tuple[tuple[int, ...], ...]:
    """How many images of class ``row`` were answered ``column``; ``answers`` and ``labels`` (N,) whole numbers."""
    classes = int(max(labels.max(initial=0), answers.max(initial=0))) + 1
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (labels, answers), 1)
    return tuple(tuple(int(n) for n in row) for row in table)


def _answers(child: Child, ratio: float, labels: Array, layers: int | None = None) -> Array | Outcome:
    """The class that the network gives each image (N,), or the outcome that ended the request."""
    meta = {"ratio": ratio, "batch": BATCH, "threads": 1, "layers": layers}
    reply = child.request("network.evaluate", meta)
    if reply.outcome is not Outcome.OK:
        return reply.outcome
    logits = reply.arrays[0]
    if logits.ndim != 2 or logits.shape[0] != len(labels):
        return Outcome.ERROR
    best: Array = logits.argmax(axis=1)
    return best


def _point(ratio: float, answers: Array, labels: Array) -> Point:
    right = int((answers == labels).sum())
    low, high = wilson(right, len(labels))
    return {"ratio": float(ratio), "accuracy": right / len(labels), "low": low, "high": high}


def baseline(accuracy: float, baselines: Mapping[str, float]) -> str | None:
    """The highest named baseline that an accuracy reaches."""
    reached = [name for name in sorted(baselines, key=lambda name: baselines[name]) if accuracy >= baselines[name]]
    return reached[-1] if reached else None


def _weights_problem(fit: Mapping[str, Any]) -> Observation | None:
    """What is wrong with a weights file, in PyTorch's words; ``None`` if it fits."""
    if fit["problem"] is not None:
        return Observation(id=PruningFact(fit["message_id"]), params={"problem": fit["problem"], "names": fit["names"]})
    if fit["good"]:
        return None
    if fit["not_finite"]:
        return Observation(id=PruningFact.NOT_FINITE, params={"names": fit["not_finite"][:5]})
    shapes = [f"{name} {got} ≠ {want}" for name, got, want in fit["wrong_shape"][:5]]
    params = {"missing": fit["missing"][:5], "unexpected": fit["unexpected"][:5], "wrong_shape": shapes}
    return Observation(id=PruningFact.DO_NOT_FIT, params={**params, "fitting": fit["loaded"]})


def unmeasured(outcome: Outcome, training_error: str | None = None) -> Curve:
    """No curve, and a note that says why: a limit, the error of our training (perhaps empty), or our own fault."""
    params: dict[str, Any] = {"outcome": str(outcome)}
    note_id = PruningFact.NOT_MEASURED
    if outcome in _LIMITS:
        note_id = _LIMITS[outcome]
    elif training_error is not None:
        note_id, params = PruningFact.NOT_TRAINED, params | {"error": training_error}
    return Curve((), (Observation(id=note_id, params=params),), outcome=outcome)
