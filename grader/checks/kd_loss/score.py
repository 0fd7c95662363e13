"""Points of a distillation loss, by term or by its known mistake."""

from __future__ import annotations

from typing import Any

from grader.assignment import Assignment, Question
from grader.checks.code_failure import code_failure
from grader.checks.kd_loss import kd_rubric
from grader.checks.kd_loss.evidence import KDFact, KDLossEvidence, TermEvidence
from grader.checks.kd_loss.options import KDLossOptions
from grader.evidence import Note, Observation
from grader.verdicts import QuestionScore, Verdict, result


def score(assignment: Assignment, question: Question, evidence: KDLossEvidence) -> QuestionScore:
    called = Note(id="kd.called", params={"call": evidence.call})
    failure = code_failure(question, evidence, _EXCUSES if evidence.stage == "call" else ())
    if failure is not None:
        return failure.model_copy(update={"messages": (*failure.messages, called)}) if evidence.call else failure
    if any(note.id in _SIGNATURES for note in evidence.notes):
        # The signature does not say how to call the loss, so nothing was measured.
        return result(question, 0.0, Verdict.NEEDS_REVIEW, *evidence.notes)
    if evidence.stateful:
        # What single answers showed says nothing about a loss whose answers change.
        remarks = [note for note in evidence.notes if note.id not in _CAUSES]
        return result(question, 0.0, Verdict.NEEDS_REVIEW, Note(id="kd.not_repeatable"), called, *remarks)
    terms = {"hard_term": evidence.hard_term, "soft_term": evidence.soft_term}
    values_agree = all(term.agrees for term in (*terms.values(), evidence.mixture))
    note_ids = {note.id for note in evidence.notes}
    uncertain = Verdict.NEEDS_REVIEW if note_ids & _UNCERTAIN_CALLS or evidence.missing_names else None
    if values_agree and evidence.gradient.agrees:
        return result(question, question.points, uncertain, Note(id="kd.ok"), called, *evidence.notes)

    mistakes = (evidence.diagnosis, *evidence.diagnosis_with) if evidence.diagnosis else ()
    causes = [note for note in evidence.notes if note.id in _CAUSES]
    is_right_between = not mistakes and _is_right_between_ends(evidence)
    messages: list[Note | Observation] = [*(Note(id=mistake) for mistake in mistakes), *causes]
    messages += [Note(id="kd.right_between")] if is_right_between else []
    is_explained = bool(messages)
    if not is_explained:
        messages.append(Note(id="kd.unknown_mistake"))
    shown = dict(terms)
    if all(term.agrees for term in terms.values()) and not evidence.mixture.agrees:
        shown["mixture"] = evidence.mixture
    if values_agree:
        shown["gradient"] = evidence.gradient
    for name, term in shown.items():
        messages.append(_term_note(name, term))
        if not (is_explained or term.agrees) and name in _ADVISED:
            messages.append(Note(id=f"kd.{name}.advice"))
    messages += [called, *(note for note in evidence.notes if note not in causes)]

    options = question.typed_options(KDLossOptions)
    rubrics = kd_rubric.rows(assignment, question)
    rubric = rubrics.get("+".join(mistakes), {})
    single_needs_review = any(rubrics.get(mistake, {}).get("needs_review") for mistake in mistakes)
    # Swapped numbers are a mistake only if the documented order, used in place of unclear names, is the student's.
    is_order_unclear = KDFact.CALL_BY_POSITION in note_ids and bool(_NUMBERS_SWAPPED & {*mistakes})
    review = KDFact.HIDDEN in note_ids or is_order_unclear or rubric.get("needs_review", single_needs_review)
    verdict = Verdict.NEEDS_REVIEW if review else uncertain
    if "points" in rubric:
        return result(question, float(rubric["points"]), verdict, *messages)
    term_points = {"hard_term": options.hard_term_points, "soft_term": options.soft_term_points}
    points = sum(term_points[name] for name, term in terms.items() if term.agrees)
    if all(term.agrees for term in terms.values()):
        # Both terms are right, only their mixture or gradient is wrong: the points of the cheaper term.
        points = min(term_points.values())
    elif is_right_between or note_ids & _PARTLY_RIGHT:
        # Both terms are right on most inputs: at least the points of the cheaper term, and a review of the rest.
        points, verdict = max(points, min(term_points.values())), Verdict.NEEDS_REVIEW
    return result(question, points, verdict, *messages)


_ADVISED = {"soft_term", "mixture", "gradient"}
"""Terms with advice where no mistake is known; it says nothing beside an exact cause."""
_PARTLY_RIGHT = {KDFact.CALL_BUILT_IN, KDFact.WHOLE_TEMPERATURES, KDFact.SMALL_PROBABILITIES}
_NUMBERS_SWAPPED = {"kd.alpha_swapped", "kd.roles_exchanged"}
_EXCUSES = {KDFact.CALL_BY_POSITION}
_SIGNATURES = {KDFact.SIGNATURE_UNREADABLE, KDFact.SIGNATURE_UNKNOWN_PARAMETER, KDFact.SIGNATURE_NO_PLACE}
_VALUES = {KDFact.VALUE_RAISES, KDFact.VALUE_NOT_A_NUMBER, KDFact.VALUE_SHAPE, KDFact.VALUE_NOT_FINITE}
_CAUSES = _PARTLY_RIGHT | _VALUES | {KDFact.HIDDEN}
_UNCERTAIN_CALLS = {KDFact.CALL_NO_ALPHA, KDFact.CALL_NO_TEMPERATURE, KDFact.CALL_FIRST_OF_SEVERAL}


def _is_right_between_ends(evidence: KDLossEvidence) -> bool:
    """Whether values and gradients are right at every alpha between 0 and 1, and wrong at alpha 0 or 1 only."""
    ends = [term for term in (evidence.hard_term, evidence.soft_term) if term.failed]
    # A mistake at an end fails in most of its cases; a case may agree by luck, if both terms have the same size. An
    # epsilon fails in a few cases only, at any alpha.
    fail_mostly = all(2 * term.failed > term.cases for term in ends)
    end_cases = sum(term.cases for term in ends)
    return bool(ends) and fail_mostly and evidence.mixture.agrees and evidence.gradient.failed <= end_cases


def _term_note(name: str, term: TermEvidence) -> Note:
    """A note on one term of the loss: right, wrong by how much, or without a number."""
    counts: dict[str, Any] = {"cases": term.cases, "failed": term.failed}
    if term.agrees or term.worst is None:
        return Note(id=f"kd.{name}.ok", params=counts)
    wrong = "wrong" if term.worst["got"] is not None else "no_number"
    return Note(id=f"kd.{name}.{wrong}", params=counts | term.worst)
