"""Points of a choice."""

from __future__ import annotations

from grader.assignment import Assignment, Question
from grader.checks.choice import speed
from grader.checks.choice.evidence import ChoiceEvidence
from grader.checks.choice.options import ChoiceOptions
from grader.evidence import Note
from grader.verdicts import QuestionScore, Verdict, result


def score(assignment: Assignment, question: Question, evidence: ChoiceEvidence) -> QuestionScore:
    options = question.typed_options(ChoiceOptions)
    choices = options.choices
    if evidence.answer is None or evidence.answer not in choices:
        unknown = {"answer": evidence.answer or "", "number": question.number, "choices": list(choices)}
        # An answer in other words may be right, and words around a choice may reverse it: a reviewer reads them.
        return result(question, 0.0, Verdict.NEEDS_REVIEW, Note(id="choice.unknown", params=unknown), *evidence.notes)
    is_right = evidence.answer == options.key
    messages = [Note(id=f"choice.{'right' if is_right else 'wrong'}", params={"choice": choices[evidence.answer]})]
    text = options.explanation if is_right else options.hint
    if text:
        messages.append(Note(id="choice.because", params={"text": text}))
    unpruned, pruned = evidence.seconds_unpruned, evidence.seconds_pruned_90
    # Evidence of former versions may hold times that a busy machine disturbed.
    if unpruned is not None and pruned is not None and speed.are_same(unpruned, pruned):
        messages.append(Note(id="choice.times", params={"unpruned": 1000 * unpruned, "pruned": 1000 * pruned}))
    return result(question, question.points if is_right else 0.0, None, *messages, *evidence.notes)
