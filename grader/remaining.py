"""What a grading still lacks: verdicts that the first stage owes, or only what the later stage measures."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from grader import data
from grader.assignment import Assignment, Question
from grader.evidence import (
    AnyEvidence,
    ArchitectureEvidence,
    KDLossEvidence,
    Note,
    Outcome,
    PruningEvidence,
    SummaryEvidence,
)


def has_all_verdicts(assignment: Assignment, evidence: Mapping[str, AnyEvidence]) -> bool:
    """Whether this evidence, by question, decides every verdict: what may follow changes none of them."""
    if any(question.number not in evidence for question in assignment.questions):
        return False
    models = [found for found in evidence.values() if isinstance(found, ArchitectureEvidence)]
    if any(_awaits_confirmation(model) for model in models):
        return False
    settled = any(model.verification != "pending" for model in models)
    summaries = [found for found in evidence.values() if isinstance(found, SummaryEvidence)]
    return not (settled and any(summary.count_pending for summary in summaries))


def awaits_curve(question: Question, parts: Collection[str], evidence: Mapping[str, AnyEvidence]) -> bool:
    """Whether the later stage has a curve to measure for this question, where the model's count was confirmed."""
    known = evidence.get(question.number)
    if not isinstance(known, PruningEvidence) or known.fault is not None or known.curve_fault is not None:
        return False
    if known.curve or known.curve_stopped or known.curve_outcome is not Outcome.OK:
        return False
    if "weights" in parts:
        return True
    # The teacher's answers are stored for the built-in pictures only.
    built_in = data.named(question.options) == data.BUILT_IN
    return known.submitted and built_in and bool(question.options.get("distillation_flops"))


def awaits_own_loss(question: Question, evidence: Mapping[str, AnyEvidence]) -> bool:
    """Whether a model that was trained for its curve is still to be trained by the student's own loss."""
    known = evidence.get(question.number)
    if not isinstance(known, PruningEvidence) or known.curve_stopped or known.own_loss is not None:
        return False
    losses = [found for found in evidence.values() if isinstance(found, KDLossEvidence)]
    callable_ = any(found.call and found.outcome is Outcome.OK and found.fault is None for found in losses)
    return bool(known.curve and known.training_steps and question.options.get("own_loss_flops") and callable_)


def stopped(
    assignment: Assignment, parts: Collection[str], evidence: Mapping[str, AnyEvidence]
) -> dict[str, PruningEvidence]:
    """The evidence, by question, that takes the place of what the later stage would have added to."""
    confirmed = any(isinstance(found, ArchitectureEvidence) and found.verified for found in evidence.values())
    result: dict[str, PruningEvidence] = {}
    for question in assignment.questions if confirmed else ():
        known = evidence.get(question.number)
        if not isinstance(known, PruningEvidence):
            continue
        if awaits_curve(question, parts, evidence):
            note = Note(id="pruning.curve_stopped")
        elif awaits_own_loss(question, evidence):
            note = Note(id="pruning.own_loss.stopped")
        else:
            continue
        result[question.number] = known.model_copy(update={"notes": (*known.notes, note), "curve_stopped": True})
    return result


def _awaits_confirmation(model: ArchitectureEvidence) -> bool:
    has_run = model.submitted and model.fault is None and model.outcome is Outcome.OK and model.parameters is not None
    return has_run and model.verification == "pending"
