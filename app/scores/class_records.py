"""Every attempt of a class as plain values, for tables, filters and charts.

The time to read a class grows with its size, so `ClassRecords` caches its attempts and reads only the submissions
whose ``revision`` has changed.
"""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeVar

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.presenting.search import fold
from app.scores import class_repository as repository
from app.scores.models import OverrideKind
from app.scores.standing import total, total_by_lateness, verdict_of
from app.submissions.excusals import repository as excusals
from app.submissions.extensions import repository as extensions
from app.submissions.models import State
from app.users.models import Role
from grader import telling
from grader.assignment import Assignment
from grader.checks import registry
from grader.evidence import Fault
from grader.lateness import Lateness, lateness
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
    """A class at one moment, equal only to itself. ``standings`` by login, ``attempts`` oldest first."""

    assignment: Assignment
    standings: tuple[StudentStanding, ...]
    attempts: tuple[Attempt, ...]

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


class ClassRecords:
    """The cached classes of one process. Thread-safe."""

    def __init__(self) -> None:
        self._classes: dict[str, _CachedClass] = {}
        self._lock = threading.Lock()

    def snapshot(self, session: Session, slug: str) -> ClassSnapshot:
        """The current state of a class. Raises `AssignmentNotFound`."""
        current = assignments.definition(assignments.current(session, slug))
        excused = excusals.user_ids(session, slug)
        stamp = (current.digest, excused, repository.people_stamp(session, slug), *repository.stamp(session, slug))
        with self._lock:
            cached = self._classes.setdefault(slug, _CachedClass())
            if cached.snapshot is None or cached.stamp != stamp:
                cached.snapshot = cached.refresh(session, current, repository.people(session, slug), excused)
                cached.stamp = stamp
            return cached.snapshot


def counting_of(session: Session, user_id: int, slug: str) -> Attempt | None:
    """The attempt of one person that counts, read without the class. Raises `AssignmentNotFound`."""
    current = assignments.definition(assignments.current(session, slug))
    attempts = list(_load(session, slug, repository.submissions(session, slug, user_id)))
    return _counting(attempts, current)


class _CachedClass:
    """The attempts of one class, each with the revision at which it was read."""

    def __init__(self) -> None:
        self.stamp: tuple[Any, ...] = ()
        self.snapshot: ClassSnapshot | None = None
        self._attempts: dict[uuid.UUID, tuple[int, Attempt]] = {}

    def refresh(
        self, session: Session, current: Assignment, people: Sequence[Any], excused: Collection[int]
    ) -> ClassSnapshot:
        rows = repository.submissions(session, current.slug)
        changed = [row for row in rows if self._attempts.get(row.id, (None, None))[0] != row.revision]
        for row, attempt in zip(changed, _load(session, current.slug, changed), strict=True):
            self._attempts[row.id] = row.revision, attempt
        by_user: dict[int, list[Attempt]] = defaultdict(list)
        for row in rows:
            by_user[row.user_id].append(self._attempts[row.id][1])
        standings = tuple(
            _standing(person, by_user.get(person.id, []), current, excused=person.id in excused)
            for person in people
            if person.id in by_user or (person.role is Role.STUDENT and person.deleted_at is None)
        )
        return ClassSnapshot(current, standings, tuple(self._attempts[row.id][1] for row in rows))


def _standing(person: Any, attempts: Sequence[Attempt], current: Assignment, *, excused: bool) -> StudentStanding:
    times = tuple(attempt.submitted_at for attempt in attempts)
    counting = _counting(attempts, current)
    return StudentStanding(
        person.login,
        person.name,
        person.student_id,
        counting,
        times,
        excused,
        person.section,
        dropped=person.dropped_at is not None,
    )


def _counting(attempts: Sequence[Attempt], current: Assignment) -> Attempt | None:
    """The attempt that counts, with the answers that count from later ones."""
    later = telling.told_later(current)
    attempt = counting_attempt(attempts, current.schedule.keep, lambda one: one.total_without(later))
    if attempt is not None and attempt.state is State.GRADED and current.schedule.keep == "best":
        return with_latest_answers(attempt, attempts, later)
    return attempt


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


def _load(session: Session, slug: str, rows: Sequence[Any]) -> Iterable[Attempt]:
    if not rows:
        return ()
    ids = [row.id for row in rows]
    versions = {key: assignments.definition(row) for key, row in repository.versions(session, slug).items()}
    computed: dict[uuid.UUID, dict[str, Any]] = defaultdict(dict)
    for score in repository.computed(session, slug, ids, _paths(versions.values())):
        computed[score.submission_id][score.question] = score
    overrides: dict[uuid.UUID, dict[str, Any]] = defaultdict(dict)
    for override in repository.overrides(session, slug, ids):
        overrides[override.submission_id][override.question] = override
    deadlines = extensions.deadlines(session, slug)
    return [
        _attempt(row, versions[row.assignment_id], computed[row.id], overrides[row.id], deadlines.get(row.user_id))
        for row in rows
    ]


def _paths(versions: Iterable[Assignment]) -> repository.Paths:
    """Where the stored evidence of these versions has the facts of a class."""
    paths: dict[str, dict[tuple[str | int, ...], set[str]]] = {}
    for question in (question for version in versions for question in version.questions):
        for fact, path in registry.of(question).facts.items():
            paths.setdefault(fact, {}).setdefault(path, set()).add(question.number)
    return paths


def _mistakes(score: Any) -> list[str]:
    """The known mistakes of a question; without one, the first message if it lost points."""
    known = [getattr(score, "mistake", None), *(getattr(score, "further_mistakes", None) or ())]
    first_message = [message["id"] for message in (score.messages or ())[:1]]
    return [f"{score.question} {key}" for key in [item for item in known if item] or first_message]


def _attempt(
    row: Any,
    assignment: Assignment,
    computed: Mapping[str, Any],
    overrides: Mapping[str, Any],
    extended_to: datetime | None,
) -> Attempt:
    cells: dict[str, Cell] = {}
    mistakes: list[str] = []
    facts: dict[str, Any] = {}
    for question in assignment.questions:
        number, score = question.number, computed.get(question.number)
        override = overrides.get(number)
        points = override.score if override else score.score if score else 0.0
        confirmed = override is not None and override.kind is OverrideKind.CONFIRMED
        cells[number] = Cell(
            score=points,
            max_score=question.points,
            verdict=verdict_of(question, score.verdict if score else None, points if override else None),
            fault=score.fault if score else None,
            overridden=override is not None and not confirmed,
            confirmed=confirmed,
        )
        if score is not None:
            mistakes += _mistakes(score)
            for fact in ("parameters", "accuracy"):
                if getattr(score, fact, None) is not None:
                    facts.setdefault(fact, getattr(score, fact))
    late = lateness(assignment.schedule, row.submitted_at, extended_to)
    return Attempt(
        submission=row.id,
        number=row.attempt,
        submitted_at=row.submitted_at,
        state=row.state,
        fault=row.fault,
        score=total([cell.score for cell in cells.values()], late),
        late=late,
        cells=cells,
        mistakes=tuple(mistakes),
        parameters=facts.get("parameters"),
        accuracy=facts.get("accuracy"),
    )
