"""The pruning curve, measured on the artefact: no student code runs.

Every Conv2d weight is pruned by itself, by L1 magnitude, at each ratio of the assignment, as the course's tutorial does
it; accuracy is counted here, on the trusted side, from the logits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.evidence import Note, Outcome
from grader.sandbox.replies import Array, Child

RATIOS = tuple(round(0.05 * i, 2) for i in range(20))
BATCH = 4
"""Small batches keep activations in the cache: measured at 64 x 64, 4 beats 1 and 16."""
_LIMITS = {Outcome.TIMEOUT: "weights.too_slow", Outcome.MEMORY: "weights.too_much_memory"}
Point = dict[str, float]
_Z = 1.959963984540054
"""The 97.5% quantile of the normal distribution: intervals hold 95%."""


@dataclass(frozen=True)
class Curve:
    """Accuracy by ratio with its Wilson interval, or the notes that say why there is none.

    ``confusion`` counts the images at the first ratio by true class (row) and answer (column). ``first_layer`` is the
    curve with only the first convolution pruned, where it was asked for.
    """

    points: tuple[dict[str, float], ...]
    notes: tuple[Note, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    first_layer: tuple[dict[str, float], ...] = ()
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
    known: Sequence[str],
    weights: bytes,
    images: Array,
    labels: Array,
    ratios: Sequence[float],
    progress: Callable[[int, int], None],
    first_layer: Callable[[Sequence[Point]], Sequence[float]] = lambda _: (),
) -> Curve | None:
    """Accuracy of the network with these weights on the images, at each ratio; ``None`` when it takes no such images.

    ``images`` (N, C, H, W) float32, ``labels`` (N,) whole numbers. The child must be a measuring one. ``first_layer``
    gives the ratios at which only the first convolution is pruned too, once the curve is known.
    """
    bytes_of = np.frombuffer(artefact, np.uint8)
    opened = child.request("network.open", {"known": list(known)}, [bytes_of, images])
    if opened.outcome is not Outcome.OK:
        return unmeasured(opened.outcome)
    if opened.meta["native"]:
        return None
    read = child.request("network.weights", {}, [np.frombuffer(weights, np.uint8)])
    if read.outcome is not Outcome.OK:
        return unmeasured(read.outcome)
    unfit = _unfit(read.meta)
    if unfit is not None:
        return Curve((), (unfit,))
    points: list[Point] = []
    table: tuple[tuple[int, ...], ...] = ()
    for done, ratio in enumerate(ratios):
        progress(done, len(ratios))
        answers = _answers(child, ratio, labels)
        if isinstance(answers, Outcome):
            return unmeasured(answers)
        points.append(_point(ratio, answers, labels))
        table = table or confusion(answers, labels)
    progress(len(ratios), len(ratios))
    alone: list[Point] = []
    for ratio in first_layer(points):
        answers = _answers(child, ratio, labels, layers=1)
        if isinstance(answers, Outcome):
            return unmeasured(answers)
        alone.append(_point(ratio, answers, labels))
    loaded = Note(id="weights.loaded", params={"tensors": read.meta["loaded"], "masked": read.meta["masked"]})
    return Curve(tuple(points), (loaded,), table, tuple(alone))


def takes(child: Child, artefact: bytes, image: Array) -> bool:
    """Whether the network can be run on images like this one, (1, C, H, W) float32, in a measuring child."""
    opened = child.request("network.open", {"known": []}, [np.frombuffer(artefact, np.uint8), image])
    return opened.outcome is Outcome.OK and not opened.meta["native"]


def confusion(answers: Array, labels: Array) -> tuple[tuple[int, ...], ...]:
    """How often class ``row`` was taken for class ``column``: ``answers`` and ``labels`` are (N,) whole numbers."""
    classes = int(max(labels.max(initial=0), answers.max(initial=0))) + 1
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (labels, answers), 1)
    return tuple(tuple(int(n) for n in row) for row in table)


def _answers(child: Child, ratio: float, labels: Array, layers: int | None = None) -> Array | Outcome:
    """The class that the network gives each image (N,), or how the measuring stopped."""
    meta = {"ratio": ratio, "batch": BATCH, "threads": 1, "layers": layers}
    answer = child.request("network.evaluate", meta)
    if answer.outcome is not Outcome.OK:
        return answer.outcome
    logits = answer.arrays[0]
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


def _unfit(fit: Mapping[str, Any]) -> Note | None:
    """What is wrong with a weights file, as PyTorch users know it; nothing when it fits."""
    if fit["problem"] is not None:
        return Note(id=fit["told"], params={"problem": fit["problem"], "names": fit["names"]})
    if fit["good"]:
        return None
    if fit["not_finite"]:
        return Note(id="weights.not_finite", params={"names": fit["not_finite"][:5]})
    shapes = [f"{name} {got} ≠ {want}" for name, got, want in fit["wrong_shape"][:5]]
    params = {"missing": fit["missing"][:5], "unexpected": fit["unexpected"][:5], "wrong_shape": shapes}
    return Note(id="weights.do_not_fit", params={**params, "fitting": fit["loaded"]})


def unmeasured(outcome: Outcome, training_error: str | None = None) -> Curve:
    """No curve, and the note that says why: a limit, or what a training of ours met (empty: nobody knows), or we."""
    params: dict[str, Any] = {"outcome": str(outcome)}
    told = "weights.not_measured"
    if outcome in _LIMITS:
        told = _LIMITS[outcome]
    elif training_error is not None:
        told, params = "weights.not_trained", params | {"error": training_error}
    return Curve((), (Note(id=told, params=params),), outcome=outcome)
