"""The later stage of a grading: question 3.1's curve, with the student's weights or distilled ones.

It takes up to a minute of one core, so it is a job of its own if there is a queue. It needs only the submission, the
evidence and the artefact of the first stage, and adds to the evidence of question 3.1 without changing points: an error
of ours in here, or a lost machine, leaves the report without a curve and changes nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader import data, remaining
from grader.assignment import Assignment, Question
from grader.checks.pruning import curve, points_check
from grader.checks.pruning.curve import Curve, Point
from grader.checks.pruning.evidence import OwnLoss, PointsCheck, PruningEvidence
from grader.checks.pruning.training import Training
from grader.context import Grading, Observer
from grader.evidence import Fault, Note, Outcome
from grader.parts import PartKind
from grader.sandbox.supervisor import Sandbox
from grader.submission import SubmittedParts
from reference_models import trained

FEWEST_IMAGES = 110
"""Ten a class: below that an interval says nothing."""
_FIRST_LAYER_RATIOS = 6
"""Ratios at which the slip of pruning one layer is measured; its curve is flat."""
_Indices = NDArray[np.int64]


def is_due(assignment: Assignment, submission: SubmittedParts, grading: Grading) -> bool:
    """Whether the later stage has anything to do."""
    return bool(_awaiting_curves(assignment, submission, grading))


def run(
    assignment: Assignment,
    submission: SubmittedParts,
    grading: Grading,
    sandbox: Sandbox,
    observer: Observer | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Add to the grading what the first stage left out. Raises `InfrastructureFault` and `Cancelled`."""
    _LaterStage(assignment, submission, sandbox, observer, is_cancelled, grading).run()


def mark_lost(
    assignment: Assignment, submission: SubmittedParts, grading: Grading, fault: Fault
) -> dict[str, PruningEvidence]:
    """The evidence, by question, of a later stage that was lost through no fault of the student's."""
    awaiting = _awaiting_curves(assignment, submission, grading)
    return {number: _without_curve(evidence, fault) for number, evidence in awaiting.items()}


def _awaiting_curves(
    assignment: Assignment, submission: SubmittedParts, grading: Grading
) -> Mapping[str, PruningEvidence]:
    """The evidence, by question, to which a curve is still to be added."""
    return {
        question.number: evidence
        for question in assignment.questions
        if grading.artefact is not None
        and isinstance(evidence := grading.evidence.get(question.number), PruningEvidence)
        and remaining.awaits_curve(assignment, question, submission.parts, grading.evidence)
    }


def _without_curve(evidence: PruningEvidence, fault: Fault) -> PruningEvidence:
    note = Note(id="weights.not_measured", params={"outcome": str(fault)})
    return evidence.model_copy(update={"notes": (*evidence.notes, note), "curve_fault": fault})


