"""What a grading still lacks: verdicts of the first stage, or only the measurements of the later stage."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from grader import data
from grader.assignment import Assignment, Question
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.checks.pruning.evidence import PruningEvidence
from grader.checks.summary.evidence import SummaryEvidence
from grader.evidence import Evidence, Note, Outcome
from grader.parts import PartKind


def has_all_verdicts(assignment: Assignment, evidence: Mapping[str, Evidence]) -> bool:
    """Whether this evidence, by question, decides every verdict, so that later evidence changes none of them."""
    if any(question.number not in evidence for question in assignment.questions):
        return False
    models = [item for item in evidence.values() if isinstance(item, ArchitectureEvidence)]
    if any(_awaits_confirmation(model) for model in models):
        return False
    is_settled = any(model.verification != "pending" for model in models)
    is_pending = any(isinstance(item, SummaryEvidence) and item.count_pending for item in evidence.values())
    return not (is_settled and is_pending)


def awaits_curve(
    assignment: Assignment, question: Question, parts: Collection[str], evidence: Mapping[str, Evidence]
) -> bool:
    """Whether the later stage has a curve to measure for this question, if the model's count was confirmed."""
    pruning = evidence.get(question.number)
    if not isinstance(pruning, PruningEvidence) or pruning.fault is not None or pruning.curve_fault is not None:
        return False
    if pruning.curve or pruning.curve_stopped or pruning.curve_outcome is not Outcome.OK:
        return False
    if any(name in parts for name in assignment.part_names(PartKind.WEIGHTS, question)):
        return True
    # The teacher's answers are stored for the built-in pictures only.
    is_built_in = data.name_for(question.options) == data.BUILT_IN
    return pruning.submitted and is_built_in and bool(question.options.get("distillation_flops"))


def awaits_own_loss(question: Question, evidence: Mapping[str, Evidence]) -> bool:
    """Whether a model that was trained for its curve is still to be trained by the student's own loss."""
    pruning = evidence.get(question.number)
    if not isinstance(pruning, PruningEvidence) or pruning.curve_stopped or pruning.own_loss is not None:
        return False
    losses = [item for item in evidence.values() if isinstance(item, KDLossEvidence)]
    is_callable = any(loss.call and loss.outcome is Outcome.OK and loss.fault is None for loss in losses)
    return bool(pruning.curve and pruning.training_steps and question.options.get("own_loss_flops") and is_callable)


def mark_stopped(
    assignment: Assignment, parts: Collection[str], evidence: Mapping[str, Evidence]
) -> dict[str, PruningEvidence]:
    """The evidence, by question, that says that the later stage was stopped before it could add to it."""
    if not any(isinstance(item, ArchitectureEvidence) and item.verified for item in evidence.values()):
        return {}
    updates: dict[str, PruningEvidence] = {}
    for question in assignment.questions:
        pruning = evidence.get(question.number)
        if not isinstance(pruning, PruningEvidence):
            continue
        if awaits_curve(assignment, question, parts, evidence):
            note = Note(id="pruning.curve_stopped")
        elif awaits_own_loss(question, evidence):
            note = Note(id="pruning.own_loss.stopped")
        else:
            continue
        updates[question.number] = pruning.model_copy(update={"notes": (*pruning.notes, note), "curve_stopped": True})
    return updates


def _awaits_confirmation(model: ArchitectureEvidence) -> bool:
    has_run = model.submitted and model.fault is None and model.outcome is Outcome.OK and model.parameters is not None
    return has_run and model.verification == "pending"
