"""The check `summary`: a pasted summary is compared with the measured model."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from grader import intake
from grader.assignment import Assignment, Question
from grader.check import Check, Reading
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.summary import measure
from grader.checks.summary import score as scoring
from grader.checks.summary.evidence import SummaryEvidence
from grader.checks.summary.options import SummaryOptions
from grader.context import GradingContext
from grader.evidence import Evidence
from grader.parts import PartKind
from grader.submission import Part
from grader.verdicts import QuestionScore


class Summary(Check[SummaryEvidence, SummaryOptions]):
    """See the module."""

    evidence_type = SummaryEvidence
    options_type = SummaryOptions

    def rests_on(self, question: Question) -> tuple[type[Evidence], ...]:
        return (ArchitectureEvidence,)

    def read(
        self, question: Question, parts: Mapping[PartKind, Part], others: Collection[Evidence] = ()
    ) -> Reading[SummaryEvidence]:
        if PartKind.TEXT not in parts:
            return Reading(SummaryEvidence(submitted=False))
        model = next((other for other in others if isinstance(other, ArchitectureEvidence)), None)
        return Reading(measure.measure(parts[PartKind.TEXT].data, model, question))

    def examine(self, context: GradingContext, question: Question) -> SummaryEvidence | None:
        if context.awaits(ArchitectureEvidence):
            return None
        if context.part(question, PartKind.TEXT) is None:
            return SummaryEvidence(submitted=False)
        model = context.find(ArchitectureEvidence)
        if model is not None and model.fault is not None:
            # An earlier comparison, with what the live model showed, stays.
            return context.evidence_of(question, SummaryEvidence) or SummaryEvidence(fault=model.fault)
        evidence = context.read(self, question, *[] if model is None else [model]).evidence
        confirmed = _count_confirmed(model)
        is_pending = model is not None and model.parameters is not None and confirmed is None
        notes = evidence.notes
        if model is not None and evidence.claimed_total != evidence.actual_total:
            # The summary may be right for the model as it is in the student's notebook.
            notes += tuple(
                note for note in model.notes if note.id in {*intake.REVIEW_FACTS, intake.IntakeFact.STAND_IN}
            )
        update = {"count_confirmed": confirmed, "count_pending": is_pending, "notes": notes}
        return evidence.model_copy(update=update)

    def is_settled(self, evidence: SummaryEvidence, others: Collection[Evidence]) -> bool:
        models = [other for other in others if isinstance(other, ArchitectureEvidence)]
        return not (evidence.count_pending and any(model.verification != "pending" for model in models))

    def score(self, assignment: Assignment, question: Question, evidence: SummaryEvidence) -> QuestionScore:
        return scoring.score(assignment, question, evidence)


def _count_confirmed(model: ArchitectureEvidence | None) -> bool | None:
    """Whether the artefact carries the parameters that the live model has; ``None`` before its audit."""
    if model is None or model.verification == "pending":
        return None
    artefact_parameters = model.artefact.parameters if model.artefact is not None else 0
    return model.verified and artefact_parameters >= (model.parameters or 0)
