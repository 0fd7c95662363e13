"""The measured curve of a plot: with the student's weights, or with those of a short distillation of ours."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader import data
from grader.assignment import Assignment, Question
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.checks.pruning import curve, points_check
from grader.checks.pruning.curve import Curve
from grader.checks.pruning.evidence import OwnLoss, PruningEvidence, PruningFact
from grader.checks.pruning.options import PruningOptions
from grader.checks.pruning.ratio_order import Point, RatioOrder
from grader.checks.pruning.training import Training
from grader.context import GradingContext
from grader.evidence import Evidence, Fault, Observation, Outcome
from grader.parts import PartKind
from reference_models import trained

FEWEST_IMAGES = 110
"""Ten a class: below that an interval says nothing."""
_FIRST_LAYER_RATIOS = 6
"""Ratios at which the slip of pruning one layer is measured; its curve is flat."""
_Indices = NDArray[np.int64]


def is_due(
    assignment: Assignment, question: Question, parts: Collection[str], evidence: Mapping[str, Evidence]
) -> bool:
    """Whether the curve, or a training by the student's own loss, is still to be measured."""
    if not any(isinstance(item, ArchitectureEvidence) and item.verified for item in evidence.values()):
        return False
    pruning = evidence[question.number]
    if not isinstance(pruning, PruningEvidence) or pruning.fault is not None or pruning.curve_stopped:
        return False
    has_weights = any(name in parts for name in assignment.part_names(PartKind.WEIGHTS, question))
    return _awaits_curve(question, has_weights, pruning) or _awaits_own_loss(question, pruning, evidence)


def _awaits_curve(question: Question, has_weights: bool, pruning: PruningEvidence) -> bool:
    if pruning.curve or pruning.curve_fault is not None or pruning.curve_outcome is not Outcome.OK:
        return False
    if has_weights:
        return True
    # The teacher's answers are stored for the built-in pictures only.
    is_built_in = data.name_for(question.options) == data.BUILT_IN
    return pruning.submitted and is_built_in and question.typed_options(PruningOptions).distillation_flops > 0


def _awaits_own_loss(question: Question, pruning: PruningEvidence, evidence: Mapping[str, Evidence]) -> bool:
    """Whether a model that was trained for its curve is still to be trained by the student's own loss.

    Both have the same number of steps, or they could not be compared: the second needs the budget of the first.
    """
    options = question.typed_options(PruningOptions)
    losses = [item for item in evidence.values() if isinstance(item, KDLossEvidence)]
    is_callable = any(loss.call and loss.outcome is Outcome.OK and loss.fault is None for loss in losses)
    is_trained = bool(pruning.curve and pruning.training_steps and pruning.own_loss is None)
    return is_trained and is_callable and options.own_loss_flops >= options.distillation_flops > 0


def without_curve(evidence: PruningEvidence, fault: Fault | None) -> PruningEvidence:
    """The evidence of a later stage that was lost through a fault of ours, or stopped by a person (``None``)."""
    if fault is None:
        note = Observation(id=PruningFact.OWN_LOSS_STOPPED if evidence.curve else PruningFact.CURVE_STOPPED)
        return evidence.model_copy(update={"notes": (*evidence.notes, note), "curve_stopped": True})
    if evidence.curve:
        return evidence
    note = Observation(id=PruningFact.NOT_MEASURED, params={"outcome": str(fault)})
    return evidence.model_copy(update={"notes": (*evidence.notes, note), "curve_fault": fault})