class _LaterStage(Training):
    def run(self) -> None:
        begin = time.perf_counter()
        awaiting = _awaiting_curves(self.assignment, self.submission, self.grading)
        for question in self.assignment.questions:
            evidence = awaiting.get(question.number) or self._interrupted(question)
            if evidence is not None:
                with self.contain_faults(question, self._record_lost_curve):
                    self._measure_question(question, evidence)
        seconds = time.perf_counter() - begin
        with self.lock:
            total = self.grading.timings.get("total", 0.0) + seconds
            self.grading.timings |= {"measuring": seconds, "total": total}

    def _interrupted(self, question: Question) -> PruningEvidence | None:
        """Evidence that has a curve of a training of ours: its worker may have been lost before it was complete."""
        evidence = self.grading.evidence.get(question.number)
        return evidence if isinstance(evidence, PruningEvidence) and evidence.training_steps else None

    def _record_lost_curve(self, question: Question) -> None:
        evidence = self.grading.evidence[question.number]
        if isinstance(evidence, PruningEvidence) and not evidence.curve:
            self.record_evidence(question, _without_curve(evidence, Fault.GRADER))

    def _measure_question(self, question: Question, evidence: PruningEvidence) -> None:
        """Measure the curve; if we trained the model ourselves, train it with the student's own loss too.

        Raises ``NoSuchDataSet`` or ``DamagedPack`` when the evaluation data are not what they should be: our fault.
        """
        images = data.load(data.name_for(question.options))
        if evidence.curve:
            self._add_own_loss(question, images, evidence)
            return
        uploaded = self.part(question, PartKind.WEIGHTS)
        if uploaded is not None:
            sizes = [images.size, self.assignment.input_shape[1]]
            sweep, size = self._measure_curve(question, evidence, images, uploaded.data, sizes, self.grading.artefact)
            self.record_evidence(question, self._with_curve(evidence, sweep, images, size, weights="uploaded"))
            return
        training, size = self.distil(float(question.options["distillation_flops"]), images)
        if training.weights is None:
            sweep = curve.unmeasured(training.outcome, training.error)
            self.record_evidence(question, self._with_curve(evidence, sweep, images, size))
            return
        artefact = self.artefact_at(size)
        sweep, size = self._measure_curve(question, evidence, images, training.weights, [size], artefact)
        facts = {"weights": "distilled", "training_steps": training.steps}
        evidence = self._with_curve(evidence, sweep, images, size, **facts)
        self.record_evidence(question, evidence)
        self.commit()
        self._add_own_loss(question, images, evidence)

    def _with_curve(
        self, evidence: PruningEvidence, sweep: Curve, images: data.DataSet, size: int, **facts: Any
    ) -> PruningEvidence:
        """The evidence with a curve and what follows from it, or with the note that says why there is none."""
        # Only an upload can be loaded: weights of a training of ours need no word about it.
        is_upload = facts.get("weights") == "uploaded"
        notes = (*evidence.notes, *(note for note in sweep.notes if is_upload or note.id != "weights.loaded"))
        if not sweep.points:
            return evidence.model_copy(update={"notes": notes, "curve_outcome": sweep.outcome})
        comparison = self._compare_points(evidence, sweep.points, sweep.first_layer)
        if comparison is not None:
            notes += (points_check.note(comparison),)
        baselines = self.assignment.baselines_on(images.name)
        update: dict[str, Any] = {
            **facts,
            "notes": notes,
            "curve": sweep.points,
            "images": sum(map(sum, sweep.confusion)),
            "baseline": curve.baseline(sweep.points[0]["accuracy"], baselines),
            "baselines": dict(baselines),
            "data": images.name,
            "data_digest": images.digest,
            "image_size": size,
            "class_names": images.classes,
            "confusion": _padded(sweep.confusion, len(images.classes)),
            "points_check": comparison,
            "first_layer_curve": sweep.first_layer,
        }
        if images.name == data.BUILT_IN:
            update["reference_curve"] = trained.pruning_curve()
        return evidence.model_copy(update=update)

    def _compare_points(
        self, evidence: PruningEvidence, points: tuple[Point, ...], first_layer: tuple[Point, ...] = ()
    ) -> PointsCheck | None:
        return points_check.check(evidence.points, points, self.assignment.classes, first_layer)

    # -- the curve ----------------------------------------------------------------------------------------------

    def _measure_curve(
        self,
        question: Question,
        evidence: PruningEvidence,
        images: data.DataSet,
        weights: bytes,
        sizes: list[int],
        artefact: bytes | None,
    ) -> tuple[Curve, int]:
        """The curve at the first of these image sizes that the network takes, and that size."""
        ratios = [float(ratio) for ratio in question.options.get("ratios", curve.RATIOS)]
        budget = float(question.options.get("sweep_flops", 1e12))

        def first_layer_ratios(points: Any) -> list[float]:
            comparison = self._compare_points(evidence, tuple(points))
            if comparison is None or comparison.verdict == "agree":
                return []
            return sorted({ratios[int(i)] for i in np.linspace(0, len(ratios) - 1, _FIRST_LAYER_RATIOS).round()})

        for size in dict.fromkeys(sizes):
            chosen = _affordable_indices(len(images.hidden), budget, self.cost(size), ratios)
            sweep = self._sweep(images, chosen, size, weights, ratios, artefact, first_layer_ratios)
            if sweep is not None:
                return sweep, size
        return curve.unmeasured(Outcome.ERROR), sizes[-1]

    def _sweep(
        self,
        images: data.DataSet,
        chosen: _Indices,
        size: int,
        weights: bytes,
        ratios: list[float],
        artefact: bytes | None,
        first_layer_ratios: Callable[[Any], list[float]] = lambda _: [],
    ) -> Curve | None:
        assert artefact is not None  # noqa: S101 - nothing is due without one
        with self.stage_timer("curve"), self.open_measuring_child() as child:
            return curve.sweep(
                child,
                artefact,
                self.model.parameter_names,
                weights,
                images.hidden.images(chosen, size),
                images.hidden.labels[chosen],
                ratios,
                lambda done, total: self.report_progress("curve", done, total),
                first_layer_ratios,
            )

    # -- the student's own loss ---------------------------------------------------------------------------------

    def _add_own_loss(self, question: Question, images: data.DataSet, evidence: PruningEvidence) -> None:
        if remaining.awaits_own_loss(question, self.grading.evidence):
            budget = float(question.options["own_loss_flops"])
            self.record_evidence(question, self._with_own_loss(budget, images, evidence))

    def _with_own_loss(self, budget: float, images: data.DataSet, evidence: PruningEvidence) -> PruningEvidence:
        """The evidence with the accuracy of the same model, trained by the student's own loss."""
        size = evidence.image_size or images.size
        training = self.train("own_loss", budget, images, size, own=True)
        sweep = None
        if training.weights is not None:
            chosen = _even_indices(len(images.hidden), evidence.images or 0)  # the same images as for the curve
            sweep = self._sweep(images, chosen, size, training.weights, [0.0], self.artefact_at(size))
        params: dict[str, Any] = {"steps": training.steps, "reference_steps": evidence.training_steps}
        if sweep is not None and sweep.points:
            point = {name: value for name, value in sweep.points[0].items() if name != "ratio"}
            own_loss = OwnLoss(steps=training.steps, **point)
            params |= {"accuracy": point["accuracy"], "reference": evidence.curve[0]["accuracy"]}
            note = Note(id="pruning.own_loss.trained", params=params)
        elif sweep is not None and any(note.id == "weights.not_finite" for note in sweep.notes):
            error = "the weights are not finite any more"
            own_loss = OwnLoss(steps=training.steps, outcome=Outcome.ERROR, error=error)
            note = Note(id="pruning.own_loss.diverged", params=params)
        else:
            outcome = training.outcome if training.outcome is not Outcome.OK else Outcome.ERROR
            own_loss = OwnLoss(steps=training.steps, outcome=outcome, error=training.error)
            note = Note(id="pruning.own_loss.failed", params={**params, "error": training.error or str(outcome)})
        return evidence.model_copy(update={"own_loss": own_loss, "notes": (*evidence.notes, note)})


def _affordable_indices(available: int, budget: float, cost: float, ratios: list[float]) -> _Indices:
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
