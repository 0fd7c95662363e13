"""A short distillation from the stored answers of the teacher, for models that came without weights.

Every model gets the same compute, not the same number of steps: the budget is counted in floating-point operations,
three passes of two operations a mult-add for each image (forward, and twice that backward).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.evidence import Outcome
from grader.sandbox.replies import Array, Child

SEED = 20220513
BATCH = 32
RECIPE = {"learning_rate": 1e-2, "weight_decay": 1e-2, "alpha": 0.9, "temperature": 4.0}
"""Networks of 25,000 to 33,000 parameters reached 70 to 74% in half a minute of one core with it (docs/data.md)."""
MAX_STEPS, MIN_STEPS = 2000, 8


@dataclass(frozen=True)
class Distilled:
    """The trained weights as safetensors bytes, or the outcome that stopped the training."""

    weights: bytes | None
    outcome: Outcome
    steps: int
    loss: float | None = None


def steps_within(budget: float, mult_adds: float, batch: int = BATCH) -> int:
    """Training steps that a budget of floating-point operations pays for, at ``mult_adds`` an image."""
    return int(min(max(budget / (6 * max(mult_adds, 1) * batch), MIN_STEPS), MAX_STEPS))


def distil(
    child: Child,
    entry: str,
    images: Callable[[Array], Array],
    teacher: Array,
    labels: Array,
    steps: int,
    progress: Callable[[int, int], None],
) -> Distilled:
    """Train a fresh copy in the child that holds the student's code.

    ``images(indices)`` gives (N, C, H, W) float32; ``teacher`` (M, classes) float32 and ``labels`` (M,) int64 belong to
    the whole training split.
    """
    rng = np.random.default_rng(SEED)
    meta: dict[str, Any] = {"entry": entry, "seed": SEED, "steps": steps, **RECIPE}
    reply = child.request("distil.begin", meta)
    order: Array = np.zeros(0, np.int64)
    for done in range(steps):
        if reply.outcome is not Outcome.OK:
            return Distilled(None, reply.outcome, done)
        progress(done, steps)
        if len(order) < BATCH:
            order = rng.permutation(len(labels))
        chosen, order = order[:BATCH], order[BATCH:]
        batch = images(chosen)
        flipped = rng.random(len(chosen)) < 0.5
        batch[flipped] = batch[flipped][..., ::-1]
        reply = child.request("distil.step", {}, [batch, teacher[chosen], labels[chosen]])
    if reply.outcome is not Outcome.OK:
        return Distilled(None, reply.outcome, steps)
    loss = reply.meta.get("loss")
    reply = child.request("distil.end")
    if reply.outcome is not Outcome.OK or len(reply.arrays) != 1 or reply.arrays[0].dtype != np.uint8:
        return Distilled(None, reply.outcome, steps)
    return Distilled(reply.arrays[0].tobytes(), Outcome.OK, steps, loss if isinstance(loss, float) else None)
