"""The pruning curve and the proof for inference speed, measured on the artefact: no student code runs.

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
_Z = 1.959963984540054
"""The 97.5% quantile of the normal distribution: intervals hold 95%."""


@dataclass(frozen=True)
class Curve:
    """Accuracy by ratio with its Wilson interval, or the notes that say why there is none."""

    points: tuple[dict[str, float], ...]
    notes: tuple[Note, ...] = ()


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
) -> Curve | None:
    """Accuracy of the network with these weights on the images, at each ratio; ``None`` when it takes no such images.

    ``images`` (N, C, H, W) float32, ``labels`` (N,) whole numbers. The child must be a measuring one.
    """
    bytes_of = np.frombuffer(artefact, np.uint8)
    opened = child.request("network.open", {"known": list(known)}, [bytes_of, images])
    if opened.outcome is not Outcome.OK:
        return Curve((), (_failed(opened.outcome),))
    if opened.meta["native"]:
        return None
    read = child.request("network.weights", {}, [np.frombuffer(weights, np.uint8)])
    if read.outcome is not Outcome.OK:
        return Curve((), (_failed(read.outcome),))
    unfit = _unfit(read.meta)
    if unfit is not None:
        return Curve((), (unfit,))
    points = []
    for done, ratio in enumerate(ratios):
        progress(done, len(ratios))
        answer = child.request("network.evaluate", {"ratio": ratio, "batch": BATCH, "threads": 1})
        if answer.outcome is not Outcome.OK or answer.arrays[0].shape[0] != len(labels):
            return Curve((), (_failed(answer.outcome),))
        right = int((answer.arrays[0].argmax(axis=1) == labels).sum())
        low, high = wilson(right, len(labels))
        points.append({"ratio": float(ratio), "accuracy": right / len(labels), "low": low, "high": high})
    progress(len(ratios), len(ratios))
    return Curve(tuple(points), (Note(id="weights.loaded", params={"tensors": read.meta["loaded"]}),))


def times(child: Child, artefact: bytes, images: Array) -> tuple[float, float] | None:
    """Seconds an image, unpruned and 90% pruned, on one thread; ``None`` where the network cannot be run."""
    request = {"ratios": [0.0, 0.9], "rounds": 3}
    answer = child.request("network.times", request, [np.frombuffer(artefact, np.uint8), images])
    if answer.outcome is not Outcome.OK:
        return None
    unpruned, pruned = answer.meta["seconds"]
    return float(unpruned), float(pruned)


def baseline(accuracy: float, baselines: Mapping[str, float]) -> str | None:
    """The highest named baseline that an accuracy reaches."""
    reached = [name for name in sorted(baselines, key=lambda name: baselines[name]) if accuracy >= baselines[name]]
    return reached[-1] if reached else None


def _unfit(fit: Mapping[str, Any]) -> Note | None:
    """What is wrong with a weights file, as PyTorch users know it; nothing when it fits."""
    if fit["problem"] is not None:
        return Note(id="weights.unreadable", params={"problem": fit["problem"]})
    if fit["good"]:
        return None
    if fit["not_finite"]:
        return Note(id="weights.not_finite", params={"names": fit["not_finite"][:5]})
    shapes = [f"{name}: {got} in the file, {want} in the model" for name, got, want in fit["wrong_shape"][:5]]
    params = {"missing": fit["missing"][:5], "unexpected": fit["unexpected"][:5], "wrong_shape": shapes}
    return Note(id="weights.do_not_fit", params={**params, "fitting": fit["loaded"]})


def _failed(outcome: Outcome) -> Note:
    return Note(id="weights.not_measured", params={"outcome": str(outcome)})
