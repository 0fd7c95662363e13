"""The current points of questions: of the active override, else the computed ones, else none yet."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.scores import repository
from app.scores.models import Override, StoredScore
from app.submissions.models import Submission
from grader import telling
from grader.assignment import Assignment, Question, Tell
from grader.evidence import Fault, Note
from grader.lateness import Lateness, lateness
from grader.scoring import Verdict


@dataclass(frozen=True)
class Revision:
    """The state of one question that a decision rests on: points, verdict, override and evidence.

    A change of any of these gives another revision. Changes of other questions or of the grading's progress do not.
    """

    score: float
    verdict: Verdict
    override_id: int
    evidence_id: int

    def __str__(self) -> str:
        """The text that forms of the pages carry."""
        return f"{self.score!r}:{self.verdict}:{self.override_id}:{self.evidence_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text that `__str__` makes. Raises ``ValueError``."""
        score, verdict, override_id, evidence_id = text.split(":")
        return cls(float(score), Verdict(verdict), int(override_id), int(evidence_id))


@dataclass(frozen=True)
class QuestionStanding:
    """The current result of one question. ``evidence`` is empty unless it was requested.

    A result with the verdict ``withheld`` has 0 points for the sums of its reader, who reads no points.
    ``version_points`` are the question's points in the submission's version, before a regrade of this question alone.
    """

    question: Question
    version_points: float
    score: float
    verdict: Verdict
    fault: Fault | None
    messages: tuple[Note, ...]
    evidence: dict[str, Any]
    override: Override | None
    computed: StoredScore | None

    @property
    def told_score(self) -> float | None:
        """The points for the reader of this standing; ``None`` if they are withheld."""
        return None if self.verdict is Verdict.WITHHELD else self.score

    def withheld(self, rule: Tell) -> QuestionStanding:
        """What a student reads before this result is told: nothing in which a right and a wrong answer differ.

        That nothing was submitted, or that there is no result, depends on no answer, so it stays.
        """
        # A regrade may have selected the submission by this result, so the question has the points of its version.
        standing = replace(self, question=self.question.model_copy(update={"points": self.version_points}))
        if self.override is None and self.verdict in (Verdict.PENDING, Verdict.NOT_SUBMITTED):
            return standing
        if self.override is None and self.verdict is Verdict.FAULT:
            return replace(standing, evidence={})
        return replace(
            standing,
            score=0.0,
            verdict=Verdict.WITHHELD,
            fault=None,
            messages=(telling.message(rule),),
            evidence={},
            override=None,
            computed=None,
        )

    @property
    def revision(self) -> Revision:
        """The state that a decision made now rests on."""
        return Revision(
            self.score,
            self.verdict,
            self.override.id if self.override else 0,
            self.computed.evidence_id if self.computed else 0,
        )


@dataclass(frozen=True)
class SubmissionScore:
    """All questions of one submission, and its lateness."""

    questions: tuple[QuestionStanding, ...]
    late: Lateness | None

    def told(self, withheld: Mapping[str, Tell]) -> SubmissionScore:
        """The score for a reader from whom the results of these questions are withheld: its sums count the others."""
        if not withheld:
            return self
        return replace(
            self,
            questions=tuple(
                standing.withheld(withheld[standing.question.number])
                if standing.question.number in withheld
                else standing
                for standing in self.questions
            ),
        )

    def total_without(self, numbers: Collection[str]) -> float:
        """The points without these questions, less the deduction for lateness."""
        return total([one.score for one in self.questions if one.question.number not in numbers], self.late)

    def question(self, number: str) -> QuestionStanding:
        """A question by its number. Raises ``KeyError``."""
        return {standing.question.number: standing for standing in self.questions}[number]

    @property
    def earned(self) -> float:
        """The sum of the points before the deduction for lateness, in two decimals."""
        return total([standing.score for standing in self.questions], None)

    @property
    def total(self) -> float:
        """The points so far, less the deduction for lateness."""
        return self.total_without(())

    @property
    def maximum(self) -> float:
        """The most points that all questions together give."""
        return sum(standing.question.points for standing in self.questions)

    @property
    def is_withheld(self) -> bool:
        """Whether the result of a question is withheld, so that the sums count only the others."""
        return any(standing.verdict is Verdict.WITHHELD for standing in self.questions)

    @property
    def needs_review(self) -> bool:
        """Whether a question waits for review, so that its points are provisional."""
        return any(standing.verdict is Verdict.NEEDS_REVIEW for standing in self.questions)


