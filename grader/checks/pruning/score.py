"""Points of a pruning plot."""

from __future__ import annotations

from grader.assignment import Assignment, Question
from grader.checks.pruning.evidence import PruningEvidence, PruningFact
from grader.checks.pruning.options import PruningOptions
from grader.evidence import Note, Observation
from grader.verdicts import QuestionScore, Verdict, result


def score(assignment: Assignment, question: Question, evidence: PruningEvidence) -> QuestionScore:
    notes = [note for note in evidence.notes if not (_compares_unequal_trainings(note) or _is_outdone(note, evidence))]
    if evidence.picture_error is not None or evidence.picture is None:
        # Nothing was looked for in a picture that is missing or cannot be used.
        notes = [note for note in notes if note.id != PruningFact.PICTURE_NO_CURVE]
    if evidence.picture_error is not None:
        problem = Note(id=str(evidence.picture_error), params=evidence.picture_error_params)
        return result(question, 0.0, Verdict.NONE, problem, *notes)
    if evidence.picture is None:
        return result(question, 0.0, Verdict.NOT_SUBMITTED, Note(id="pruning.no_picture"), *notes)
    if evidence.picture.get("blank"):
        return result(question, 0.0, Verdict.NEEDS_REVIEW, *notes)
    options = question.typed_options(PruningOptions)
    provisional = options.provisional_points
    messages = [Note(id="pruning.provisional")]
    if evidence.picture.get("doubtful"):
        provisional = min(provisional, question.points / 2)
    elif evidence.weights == "uploaded" and evidence.baseline is not None and options.baseline_points is not None:
        # Only the student's own weights show the student's training.
        points = options.baseline_points.get(evidence.baseline, 0.0)
        provisional += points
        messages.append(Note(id="pruning.baseline", params={"baseline": evidence.baseline, "points": points}))
    if evidence.curve:
        first, images = evidence.curve[0], {"images": evidence.images, "weights": evidence.weights}
        messages.append(Note(id=f"pruning.curve.{evidence.weights}", params={**images, "accuracy": first["accuracy"]}))
    return result(question, provisional, Verdict.NEEDS_REVIEW, *messages, *notes)


def _is_outdone(note: Observation, evidence: PruningEvidence) -> bool:
    """Whether a hint from the numbers alone has been followed by their comparison with a measured curve."""
    return note.id == PruningFact.POINTS_FALL_EARLY and evidence.points_check is not None


def _compares_unequal_trainings(note: Observation) -> bool:
    """Whether a note compares trainings of different lengths, as evidence from before they were equal does."""
    return note.id == PruningFact.OWN_LOSS_TRAINED and note.params.get("steps") != note.params.get("reference_steps")
