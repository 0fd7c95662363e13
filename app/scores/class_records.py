"""Every attempt of a class in a few plain values: what its tables, filters and charts are made of.

Reading a whole class anew takes time that grows with it, so `ClassRecords` keeps what it has read and asks only for
the hand-ins whose ``revision`` has grown since.
"""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeVar

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.scores import class_repository as repository
from app.scores.standing import total, verdict_of
from app.submissions.extensions import repository as extensions
from app.submissions.models import State
from app.users.models import Role
from grader.assignment import Assignment, Question
from grader.evidence import Fault
from grader.lateness import Lateness, lateness
from grader.scoring import Verdict

_TOLD = frozenset({"architecture", "kd_loss", "pruning"})
"""Checks whose messages are counted even when no points were lost: parameters, known mistakes, accuracy."""


class Cell(NamedTuple):
    """One question of one attempt."""

    score: float
    max_score: float
    verdict: Verdict
    fault: Fault | None
    overridden: bool


@dataclass(frozen=True)
class Attempt:
    """One hand-in. ``mistakes`` are message ids, each behind its question; ``accuracy`` is the unpruned model's.

    ``score`` is what is left after ``late`` has taken its part.
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
        """Some points are provisional until a person has looked."""
        return any(cell.verdict is Verdict.NEEDS_REVIEW for cell in self.cells.values())

    @cached_property
    def has_fault(self) -> bool:
        """Something of ours failed."""
        ours = (Fault.GRADER, Fault.INFRASTRUCTURE)
        return self.fault in ours or any(cell.verdict is Verdict.FAULT for cell in self.cells.values())


@dataclass(frozen=True)
class Standing:
    """One student with the attempt that counts, if there is one, and the days of UTC of all attempts."""

    login: str
    name: str
    student_id: str | None
    counting: Attempt | None
    days: frozenset[date]


@dataclass(frozen=True, eq=False)
class ClassSnapshot:
    """A class as it stood at one moment, equal to itself alone. ``standings`` by login, ``attempts`` oldest first."""

    assignment: Assignment
    standings: tuple[Standing, ...]
    attempts: tuple[Attempt, ...]


class ClassRecords:
    """The classes of one process, each read once and then kept up to date. Safe to use from several threads."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def snapshot(self, session: Session, slug: str) -> ClassSnapshot:
        """The class as it stands now. Raises `AssignmentNotFound`."""
        current = assignments.definition(assignments.current(session, slug))
        stamp = (current.digest, repository.people_stamp(session), *repository.stamp(session, slug))
        with self._lock:
            kept = self._kept.setdefault(slug, _Kept())
            if kept.snapshot is None or kept.stamp != stamp:
                kept.snapshot = kept.refreshed(session, current, repository.people(session))
                kept.stamp = stamp
            return kept.snapshot


class _Kept:
    """What is kept of one class: the attempts with the revision at which each was read."""

    def __init__(self) -> None:
        self.stamp: tuple[Any, ...] = ()
        self.snapshot: ClassSnapshot | None = None
        self._attempts: dict[uuid.UUID, tuple[int, Attempt]] = {}

    def refreshed(self, session: Session, current: Assignment, people: Sequence[Any]) -> ClassSnapshot:
        rows = repository.hand_ins(session, current.slug)
        changed = [row for row in rows if self._attempts.get(row.id, (None, None))[0] != row.revision]
        for row, attempt in zip(changed, _read(session, current.slug, changed), strict=True):
            self._attempts[row.id] = row.revision, attempt
        by_user: dict[int, list[Attempt]] = defaultdict(list)
        for row in rows:
            by_user[row.user_id].append(self._attempts[row.id][1])
        standings = tuple(
            _standing(person, by_user.get(person.id, []), current)
            for person in people
            if person.id in by_user or person.role is Role.STUDENT
        )
        return ClassSnapshot(current, standings, tuple(self._attempts[row.id][1] for row in rows))


def _standing(person: Any, attempts: Sequence[Attempt], current: Assignment) -> Standing:
    days = frozenset(attempt.submitted_at.date() for attempt in attempts)
    return Standing(person.login, person.name, person.student_id, counting(attempts, current.schedule.keep), days)


class Countable(Protocol):
    """What decides whether an attempt counts."""

    @property
    def state(self) -> State:
        """How far its grading is."""

    @property
    def score(self) -> float:
        """Its points as they stand."""

    @property
    def submitted_at(self) -> datetime:
        """When it was handed in."""


_Countable = TypeVar("_Countable", bound=Countable)


def counting(attempts: Sequence[_Countable], keep: str) -> _Countable | None:
    """The attempt that counts, of some in the order of time: the best or latest graded one, else the latest."""
    graded = [attempt for attempt in attempts if attempt.state is State.GRADED]
    if graded and keep == "best":
        return max(graded, key=lambda attempt: (attempt.score, attempt.submitted_at))
    return next(reversed(graded or attempts), None)


def _read(session: Session, slug: str, rows: Sequence[Any]) -> Iterable[Attempt]:
    if not rows:
        return ()
    ids = [row.id for row in rows]
    versions = {key: assignments.definition(row) for key, row in repository.versions(session, slug).items()}
    told = {
        question.number for version in versions.values() for question in version.questions if question.check in _TOLD
    }
    computed: dict[uuid.UUID, dict[str, Any]] = defaultdict(dict)
    for score in repository.computed(session, slug, ids, told):
        computed[score.submission_id][score.question] = score
    given: dict[uuid.UUID, dict[str, float]] = defaultdict(dict)
    for override in repository.overrides(session, slug, ids):
        given[override.submission_id][override.question] = override.score
    extended = extensions.deadlines(session, slug)
    return [
        _attempt(row, versions[row.assignment_id], computed[row.id], given[row.id], extended.get(row.user_id))
        for row in rows
    ]


def _mistakes(question: Question, verdict: Verdict, told: Sequence[str]) -> list[str]:
    """The known mistakes that were named; without one, what was said first where points were lost."""
    known = [key for key in told if key in question.options.get("mistakes", {})]
    lost = told[:1] if verdict in repository.LOST else ()
    return [f"{question.number} {key}" for key in known or lost]


def _attempt(
    row: Any,
    assignment: Assignment,
    computed: Mapping[str, Any],
    given: Mapping[str, float],
    extended_to: datetime | None,
) -> Attempt:
    cells: dict[str, Cell] = {}
    mistakes: list[str] = []
    known: dict[str, Any] = {}
    for question in assignment.questions:
        number, score = question.number, computed.get(question.number)
        points = given.get(number, score.score if score else 0.0)
        verdict = verdict_of(question, score.verdict if score else None, given.get(number))
        cells[number] = Cell(points, question.points, verdict, score.fault if score else None, number in given)
        messages = (score.messages or ()) if score else ()
        mistakes += _mistakes(question, score.verdict, [message["id"] for message in messages]) if score else ()
        for message in messages:
            key, params = message["id"], message["params"]
            if question.check == "architecture" and key.startswith("model."):
                known.setdefault("parameters", params.get("parameters"))
            elif question.check == "pruning" and key.startswith("pruning.curve."):
                known.setdefault("accuracy", params.get("accuracy"))
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
        parameters=known.get("parameters"),
        accuracy=known.get("accuracy"),
    )
