"""Points of a pruning plot."""

from __future__ import annotations

from grader.assignment import Assignment, Question
from grader.checks.pruning.evidence import PruningEvidence
from grader.checks.pruning.options import PruningOptions
from grader.evidence import Note
from grader.verdicts import QuestionScore, Verdict, result


def score(assignment: Assignment, question: Question, evidence: PruningEvidence) -> QuestionScore:
    if evidence.picture_error is not None:
        problem = Note(id=str(evidence.picture_error), params=evidence.picture_error_params)
        return result(question, 0.0, Verdict.NONE, problem, *evidence.notes)
    if evidence.picture is None:
        return result(question, 0.0, Verdict.NOT_SUBMITTED, Note(id="pruning.no_picture"), *evidence.notes)
    if evidence.picture.get("blank"):
        return result(question, 0.0, Verdict.NEEDS_REVIEW, *evidence.notes)
    options = question.typed_options(PruningOptions)
    provisional = options.provisional_points
    messages = [Note(id="pruning.provisional")]
    if evidence.weights == "uploaded" and evidence.baseline is not None and options.baseline_points is not None:
        # Only the student's own weights show the student's training.
        points = options.baseline_points.get(evidence.baseline, 0.0)
        provisional += points
        messages.append(Note(id="pruning.baseline", params={"baseline": evidence.baseline, "points": points}))
    if evidence.curve:
        first, images = evidence.curve[0], {"images": evidence.images, "weights": evidence.weights}
        messages.append(Note(id=f"pruning.curve.{evidence.weights}", params={**images, "accuracy": first["accuracy"]}))
    return result(question, provisional, Verdict.NEEDS_REVIEW, *messages, *evidence.notes)
