"""Verdicts and the points of a question: what `grader.scoring` and the checks score with."""

from __future__ import annotations

from enum import StrEnum

from grader.assignment import Question
from grader.evidence import Fault, Note, Observation, Record


class Verdict(StrEnum):
    """The result of a question, in display order.

    ``withheld`` stands for a result that its reader reads later. No question is scored so, and none is stored so.
    """

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"
    NEEDS_REVIEW = "needs_review"
    NOT_SUBMITTED = "not_submitted"
    PENDING = "pending"
    FAULT = "fault"
    WITHHELD = "withheld"


class QuestionScore(Record):
    """The points of one question and why. With the verdict ``needs_review`` the points are provisional."""

    number: str
    score: float
    max_score: float
    verdict: Verdict
    fault: Fault | None = None
    messages: tuple[Note, ...] = ()


def total(scores: list[QuestionScore]) -> float:
    """The sum of the points, rounded to what people write (two decimals)."""
    return round(sum(item.score for item in scores), 2)


def result(
    question: Question,
    points: float,
    verdict: Verdict | None,
    *messages: Note | Observation,
    fault: Fault | None = None,
) -> QuestionScore:
    """The score of a question, in the range of its points; without a verdict, the one that the points have."""
    points = min(max(points, 0.0), question.points)
    if verdict is None:
        verdict = Verdict.FULL if points == question.points else Verdict.PARTIAL if points > 0 else Verdict.NONE
    return QuestionScore(
        number=question.number,
        score=points,
        max_score=question.points,
        verdict=verdict,
        fault=fault,
        messages=tuple(message_of(item) if isinstance(item, Observation) else item for item in messages),
    )


def message_of(observation: Observation) -> Note:
    """The message about a fact. It has the name of the fact, and no decision depends on it."""
    return Note(id=str(observation.id), params=observation.params)
