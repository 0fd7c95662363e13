"""The check `pruning`: a plot of accuracy against ratio, its points, and later the measured curve."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

from grader import data
from grader.assignment import Assignment, Question
from grader.check import Check, Reading, is_points
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.checks.pruning import later, measure
from grader.checks.pruning import score as scoring
from grader.checks.pruning.evidence import PruningEvidence, PruningFact
from grader.checks.pruning.options import PruningOptions
from grader.context import GradingContext
from grader.evidence import Evidence, Fault, Observation
from grader.parts import PartKind
from grader.submission import Part
from grader.verdicts import QuestionScore


class Pruning(Check[PruningEvidence, PruningOptions]):
    """See the module."""

    evidence_type = PruningEvidence
    options_type = PruningOptions
    stores = frozenset({"picture"})
    facts: ClassVar = {"accuracy": ("curve", 0, "accuracy")}

    def rests_on(self, question: Question) -> tuple[type[Evidence], ...]:
        return (ArchitectureEvidence, KDLossEvidence)

    def inputs(self, assignment: Assignment, question: Question) -> Mapping[str, Any]:
        baselines = assignment.baselines_on(data.name_for(question.options))
        return {**super().inputs(assignment, question), "baselines": dict(baselines)}

    def read(
        self, question: Question, parts: Mapping[PartKind, Part], others: Collection[Evidence] = ()
    ) -> Reading[PruningEvidence]:
        plot, points = (parts[kind].data if kind in parts else None for kind in (PartKind.PICTURE, PartKind.TABLE))
        return Reading(*measure.measure(plot, points))

    def examine(self, context: GradingContext, question: Question) -> PruningEvidence:
        evidence = context.evidence_of(question, PruningEvidence) or self._read(context, question)
        if context.part(question, PartKind.WEIGHTS) is None or context.awaits(ArchitectureEvidence):
            return evidence
        model = context.find(ArchitectureEvidence)
        is_usable = model is not None and (model.verified or model.awaits_confirmation)
        unused = Observation(id=PruningFact.NO_MODEL)
        if model is not None and model.fault is not None:
            unused = Observation(id=PruningFact.NOT_MEASURED, params={"outcome": str(model.fault)})
        if is_usable or unused in evidence.notes:
            return evidence
        return evidence.model_copy(update={"notes": (*evidence.notes, unused)})

    def _read(self, context: GradingContext, question: Question) -> PruningEvidence:
        reading = context.read(self, question)
        if reading.picture is not None:
            context.keep_picture(reading.picture)
        return reading.evidence

    def is_due(
        self, assignment: Assignment, question: Question, parts: Collection[str], evidence: Mapping[str, Evidence]
    ) -> bool:
        return later.is_due(assignment, question, parts, evidence)

    def later(self, context: GradingContext, question: Question) -> None:
        later.CurveMeasurement(context, question).run()

    def without_later(self, question: Question, evidence: PruningEvidence, fault: Fault | None) -> PruningEvidence:
        return later.without_curve(evidence, fault)

    def score(self, assignment: Assignment, question: Question, evidence: PruningEvidence) -> QuestionScore:
        return scoring.score(assignment, question, evidence)

    def problems(self, assignment: Assignment, question: Question) -> Iterator[tuple[str, str]]:
        measured_on = data.name_for(question.options)
        rows = question.options.get("baseline_points", {})
        for baseline, points in rows.items() if isinstance(rows, dict) else ():
            if baseline not in assignment.baselines_on(measured_on):
                yield "baseline_points", f"there is no baseline {baseline} on {measured_on}"
            elif not is_points(points, question):
                yield "baseline_points", f"{baseline} is worth 0 to {question.points:g} points, not {points!r}"
