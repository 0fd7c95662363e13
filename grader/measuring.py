"""What takes longer and needs no quick answer: question 3.1's curve, with the student's weights or distilled ones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader import data
from grader.assignment import Assignment, Question
from grader.checks import architecture, curve, distillation
from grader.evidence import ArchitectureEvidence, ChoiceEvidence, Note, Outcome, PruningEvidence
from grader.sandbox.replies import Child
from reference_models import trained

Progress = Callable[[str, int, int], None]
FEWEST_IMAGES = 110
"""Ten a class: below that an interval says nothing."""


@dataclass(frozen=True)
class Model:
    """A model whose count was confirmed: its evidence, the artefact, and how to get at either sandbox.

    ``training`` opens a child that holds the student's code, ``measuring`` one where none ever was.
    """

    evidence: ArchitectureEvidence
    artefact: bytes
    training: Callable[[], AbstractContextManager[Child | None]]
    measuring: Callable[[], AbstractContextManager[Child]]


def proof(assignment: Assignment, known: ChoiceEvidence, model: Model) -> ChoiceEvidence:
    """The evidence of question 3.2 with the model's time for an image, unpruned and 90% pruned."""
    images = np.random.default_rng().standard_normal((2, *assignment.input_shape), np.float32)
    with model.measuring() as child:
        seconds = curve.times(child, model.artefact, images)
    if seconds is None:
        return known
    return known.model_copy(update={"seconds_unpruned": seconds[0], "seconds_pruned_90": seconds[1]})


def pruning_curve(
    assignment: Assignment,
    question: Question,
    known: PruningEvidence,
    model: Model,
    uploaded: bytes | None,
    progress: Progress,
) -> PruningEvidence:
    """The evidence of question 3.1 with the measured curve, or with the note that says why there is none.

    Raises ``NoSuchDataSet`` or ``DamagedPack`` when the evaluation data are not what they should be: our fault.
    """
    options = question.options
    images = data.load(options.get("data", data.BUILT_IN))
    weights, origin = uploaded, "uploaded"
    if weights is None:
        # The teacher's answers are stored for the built-in pictures only.
        budget = float(options.get("distillation_flops", 0))
        if not budget or images.name != data.BUILT_IN:
            return known
        trial = _distilled(budget, images, assignment, model, progress)
        if trial.weights is None:
            lost = Note(id="weights.not_measured", params={"outcome": str(trial.outcome)})
            return known.model_copy(update={"notes": (*known.notes, lost)})
        weights, origin = trial.weights, "distilled"
    ratios = [float(ratio) for ratio in options.get("ratios", curve.RATIOS)]
    # A network whose layers fix the size of the image is measured at its own size, on images scaled up.
    for size in dict.fromkeys((images.size, assignment.input_shape[1])):
        chosen = _chosen(
            len(images.hidden), float(options.get("sweep_flops", 1e12)), _cost(assignment, model, size), ratios
        )
        labels = images.hidden.labels[chosen]
        with model.measuring() as child:
            found = curve.sweep(
                child,
                model.artefact,
                model.evidence.parameter_names,
                weights,
                images.hidden.images(chosen, size),
                labels,
                ratios,
                lambda done, total: progress("curve", done, total),
            )
        if found is not None:
            update: dict[str, Any] = {"notes": (*known.notes, *found.notes)}
            if found.points:
                best = curve.baseline(found.points[0]["accuracy"], assignment.baselines)
                update |= {"curve": found.points, "weights": origin, "images": len(labels), "baseline": best}
                if images.name == data.BUILT_IN:
                    update["reference_curve"] = trained.pruning_curve()
            return known.model_copy(update=update)
    return known.model_copy(
        update={"notes": (*known.notes, Note(id="weights.not_measured", params={"outcome": "error"}))}
    )


def _cost(assignment: Assignment, model: Model, size: int) -> float:
    """Mult-adds of one image of this size, from those at the assignment's size: convolutions scale with the area."""
    return (model.evidence.mult_adds or 0) * (size / assignment.input_shape[1]) ** 2


def _chosen(available: int, budget: float, cost: float, ratios: list[float]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """As many images as the budget pays for, spread evenly over the split so that the classes stay balanced."""
    affordable = int(budget / (2 * max(cost, 1) * len(ratios)))
    count = min(available, max(FEWEST_IMAGES, affordable))
    return np.linspace(0, available - 1, count).round().astype(np.int64)


def _distilled(
    budget: float, images: data.DataSet, assignment: Assignment, model: Model, progress: Progress
) -> distillation.Distilled:
    """A short distillation within the budget, the same for every model."""
    steps = distillation.steps_within(budget, _cost(assignment, model, images.size))
    with model.training() as child:
        if child is None:  # it loaded a moment ago; now a limit stopped it
            return distillation.Distilled(None, Outcome.DIED, 0)
        return distillation.distil(
            child,
            architecture.ENTRY,
            lambda chosen: images.train.images(chosen, images.size),
            trained.teacher_logits("train"),
            images.train.labels,
            steps,
            lambda done, total: progress("distillation", done, total),
        )
