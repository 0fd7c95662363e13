"""Points of a pasted summary."""

from __future__ import annotations

from grader.assignment import Assignment, Question
from grader.checks.summary.evidence import SummaryEvidence, SummaryFact
from grader.checks.summary.options import SummaryOptions
from grader.evidence import Note
from grader.verdicts import QuestionScore, Verdict, result

_SEVERAL = {SummaryFact.MANY_TOTALS, SummaryFact.SEVERAL_TOTALS}


def score(assignment: Assignment, question: Question, evidence: SummaryEvidence) -> QuestionScore:
    params = evidence.model_dump(include={"claimed_total", "actual_total", "rows_claimed", "rows_differ", "dialect"})
    # Several totals ask for a review only where one of them is right.
    others = [note for note in evidence.notes if note.id not in _SEVERAL]
    if evidence.claimed_total is None:
        is_readable = any(note.id in {SummaryFact.TOTAL_MENTIONED, SummaryFact.ROWS_FIT} for note in evidence.notes)
        no_total = Verdict.NEEDS_REVIEW if is_readable else Verdict.NONE
        return result(question, 0.0, no_total, Note(id="summary.no_total", params=params), *others)
    if evidence.actual_total is None:
        # The model never ran, so nothing confirms or contradicts the summary.
        return result(question, 0.0, Verdict.NEEDS_REVIEW, Note(id="summary.no_model", params=params), *evidence.notes)
    if evidence.claimed_total not in (evidence.actual_total, evidence.actual_torchsummary_total):
        note_id = "summary.example_pasted" if evidence.matches_example else "summary.other_model"
        return result(question, 0.0, Verdict.NONE, Note(id=note_id, params=params), *others)
    facts = {note.id for note in evidence.notes}
    points, messages = question.points, [Note(id="summary.ok", params=params)]
    verdict: Verdict | None = None
    if evidence.rows_differ:
        points = question.typed_options(SummaryOptions).rows_differ_points
        messages = [Note(id="summary.rows_differ", params=params)]
    if facts & _SEVERAL:
        # A list of all numbers contains the true one: it earns nothing before a review.
        return result(question, 0.0, Verdict.NEEDS_REVIEW, *evidence.notes)
    if SummaryFact.NO_LAYERS in facts:
        # A paste may have lost its rows; who writes down one number has run no summary.
        points, messages = question.typed_options(SummaryOptions).rows_differ_points, []
        verdict = Verdict.NEEDS_REVIEW
    if evidence.count_pending:
        verdict = Verdict.NEEDS_REVIEW
        messages.append(Note(id="summary.count_pending"))
    elif evidence.count_confirmed is False or evidence.claimed_total != evidence.actual_total:
        # The true total is only a claim of the live model.
        verdict = Verdict.NEEDS_REVIEW
        messages.append(Note(id="summary.unconfirmed"))
    return result(question, points, verdict, *messages, *evidence.notes)