class SubmissionScores:
    """The scores of several submissions, read from the database in a few statements."""

    def __init__(self, session: Session, submission_ids: Collection[uuid.UUID], *, evidence: bool = False) -> None:
        self._computed = repository.computed(session, submission_ids, evidence=evidence)
        self._overrides = repository.overrides(session, submission_ids)
        self._evidence = evidence
        self._times = repository.submission_times(session, submission_ids)

    def of(self, submission: Submission) -> SubmissionScore:
        """The score of one of these submissions."""
        assignment = assignments.definition(submission.assignment)
        computed = self._computed.get(submission.id, {})
        overrides = self._overrides.get(submission.id, {})
        return SubmissionScore(
            tuple(
                self._standing(question, computed.get(question.number), overrides.get(question.number))
                for question in assignment.questions
            ),
            lateness(assignment.schedule, *self._times[submission.id]),
        )

    def _standing(
        self, question: Question, computed: StoredScore | None, override: Override | None
    ) -> QuestionStanding:
        return _standing(question, computed, override, computed.evidence.data if computed and self._evidence else {})


def _standing(
    question: Question, computed: StoredScore | None, override: Override | None, evidence: dict[str, Any]
) -> QuestionStanding:
    version_points = question.points
    if computed is not None and computed.max_score != question.points:
        # A regrade of this question alone may use a version in which it has other points.
        question = question.model_copy(update={"points": computed.max_score})
    return QuestionStanding(
        question=question,
        version_points=version_points,
        score=override.score if override else computed.score if computed else 0.0,
        verdict=verdict_of(question, computed.verdict if computed else None, override.score if override else None),
        fault=computed.fault if computed else None,
        messages=tuple(Note.model_validate(note) for note in computed.messages) if computed else (),
        evidence=evidence,
        override=override,
        computed=computed,
    )


def submission_score(session: Session, submission: Submission, *, evidence: bool = False) -> SubmissionScore:
    """The score of one submission, on request with the evidence of its questions."""
    return SubmissionScores(session, [submission.id], evidence=evidence).of(submission)


def pending_score(assignment: Assignment, submitted_at: datetime, extended_to: datetime | None) -> SubmissionScore:
    """The score of a submission that has no result yet."""
    return SubmissionScore(
        tuple(_standing(question, None, None, {}) for question in assignment.questions),
        lateness(assignment.schedule, submitted_at, extended_to),
    )


def total(points: Collection[float], late: Lateness | None) -> float:
    """The sum of points in two decimals, less the deduction for lateness."""
    return total_by_lateness((one, late) for one in points)


def total_by_lateness(earned: Iterable[tuple[float, Lateness | None]]) -> float:
    """The sum of points in two decimals, each less the deduction for its own lateness."""
    groups: dict[Lateness | None, list[float]] = defaultdict(list)
    for points, late in earned:
        groups[late].append(points)
    return round(sum(late.reduced(sum(group)) if late else sum(group) for late, group in groups.items()), 2)


def points_after(full: float, deductions: Iterable[float]) -> float:
    """The points of a question after the deductions of review items, in two decimals and not below zero."""
    return max(0.0, round(full - sum(deductions), 2))


def verdict_of(question: Question, computed: Verdict | None, override: float | None) -> Verdict:
    """The verdict of the points that a person gave, else the computed one, else pending."""
    if override is None:
        return computed or Verdict.PENDING
    # An override settles provisional, pending and faulty results.
    if override >= question.points:
        return Verdict.FULL
    return Verdict.PARTIAL if override > 0 else Verdict.NONE
