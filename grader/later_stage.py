"""The second part of a grading: question 3.1's curve, with the student's weights or distilled ones.

It takes up to a minute of one core, so it is a job of its own where there is a queue, and needs nothing of the first
part but the hand-in, the evidence and the artefact. It adds to the evidence of question 3.1 and takes nobody's points:
an error of ours in here, or a machine that is lost, leaves the report without a curve and nothing else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from grader import data, remaining
from grader.assignment import Assignment, Question
from grader.checks import curve, points_check
from grader.checks.curve import Curve, Point
from grader.evidence import (
    Fault,
    Note,
    Outcome,
    OwnLoss,
    PruningEvidence,
)
from grader.context import Grading, Observer
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import Cancelled, Sandbox
from grader.submission import HandIn
from grader.training import Training
from reference_models import trained

_log = logging.getLogger(__name__)
FEWEST_IMAGES = 110
"""Ten a class: below that an interval says nothing."""
_FIRST_LAYER_RATIOS = 6
"""Ratios at which the slip of pruning one layer is measured; its curve is flat."""


def is_due(assignment: Assignment, handin: HandIn, grading: Grading) -> bool:
    """Whether there is anything for the second part to do."""
    return grading.artefact is not None and any(
        remaining.awaits_curve(question, handin.parts, grading.evidence) for question in assignment.questions
    )


def measure(
    assignment: Assignment,
    handin: HandIn,
    grading: Grading,
    sandbox: Sandbox,
    observer: Observer | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Add to the grading what the first part left out. Raises `InfrastructureFault` and `Cancelled`."""
    _Measuring(assignment, handin, sandbox, observer, cancelled, grading).run()


def give_up(assignment: Assignment, handin: HandIn, grading: Grading, fault: Fault) -> dict[str, PruningEvidence]:
    """The evidence, by question, of a second part that was lost through no fault of the student's."""
    wanted = {
        question.number: _wanted(question, handin, grading.evidence)
        for question in assignment.questions
        if grading.artefact is not None
    }
    return {number: _lost(known, fault) for number, known in wanted.items() if known is not None}


def _wanted(question: Question, handin: HandIn, evidence: Mapping[str, Any]) -> PruningEvidence | None:
    """The evidence of a question that a curve would add to."""
    known = evidence.get(question.number)
    wanted = remaining.awaits_curve(question, handin.parts, evidence)
    return known if wanted and isinstance(known, PruningEvidence) else None


def _lost(known: PruningEvidence, fault: Fault) -> PruningEvidence:
    lost = Note(id="weights.not_measured", params={"outcome": str(fault)})
    return known.model_copy(update={"notes": (*known.notes, lost), "curve_fault": fault})


