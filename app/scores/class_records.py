"""A class as plain values, for tables, filters and charts: its students, their attempts, and the one that counts."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, Protocol, TypeVar

from app.presenting.search import fold
from app.scores.standing import total_by_lateness
from app.submissions.models import State
from grader.assignment import Assignment
from grader.evidence import Fault
from grader.lateness import Lateness
from grader.scoring import Verdict

WITHOUT_RESULT = (Verdict.NOT_SUBMITTED, Verdict.PENDING, Verdict.FAULT)
"""Verdicts that say nothing of an answer."""


class Cell(NamedTuple):
    """One question of one attempt.

    An answer that counts from a later attempt than the one that holds the cell has that attempt as ``source``.
    A person set the points if they are ``overridden``, and left the computed ones if they are ``confirmed``.
    """

    score: float
    max_score: float
    verdict: Verdict
    fault: Fault | None
    overridden: bool
    source: Attempt | None = None
    confirmed: bool = False


@dataclass(frozen=True)
class Attempt:
    """One submission. ``mistakes`` are texts ``"QUESTION MESSAGE_ID"``; ``accuracy`` is the unpruned model's.

    ``score`` is after the deduction for lateness.
    """

    submission: uuid.UUID
    number: int
    submitted_at: datetime
    state: State
    fault: Fault | None
    score: float
    cells: Mapping[str, Cell]
    mistakes: tuple[str, ...]
    parameters: int | None
    accuracy: float | None
    late: Lateness | None = None

    @cached_property
    def needs_review(self) -> bool:
        """Whether a question waits for review, so that its points are provisional."""
        return any(cell.verdict is Verdict.NEEDS_REVIEW for cell in self.cells.values())

    def total_without(self, numbers: Collection[str]) -> float:
        """The points without these questions, each after the deduction of the attempt that it comes from."""
        return total_by_lateness(
            (cell.score, (cell.source or self).late) for number, cell in self.cells.items() if number not in numbers
        )

    def told(self, withheld: Collection[str]) -> Attempt:
        """The attempt as a reader sees it from whom the results of these questions are withheld."""
        if not withheld:
            return self
        cells = {
            number: Cell(0.0, cell.max_score, Verdict.WITHHELD, fault=None, overridden=False)
            if number in withheld
            else cell
            for number, cell in self.cells.items()
        }
        mistakes = tuple(mistake for mistake in self.mistakes if _question_of(mistake) not in withheld)
        return replace(self, cells=cells, score=self.total_without(withheld), mistakes=mistakes)

    @cached_property
    def has_fault(self) -> bool:
        """Whether the grader or its machines failed."""
        own_faults = (Fault.GRADER, Fault.INFRASTRUCTURE)
        return self.fault in own_faults or any(cell.verdict is Verdict.FAULT for cell in self.cells.values())


@dataclass(frozen=True)
class StudentStanding:
    """One student with the attempt that counts, if there is one, and the times of all attempts, oldest first.

    The score of an ``excused`` student does not count, nor that of one who ``dropped`` the course. See
    `with_latest_answers`: some cells of the attempt may be those of a later one.
    """

    login: str
    name: str
    student_id: str | None
    counting: Attempt | None
    times: tuple[datetime, ...] = ()
    excused: bool = False
    section: str | None = None
    dropped: bool = False

    @property
    def counts(self) -> bool:
        """Whether statistics have the student: neither excused nor gone from the course."""
        return not self.excused and not self.dropped

    @property
    def graded_attempt(self) -> Attempt | None:
        """The attempt that counts if it is graded."""
        return self.counting if self.counting is not None and self.counting.state is State.GRADED else None

    @cached_property
    def search_text(self) -> str:
        """Login, name and student number as a search compares them."""
        return fold(f"{self.login} {self.name} {self.student_id or ''}")


@dataclass(frozen=True, eq=False)
class ClassSnapshot:
    """A class at one moment, equal only to itself. ``standings`` by login."""

    assignment: Assignment
    standings: tuple[StudentStanding, ...]

    @cached_property
    def graded(self) -> tuple[Attempt, ...]:
        """The attempts that count and are graded, by login, without excused students and those who dropped."""
        return tuple(
            attempt
            for standing in self.standings
            if standing.counts and (attempt := standing.graded_attempt) is not None
        )

    @cached_property
    def sections(self) -> tuple[str, ...]:
        """The sections of the class; empty unless there are two."""
        names = sorted({standing.section for standing in self.standings if standing.section})
        return tuple(names) if len(names) > 1 else ()


class Countable(Protocol):
    """The properties that decide whether an attempt counts."""

    @property
    def state(self) -> State:
        """The state of its grading."""

    @property
    def submitted_at(self) -> datetime:
        """The time of its submission."""


_Countable = TypeVar("_Countable", bound=Countable)


def counting_attempt(
    attempts: Sequence[_Countable], keep: str, rank: Callable[[_Countable], float]
) -> _Countable | None:
    """The attempt that counts, from attempts in time order: the best or latest graded one, else the latest one.

    ``rank`` gives the points by which the best is chosen: those of the questions that are told at once.
    """
    graded = [attempt for attempt in attempts if attempt.state is State.GRADED]
    if graded and keep == "best":
        return max(graded, key=lambda attempt: (rank(attempt), attempt.submitted_at))
    return next(reversed(graded or attempts), None)


def with_latest_answers(best: Attempt, attempts: Sequence[Attempt], numbers: Collection[str]) -> Attempt:
    """The best attempt with the results of these questions from the latest attempt that has one and is not cancelled.

    The results of these questions are told later, so no student can choose an attempt by them. A fault of ours, or a
    grading that has not ended, leaves the earlier answer.
    """
    cells, mistakes = dict(best.cells), best.mistakes
    for number in numbers:
        answered = (
            attempt
            for attempt in reversed(attempts)
            if attempt.state is not State.CANCELLED
            and number in attempt.cells
            and attempt.cells[number].verdict not in WITHOUT_RESULT
        )
        source = next(answered, best)
        if source is not best:
            cells[number] = source.cells[number]._replace(source=source)
            mistakes = (
                *(mistake for mistake in mistakes if _question_of(mistake) != number),
                *(mistake for mistake in source.mistakes if _question_of(mistake) == number),
            )
    merged = replace(best, cells=cells, mistakes=mistakes)
    return replace(merged, score=merged.total_without(()))


def _question_of(mistake: str) -> str:
    return mistake.partition(" ")[0]
