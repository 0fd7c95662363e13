"""Points and messages of a question, from its evidence and rubric. No I/O, no clock, no randomness.

Only `score` decides points, with the rule in the ``score.py`` of the check. The same evidence scored by the same rubric
gives the same result, bit for bit, on any machine and at any time.
"""

from __future__ import annotations

from grader import intake
from grader.assignment import Assignment
from grader.checks import registry
from grader.evidence import Evidence, Fault, Note
from grader.intake import IntakeFact
from grader.verdicts import QuestionScore as QuestionScore
from grader.verdicts import Verdict as Verdict
from grader.verdicts import message_of, result
from grader.verdicts import total as total


def score(assignment: Assignment, number: str, evidence: Evidence | None) -> QuestionScore:
    """Points and messages of one question; ``pending`` without evidence."""
    question = assignment.question(number)
    if evidence is None:
        return result(question, 0.0, Verdict.PENDING)
    if evidence.fault is not None:
        return result(question, 0.0, Verdict.FAULT, Note(id=evidence.fault_message), fault=evidence.fault)
    if not evidence.submitted:
        return result(question, 0.0, Verdict.NOT_SUBMITTED, Note(id="not_submitted"), *evidence.notes)
    if evidence.kind != question.check:
        raise ValueError(f"question {number} is scored from {question.check} evidence, not {evidence.kind}")
    if evidence.overrun is not None:
        return result(question, 0.0, Verdict.NONE, evidence.overrun.observation, *evidence.notes, fault=Fault.STUDENT)
    return _review_if_statements_dropped(registry.of(question).score(assignment, question, evidence), evidence)


_DROPS_TO_REVIEW = {
    # Full points do not depend on a dropped training, which leaves the architecture as it is.
    Verdict.FULL: intake.REVIEW_FACTS - {IntakeFact.TRAINING_DROPPED},
    Verdict.PARTIAL: intake.REVIEW_FACTS,
    Verdict.NONE: intake.REVIEW_FACTS,
}


def _review_if_statements_dropped(scored: QuestionScore, evidence: Evidence) -> QuestionScore:
    """Ask for review if a statement that did not run may change the points."""
    reviewed = _DROPS_TO_REVIEW.get(scored.verdict, frozenset())
    causes = tuple(message_of(note) for note in evidence.notes if note.id in reviewed)
    if scored.verdict is Verdict.NONE:
        # A stand-in may be another object than the one that the student means.
        stand_ins = [note for note in evidence.notes if note.id == IntakeFact.STAND_IN]
        causes += tuple(Note(id="intake.stand_in_doubtful", params=note.params) for note in stand_ins)
    if not causes:
        return scored
    others = tuple(note for note in scored.messages if note not in causes)
    return scored.model_copy(update={"verdict": Verdict.NEEDS_REVIEW, "messages": (*causes, *others)})
