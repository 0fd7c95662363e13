"""Classes in memory, and how one is read.

The time to read a class grows with its size, so `ClassCache` caches it and reads only the submissions of students
with a change.
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.scores import class_repository as repository
from app.scores.class_records import (
    Attempt,
    Cell,
    ClassSnapshot,
    StudentStanding,
    counting_attempt,
    with_latest_answers,
)
from app.scores.models import OverrideKind
from app.scores.standing import total, verdict_of
from app.submissions.excusals import repository as excusals
from app.submissions.extensions import repository as extensions
from app.submissions.models import State
from app.users.models import Role
from grader import telling
from grader.assignment import Assignment
from grader.checks import registry
from grader.lateness import lateness

MOST_CLASSES = 16
"""A class of 2,000 students with five attempts each takes some 20 MB."""


class ClassCache:
    """The cached classes of one process, at most `MOST_CLASSES` of them. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._classes: OrderedDict[str, _CachedClass] = OrderedDict()

    def snapshot(self, session: Session, slug: str) -> ClassSnapshot:
        """The current state of a class. Raises `AssignmentNotFound`."""
        current = assignments.definition(assignments.current(session, slug))
        with self._lock:
            cached = self._classes.setdefault(slug, _CachedClass())
            self._classes.move_to_end(slug)
            if len(self._classes) > MOST_CLASSES:
                self._classes.popitem(last=False)
        return cached.snapshot(session, current)


def counting_of(session: Session, user_id: int, slug: str) -> Attempt | None:
    """The attempt of one person that counts, read without the class. Raises `AssignmentNotFound`."""
    current = assignments.definition(assignments.current(session, slug))
    return _counting(_load(session, slug, (user_id,)).get(user_id, ()), current)


class _Student(NamedTuple):
    """A cached student, with all that the attempts and the standing depend on."""

    stamp: tuple[Any, ...] | None
    attempts: tuple[Attempt, ...]
    basis: tuple[Any, ...]
    standing: StudentStanding


class _CachedClass:
    """One class. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp: tuple[Any, ...] = ()
        self._snapshot: ClassSnapshot | None = None
        self._students: dict[int, _Student] = {}

    def snapshot(self, session: Session, current: Assignment) -> ClassSnapshot:
        """The class as this session sees it."""
        excused = excusals.user_ids(session, current.slug)
        people = repository.people_stamp(session, current.slug)
        stamp = (current.digest, excused, people, *repository.stamp(session, current.slug))
        with self._lock:
            if self._snapshot is None or self._stamp != stamp:
                self._students = self._refreshed(session, current, excused)
                self._stamp = stamp
                self._snapshot = ClassSnapshot(current, tuple(student.standing for student in self._students.values()))
            return self._snapshot

    def _refreshed(self, session: Session, current: Assignment, excused: Collection[int]) -> dict[int, _Student]:
        stamps = repository.stamps(session, current.slug)
        cached = {key: student for key, student in self._students.items() if student.stamp == stamps.get(key)}
        changed = stamps.keys() - cached.keys()
        loaded = _load(session, current.slug, changed if len(changed) <= repository.MOST_IDS else None)
        students = {}
        for person in repository.people(session, current.slug):
            if person.id not in stamps and (person.role is not Role.STUDENT or person.deleted_at is not None):
                continue
            known, basis = cached.get(person.id), (current.digest, person.id in excused, tuple(person))
            if known is None or known.basis != basis:
                attempts = known.attempts if known else loaded.get(person.id, ())
                standing = _standing(person, attempts, current, excused=person.id in excused)
                known = _Student(stamps.get(person.id), attempts, basis, standing)
            students[person.id] = known
        return students


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


def _load(session: Session, slug: str, user_ids: Collection[int] | None) -> dict[int, tuple[Attempt, ...]]:
    """The attempts of these people, or of all, by user id; oldest first."""
    if user_ids is not None and not user_ids:
        return {}
    rows = repository.submissions(session, slug, user_ids)
    ids = [row.id for row in rows]
    versions = {key: assignments.definition(row) for key, row in repository.versions(session, slug).items()}
    computed: dict[uuid.UUID, dict[str, Any]] = defaultdict(dict)
    for score in repository.computed(session, slug, ids, _paths(versions.values())):
        computed[score.submission_id][score.question] = score
    overrides: dict[uuid.UUID, dict[str, Any]] = defaultdict(dict)
    for override in repository.overrides(session, slug, ids):
        overrides[override.submission_id][override.question] = override
    deadlines = extensions.deadlines(session, slug)
    attempts: dict[int, list[Attempt]] = defaultdict(list)
    for row in rows:
        extended_to = deadlines.get(row.user_id)
        attempts[row.user_id].append(
            _attempt(row, versions[row.assignment_id], computed[row.id], overrides[row.id], extended_to)
        )
    return {user_id: tuple(of_person) for user_id, of_person in attempts.items()}


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