class _Measuring(Training):
    def run(self) -> None:
        begun = time.perf_counter()
        for question in self.assignment.questions:
            known = _wanted(question, self.handin, self.grading.evidence)
            begun_before = self.grading.evidence.get(question.number)
            if known is None and isinstance(begun_before, PruningEvidence) and begun_before.training_steps:
                known = begun_before  # the curve is there, and a worker was lost after it
            if known is None:
                continue
            if self.cancelled():
                raise Cancelled
            try:
                self._question(question, known)
            except (InfrastructureFault, Cancelled):
                raise
            except Exception:  # noqa: BLE001 - whatever it is, it is ours
                _log.exception("question %s could not be measured further", question.number)
                latest = self.grading.evidence[question.number]
                if isinstance(latest, PruningEvidence) and not latest.curve:
                    self.emit(question, _lost(known, Fault.GRADER))
        seconds = time.perf_counter() - begun
        with self.lock:
            self.grading.timings |= {
                "measuring": seconds,
                "total": self.grading.timings.get("total", 0.0) + seconds,
            }

    def _question(self, question: Question, known: PruningEvidence) -> None:
        """The curve first; then, where we trained the model ourselves, what the student's own loss makes of it.

        Raises ``NoSuchDataSet`` or ``DamagedPack`` when the evaluation data are not what they should be: our fault.
        """
        images = data.load(data.named(question.options))
        if known.curve:
            self._with_own_loss(question, images, known)
            return
        uploaded = self.handin.parts.get("weights")
        if uploaded is not None:
            sizes = [images.size, self.assignment.input_shape[1]]
            found, used = self._curve(question, known, images, uploaded.data, sizes, self.grading.artefact)
            self.emit(question, self._measured(known, found, images, used, weights="uploaded"))
            return
        trial, size = self.distilled(float(question.options["distillation_flops"]), images)
        if trial.weights is None:
            self.emit(question, self._measured(known, curve.unmeasured(trial.outcome, trial.error), images, size))
            return
        found, used = self._curve(question, known, images, trial.weights, [size], self.artefact_at(size))
        measured = self._measured(known, found, images, used, weights="distilled", training_steps=trial.steps)
        self.emit(question, measured)
        self._with_own_loss(question, images, measured)

    def _with_own_loss(self, question: Question, images: data.DataSet, measured: PruningEvidence) -> None:
        if remaining.awaits_own_loss(question, self.grading.evidence):
            budget = float(question.options["own_loss_flops"])
            self.emit(question, self._own_loss(budget, images, measured.image_size or images.size, measured))

    def _measured(
        self, known: PruningEvidence, found: Curve, images: data.DataSet, size: int, **facts: Any
    ) -> PruningEvidence:
        """The evidence with a curve and what follows from it, or with the note that says why there is none."""
        # Nobody handed in the weights of a training of ours.
        handed_in = facts.get("weights") == "uploaded"
        notes = (*known.notes, *(note for note in found.notes if handed_in or note.id != "weights.loaded"))
        if not found.points:
            return known.model_copy(update={"notes": notes, "curve_outcome": found.outcome})
        compared = self._compared(known, found.points, found.first_layer)
        if compared is not None:
            notes += (points_check.note(compared),)
        classes = len(images.classes)
        baselines = self.assignment.baselines_on(images.name)
        update: dict[str, Any] = {
            **facts,
            "notes": notes,
            "curve": found.points,
            "images": sum(map(sum, found.confusion)),
            "baseline": curve.baseline(found.points[0]["accuracy"], baselines),
            "baselines": dict(baselines),
            "data": images.name,
            "data_digest": images.digest,
            "image_size": size,
            "class_names": images.classes,
            "confusion": _padded(found.confusion, classes),
            "points_check": compared,
            "first_layer_curve": found.first_layer,
        }
        if images.name == data.BUILT_IN:
            update["reference_curve"] = trained.pruning_curve()
        return known.model_copy(update=update)

    def _compared(self, known: PruningEvidence, points: tuple[Point, ...], alone: tuple[Point, ...] = ()) -> Any:
        return points_check.check(known.points, points, self.assignment.classes, alone)

    # -- measuring ----------------------------------------------------------------------------------------------

    def _curve(
        self,
        question: Question,
        known: PruningEvidence,
        images: data.DataSet,
        weights: bytes,
        sizes: list[int],
        artefact: bytes | None,
    ) -> tuple[Curve, int]:
        """The sweep at the first of these sizes that the network takes."""
        ratios = [float(ratio) for ratio in question.options.get("ratios", curve.RATIOS)]
        budget = float(question.options.get("sweep_flops", 1e12))

        def first_layer(points: Any) -> list[float]:
            compared = self._compared(known, tuple(points))
            if compared is None or compared.verdict == "agree":
                return []
            return sorted({ratios[int(i)] for i in np.linspace(0, len(ratios) - 1, _FIRST_LAYER_RATIOS).round()})

        for size in dict.fromkeys(sizes):
            chosen = _chosen(len(images.hidden), budget, self.cost(size), ratios)
            found = self._sweep(images, chosen, size, weights, ratios, artefact, first_layer)
            if found is not None:
                return found, size
        return curve.unmeasured(Outcome.ERROR), sizes[-1]

    def _sweep(
        self,
        images: data.DataSet,
        chosen: np.ndarray[Any, np.dtype[np.int64]],
        size: int,
        weights: bytes,
        ratios: list[float],
        artefact: bytes | None,
        first_layer: Callable[[Any], list[float]] = lambda _: [],
    ) -> Curve | None:
        assert artefact is not None  # noqa: S101 - nothing is due without one
        with self.timed("curve"), self.measuring_child() as child:
            return curve.sweep(
                child,
                artefact,
                self.model.parameter_names,
                weights,
                images.hidden.images(chosen, size),
                images.hidden.labels[chosen],
                ratios,
                lambda done, total: self.progress("curve", done, total),
                first_layer,
            )

    # -- the student's own loss -----------------------------------------------------------------------------------

    def _own_loss(self, budget: float, images: data.DataSet, size: int, measured: PruningEvidence) -> PruningEvidence:
        """The evidence with what the student's own loss makes of the model."""
        trial = self.trained("own_loss", budget, images, size, own=True)
        found = None
        if trial.weights is not None:
            chosen = _spread(len(images.hidden), measured.images or 0)  # the same as for the curve
            found = self._sweep(images, chosen, size, trial.weights, [0.0], self.artefact_at(size))
        params: dict[str, Any] = {"steps": trial.steps, "reference_steps": measured.training_steps}
        if found is not None and found.points:
            point = {name: value for name, value in found.points[0].items() if name != "ratio"}
            record = OwnLoss(steps=trial.steps, **point)
            params |= {"accuracy": point["accuracy"], "reference": measured.curve[0]["accuracy"]}
            told = Note(id="pruning.own_loss.trained", params=params)
        elif found is not None and any(note.id == "weights.not_finite" for note in found.notes):
            record = OwnLoss(steps=trial.steps, outcome=Outcome.ERROR, error="the weights are not finite any more")
            told = Note(id="pruning.own_loss.diverged", params=params)
        else:
            outcome = trial.outcome if trial.outcome is not Outcome.OK else Outcome.ERROR
            record = OwnLoss(steps=trial.steps, outcome=outcome, error=trial.error)
            told = Note(id="pruning.own_loss.failed", params={**params, "error": trial.error or str(outcome)})
        return measured.model_copy(update={"own_loss": record, "notes": (*measured.notes, told)})


def _chosen(available: int, budget: float, cost: float, ratios: list[float]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """As many images as the budget pays for, spread evenly over the split so that the classes stay balanced."""
    affordable = budget / (2 * max(cost, 1) * len(ratios))
    return _spread(available, int(min(available, max(FEWEST_IMAGES, affordable))))


def _spread(available: int, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.linspace(0, available - 1, count).round().astype(np.int64)


def _padded(table: tuple[tuple[int, ...], ...], classes: int) -> tuple[tuple[int, ...], ...]:
    """A confusion matrix with a row and a column for every class, also those that never occurred."""
    side = max(classes, len(table))
    rows = [(*row, *(0,) * (side - len(row))) for row in table]
    return (*rows, *((0,) * side,) * (side - len(rows)))
