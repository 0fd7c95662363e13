"""What a question is worth now: the active override, else the computed score, else nothing yet."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy.orm import Session

from app.scores import repository
from app.scores.models import Override, StoredScore
from grader.assignment import Assignment, Question
from grader.evidence import Fault, Note
from grader.lateness import Lateness, lateness
from grader.scoring import Verdict


@dataclass(frozen=True)
class Revision:
    """What a decision about a question was made on. It is unequal after every change of what counts for it.

    That is the points, the verdict, a person's decision and the evidence of this one question. Other questions of the
    submission, and the progress of its grading, may change without an effect on it.
    """

    score: float
    verdict: Verdict
    override_id: int
    evidence_id: int

    def __str__(self) -> str:
        """The form in which pages send it back."""
        return f"{self.score!r}:{self.verdict}:{self.override_id}:{self.evidence_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The revision of a text that `__str__` made. Raises ``ValueError``."""
        score, verdict, override_id, evidence_id = text.split(":")
        return cls(float(score), Verdict(verdict), int(override_id), int(evidence_id))


@dataclass(frozen=True)
class Standing:
    """One question as it stands. ``evidence`` is empty unless it was asked for."""

    question: Question
    score: float
    verdict: Verdict
    fault: Fault | None
    messages: tuple[Note, ...]
    evidence: dict[str, Any]
    override: Override | None
    computed: StoredScore | None

    @property
    def revision(self) -> Revision:
        """What a decision that is made now is made on."""
        return Revision(
            self.score,
            self.verdict,
            self.override.id if self.override else 0,
            self.computed.evidence_id if self.computed else 0,
        )


@dataclass(frozen=True)
class Sheet:
    """All questions of one submission, and how late it came."""

    questions: tuple[Standing, ...]
    late: Lateness | None

    @property
    def earned(self) -> float:
        """The points of the questions together, in two decimals, as people write them."""
        return total([standing.score for standing in self.questions], None)

    @property
    def score(self) -> float:
        """The points so far, less what is lost by handing in late."""
        return total([standing.score for standing in self.questions], self.late)

    @property
    def max_score(self) -> float:
        """What all questions are worth."""
        return sum(standing.question.points for standing in self.questions)

    @property
    def needs_review(self) -> bool:
        """Some points are provisional until a person has looked."""
        return any(standing.verdict is Verdict.NEEDS_REVIEW for standing in self.questions)


class Sheets:
    """The sheets of some submissions, read from the database in a few statements."""

    def __init__(self, session: Session, submission_ids: Collection[uuid.UUID], *, evidence: bool = False) -> None:
        self._computed = repository.computed(session, submission_ids, evidence=evidence)
        self._overrides = repository.overrides(session, submission_ids)
        self._evidence = evidence
        self._times = repository.handed_in(session, submission_ids)

    def sheet(self, submission_id: uuid.UUID, assignment: Assignment) -> Sheet:
        """The sheet of one of the submissions."""
        computed = self._computed.get(submission_id, {})
        overrides = self._overrides.get(submission_id, {})
        return Sheet(
            tuple(
                self._standing(question, computed.get(question.number), overrides.get(question.number))
                for question in assignment.questions
            ),
            lateness(assignment.schedule, *self._times[submission_id]),
        )

    def _standing(self, question: Question, computed: StoredScore | None, override: Override | None) -> Standing:
        if computed is not None and computed.max_score != question.points:
            # A regrade of this question alone scored it by a version that gives it another worth.
            question = question.model_copy(update={"points": computed.max_score})
        return Standing(
            question=question,
            score=override.score if override else computed.score if computed else 0.0,
            verdict=verdict_of(question, computed.verdict if computed else None, override.score if override else None),
            fault=computed.fault if computed else None,
            messages=tuple(Note.model_validate(note) for note in computed.messages) if computed else (),
            evidence=computed.evidence.data if computed and self._evidence else {},
            override=override,
            computed=computed,
        )


def total(points: Collection[float], late: Lateness | None) -> float:
    """The points of some questions together, in two decimals, less what is lost by handing in late."""
    earned = sum(points)
    return round(late.reduced(earned) if late is not None else earned, 2)


def verdict_of(question: Question, computed: Verdict | None, given: float | None) -> Verdict:
    """The verdict from the computed one and the points that a person gave instead, where there are any."""
    if given is None:
        return computed or Verdict.PENDING
    # A person has decided: nothing is provisional, pending or at fault any more.
    if given >= question.points:
        return Verdict.FULL
    return Verdict.PARTIAL if given > 0 else Verdict.NONE