class CurveMeasurement(Training):
    """The curve of one question."""

    def __init__(self, context: GradingContext, question: Question) -> None:
        super().__init__(context)
        self.question = question
        self.options = question.typed_options(PruningOptions)

    def run(self) -> None:
        """Measure the curve; if we trained the model ourselves, train it with the student's own loss too.

        Raises ``NoSuchDataSet`` or ``DamagedPack`` when the evaluation data are not what they should be: our fault.
        """
        evidence = self.context.evidence_of(self.question, PruningEvidence)
        assert evidence is not None  # noqa: S101 - without evidence nothing is due
        images = data.load(data.name_for(self.question.options))
        if evidence.curve:
            self._add_own_loss(images, evidence)
            return
        uploaded = self.context.part(self.question, PartKind.WEIGHTS)
        if uploaded is not None:
            sizes, artefact = [images.size, self.input_shape[1]], self.context.grading.artefact
            facts: dict[str, Any] = {"weights": "uploaded"}
            sweep, size = self._measure_curve(evidence, images, uploaded.data, sizes, artefact, facts)
            self.context.record_evidence(self.question, self._with_curve(evidence, sweep, images, size, **facts))
            return
        training, size = self.distil(self.options.distillation_flops, images)
        if training.weights is None:
            sweep = curve.unmeasured(training.outcome, training.error)
            self.context.record_evidence(self.question, self._with_curve(evidence, sweep, images, size))
            return
        artefact = self.artefact_at(size)
        facts = {"weights": "distilled", "training_steps": training.steps}
        sweep, size = self._measure_curve(evidence, images, training.weights, [size], artefact, facts)
        evidence = self._with_curve(evidence, sweep, images, size, **facts)
        self.context.record_evidence(self.question, evidence)
        self.context.commit()
        self._add_own_loss(images, evidence)

    def _with_curve(
        self, evidence: PruningEvidence, sweep: Curve, images: data.DataSet, size: int, **facts: Any
    ) -> PruningEvidence:
        """The evidence with a curve and what follows from it, or with the note that says why there is none."""
        # Only an upload can be loaded: weights of a training of ours need no word about it.
        is_upload = facts.get("weights") == "uploaded"
        notes = (*evidence.notes, *(note for note in sweep.notes if is_upload or note.id != PruningFact.LOADED))
        if not sweep.points:
            return evidence.model_copy(update={"notes": notes, "curve_outcome": sweep.outcome})
        comparison = points_check.check(evidence.points, sweep.points, len(images.classes), sweep.first_layer)
        if comparison is not None:
            notes += (points_check.note(comparison),)
        baselines = self.context.assignment.baselines_on(images.name)
        update: dict[str, Any] = {
            **facts,
            **self._drawing(sweep.points, images),
            "notes": notes,
            "images": sum(map(sum, sweep.confusion)),
            "baseline": curve.baseline(sweep.points[0]["accuracy"], baselines),
            "data": images.name,
            "data_digest": images.digest,
            "image_size": size,
            "class_names": images.classes,
            "confusion": _padded(sweep.confusion, len(images.classes)),
            "points_check": comparison,
            "first_layer_curve": sweep.first_layer,
        }
        return evidence.model_copy(update=update)

    def _drawing(self, points: Sequence[Point], images: data.DataSet) -> dict[str, Any]:
        """The fields of the evidence that draw a curve."""
        baselines = dict(self.context.assignment.baselines_on(images.name))
        teacher = trained.pruning_curve() if images.name == data.BUILT_IN else ()
        return {"curve": tuple(points), "baselines": baselines, "reference_curve": teacher}

    # -- the curve ----------------------------------------------------------------------------------------------

    def _measure_curve(
        self,
        evidence: PruningEvidence,
        images: data.DataSet,
        weights: bytes,
        sizes: list[int],
        artefact: bytes | None,
        facts: Mapping[str, Any],
    ) -> tuple[Curve, int]:
        """The curve at the first of these image sizes that the network takes, and that size.

        ``facts`` say which weights these are, to readers who watch the curve grow.
        """
        ratios, budget = sorted(set(self.options.ratios)), self.options.sweep_flops

        def first_layer_ratios(points: Any) -> list[float]:
            comparison = points_check.check(evidence.points, tuple(points), len(images.classes))
            if comparison is None or comparison.verdict == "agree":
                return []
            return sorted({ratios[int(i)] for i in np.linspace(0, len(ratios) - 1, _FIRST_LAYER_RATIOS).round()})

        for size in dict.fromkeys(sizes):
            chosen = _affordable_indices(len(images.hidden), budget, self.cost(size), ratios)
            order = RatioOrder(ratios, budget / (2 * max(self.cost(size), 1) * len(chosen)))

            def show(points: Sequence[Point], order: RatioOrder = order) -> None:
                to_come = order.most_to_come(points)
                if points:
                    interim = {**facts, **self._drawing(points, images), "to_come": to_come}
                    self.context.report_interim(self.question, interim)
                self.context.report_progress("curve", len(ratios) - to_come, len(ratios))

            sweep = self._sweep(images, chosen, size, weights, order, artefact, show, first_layer_ratios)
            if sweep is not None:
                return sweep, size
        return curve.unmeasured(Outcome.ERROR), sizes[-1]

    def _sweep(
        self,
        images: data.DataSet,
        chosen: _Indices,
        size: int,
        weights: bytes,
        order: RatioOrder,
        artefact: bytes | None,
        progress: Callable[[Sequence[Point]], None],
        first_layer_ratios: Callable[[Any], list[float]] = lambda _: [],
    ) -> Curve | None:
        assert artefact is not None  # noqa: S101 - nothing is due without one
        with self.context.stage_timer("curve"), self.context.open_measuring_child() as child:
            return curve.sweep(
                child,
                artefact,
                self.model.parameter_names,
                weights,
                images.hidden.images(chosen, size),
                images.hidden.labels[chosen],
                order,
                progress,
                first_layer_ratios,
            )

    # -- the student's own loss ---------------------------------------------------------------------------------

    def _add_own_loss(self, images: data.DataSet, evidence: PruningEvidence) -> None:
        if _awaits_own_loss(self.question, evidence, self.context.grading.evidence):
            updated = self._with_own_loss(images, evidence)
            self.context.record_evidence(self.question, updated)

    def _with_own_loss(self, images: data.DataSet, evidence: PruningEvidence) -> PruningEvidence:
        """The evidence with the accuracy of the same model, trained by the student's own loss."""
        size = evidence.image_size or images.size
        training = self.train("own_loss", evidence.training_steps or 0, images, size, own=True)
        sweep = None
        if training.weights is not None:
            chosen = _even_indices(len(images.hidden), evidence.images or 0)  # the same images as for the curve
            unpruned, artefact = RatioOrder([0.0], 1), self.artefact_at(size)
            sweep = self._sweep(images, chosen, size, training.weights, unpruned, artefact, lambda _: None)
        params: dict[str, Any] = {"steps": training.steps, "reference_steps": evidence.training_steps}
        if sweep is not None and sweep.points:
            point = {name: value for name, value in sweep.points[0].items() if name != "ratio"}
            own_loss = OwnLoss(steps=training.steps, **point)
            params |= {"accuracy": point["accuracy"], "reference": evidence.curve[0]["accuracy"]}
            note = Observation(id=PruningFact.OWN_LOSS_TRAINED, params=params)
        elif sweep is not None and any(note.id == PruningFact.NOT_FINITE for note in sweep.notes):
            error = "the weights are not finite any more"
            own_loss = OwnLoss(steps=training.steps, outcome=Outcome.ERROR, error=error)
            note = Observation(id=PruningFact.OWN_LOSS_DIVERGED, params=params)
        else:
            outcome = training.outcome if training.outcome is not Outcome.OK else Outcome.ERROR
            own_loss = OwnLoss(steps=training.steps, outcome=outcome, error=training.error)
            note = Observation(
                id=PruningFact.OWN_LOSS_FAILED, params={**params, "error": training.error or str(outcome)}
            )
        return evidence.model_copy(update={"own_loss": own_loss, "notes": (*evidence.notes, note)})


def _affordable_indices(available: int, budget: float, cost: float, ratios: Sequence[float]) -> _Indices:
    """As many images as the budget pays for, spread evenly over the split so that the classes stay balanced."""
    affordable = budget / (2 * max(cost, 1) * len(ratios))
    return _even_indices(available, int(min(available, max(FEWEST_IMAGES, affordable))))


def _even_indices(available: int, count: int) -> _Indices:
    return np.linspace(0, available - 1, count).round().astype(np.int64)


def _padded(table: tuple[tuple[int, ...], ...], classes: int) -> tuple[tuple[int, ...], ...]:
    """A confusion matrix with a row and a column for every class, also for those that never occurred."""
    side = max(classes, len(table))
    rows = [(*row, *(0,) * (side - len(row))) for row in table]
    return (*rows, *((0,) * side,) * (side - len(rows)))
