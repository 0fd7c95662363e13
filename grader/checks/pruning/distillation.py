"""A short distillation from the stored answers of the teacher, for models that were submitted without weights.

Every model gets the same compute, not the same number of steps. The budget counts floating-point operations: two for
each mult-add of the forward pass, and twice as many for the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.checks.kd_loss.binding import CallPlan
from grader.evidence import Outcome
from grader.sandbox.replies import Array, Child, Reply

SEED = 20220513
BATCH, LARGE_BATCH = 32, 8
"""Images a step, and for images larger than `SIZES`: a step on 32 of 224 x 224 would take tens of gigabytes."""
LIMITS: Mapping[str, float] = {"cpu_seconds": 120, "wall_seconds": 400}
"""Sandbox limits of a training: slow layers need a minute for the budget, but sleeping code must not block a worker."""
SIZES = (64, 48, 32, 24)
"""Sides in pixels at which a network may be trained; the largest that leaves it `ENOUGH_STEPS` is used."""
ENOUGH_STEPS = 400
RECIPE = {"learning_rate": 1e-2, "weight_decay": 1e-2, "alpha": 0.9, "temperature": 4.0}
"""With it, networks of 25,000 to 33,000 parameters reach 70 to 74% in half a minute of one core (docs/data.md)."""
MAX_STEPS, MIN_STEPS = 1000, 8


@dataclass(frozen=True)
class TrainingResult:
    """The trained weights as safetensors bytes, or the outcome that ended the training, with its error if any."""

    weights: bytes | None
    outcome: Outcome
    steps: int
    loss: float | None = None
    error: str = ""


def batch_of(size: int) -> int:
    """Images a step at this size."""
    return BATCH if size <= max(SIZES) else LARGE_BATCH


def steps_within(budget: float, mult_adds: float, batch: int = BATCH) -> int:
    """Training steps that a budget of floating-point operations pays for, at ``mult_adds`` an image."""
    return int(min(max(budget / (6 * max(mult_adds, 1) * batch), MIN_STEPS), MAX_STEPS))


def sizes(budget: float, mult_adds_of: Callable[[int], float], largest: int) -> list[int]:
    """Sides to try in this order: the largest that leaves enough steps, then larger ones, if the network rejects it.

    A network that shrinks the picture to nothing, or needs one size, raises on the first step.
    """
    candidates = [size for size in SIZES if size <= largest] or [largest]
    enough = (size for size in candidates if steps_within(budget, mult_adds_of(size)) >= ENOUGH_STEPS)
    first = next(enough, candidates[-1])
    return [first, *(size for size in reversed(candidates) if size > first)]


def distil(
    child: Child,
    entry: str,
    images: Callable[[Array], Array],
    teacher: Array,
    labels: Array,
    steps: int,
    progress: Callable[[int, int], None],
    loss: dict[str, Any] | None = None,
    batch_size: int = BATCH,
) -> TrainingResult:
    """Train a fresh copy in the child that holds the student's code.

    ``images(indices)`` returns (N, C, H, W) float32; ``teacher`` (M, classes) float32 and ``labels`` (M,) int64 belong
    to the whole training split. ``loss`` is a call of the student's own loss (`call_of`), in place of the reference.
    """
    rng = np.random.default_rng(SEED)
    meta: dict[str, Any] = {"entry": entry, "seed": SEED, "steps": steps, "loss": loss, **RECIPE}
    reply = child.request("distil.begin", meta)
    order: Array = np.zeros(0, np.int64)
    for done in range(steps):
        if reply.outcome is not Outcome.OK:
            return _failure(reply, max(done - 1, 0))
        progress(done, steps)
        if len(order) < batch_size:
            order = rng.permutation(len(labels))
        chosen, order = order[:batch_size], order[batch_size:]
        batch = images(chosen)
        flipped = rng.random(len(chosen)) < 0.5
        batch[flipped] = batch[flipped][..., ::-1]
        reply = child.request("distil.step", {}, [batch, teacher[chosen], labels[chosen]])
    if reply.outcome is not Outcome.OK:
        return _failure(reply, steps - 1)
    value = reply.meta.get("loss")
    reply = child.request("distil.end")
    if reply.outcome is not Outcome.OK or len(reply.arrays) != 1 or reply.arrays[0].dtype != np.uint8:
        return _failure(reply, steps)
    return TrainingResult(reply.arrays[0].tobytes(), Outcome.OK, steps, value if isinstance(value, float) else None)


def call_of(plan: CallPlan) -> dict[str, Any]:
    """How the child is to call the student's loss, by role."""
    by_keyword = {"kwargs": plan.kwargs, "init_kwargs": plan.init_kwargs or {}}
    roles = {key: {name: str(role) for name, role in keywords.items()} for key, keywords in by_keyword.items()}
    return {"entry": plan.entry, "args": [str(role) for role in plan.args], **roles}


def _failure(reply: Reply, steps: int) -> TrainingResult:
    error = f"{reply.error.type}: {reply.error.message[:300]}" if reply.error is not None else ""
    outcome = Outcome.PROTOCOL if reply.outcome is Outcome.OK else reply.outcome
    return TrainingResult(None, outcome, steps, error=error)
