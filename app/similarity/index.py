"""The fingerprints of a class, read bit by bit and kept, and who shares how much with whom."""

from __future__ import annotations

import threading
import time
import uuid
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from sqlalchemy.orm import Session

from app.scores.class_records import ClassSnapshot
from app.similarity import repository
from app.similarity.fingerprints import fingerprints
from app.submissions import code
from grader.assignment import Assignment

Prints = frozenset[int]
_FEWEST = 8
_LEAST = 0.2
"""Fewer shared fingerprints, or a smaller share of the smaller text, say nothing."""
_PAIRS = 100
_CHUNK = 50
_READING_SECONDS = 0.8
"""How long one request reads sources that were not read before; the next one goes on."""


@dataclass(frozen=True)
class Reading:
    """Not all sources of the class are read yet."""

    done: int
    total: int


@dataclass(frozen=True)
class Hit:
    """Another student's hand-in that shares passages: the shares of the one's and of the other's fingerprints."""

    login: str
    submission: uuid.UUID
    shared: int
    of_this: float
    of_other: float


@dataclass(frozen=True)
class Pair:
    """Two students whose counting hand-ins share passages; ``share`` of the smaller one's fingerprints."""

    first: str
    second: str
    first_submission: uuid.UUID
    second_submission: uuid.UUID
    shared: int
    share: float


class ClassPrints:
    """What each student wrote beyond the starter code and beyond what many wrote alike."""

    def __init__(self, snapshot: ClassSnapshot, prints: Mapping[str, Prints]) -> None:
        self.snapshot = snapshot
        self._submissions = {
            one.login: one.counting.submission for one in snapshot.standings if one.counting is not None
        }
        holders = Counter(key for found in prints.values() for key in found)
        # As for every such tool: a passage that many hold is an idiom of the course.
        many = max(10, len(prints) // 50)
        self.idioms = frozenset(key for key, count in holders.items() if count > many)
        self._prints = {login: found - self.idioms for login, found in prints.items()}

    def hits(self, login: str, prints: Prints, limit: int = 10) -> list[Hit]:
        """Who shares most with this student's text, at most ``limit``."""
        own = prints - self.idioms
        found = []
        for other, theirs in self._prints.items():
            shared = len(own & theirs)
            if other != login and shared >= _FEWEST:
                found.append(Hit(other, self._submissions[other], shared, shared / len(own), shared / len(theirs)))
        found = [hit for hit in found if max(hit.of_this, hit.of_other) >= _LEAST]
        found.sort(key=lambda hit: (-max(hit.of_this, hit.of_other), -hit.shared, hit.login))
        return found[:limit]

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs that share the largest parts of their texts, at most a hundred."""
        holders: dict[int, list[str]] = defaultdict(list)
        for login, prints in self._prints.items():
            for key in prints:
                holders[key].append(login)
        shared: Counter[tuple[str, str]] = Counter()
        for logins in holders.values():
            if len(logins) > 1:
                shared.update(combinations(sorted(logins), 2))
        found = [self._pair(first, second, count) for (first, second), count in shared.items() if count >= _FEWEST]
        pairs = [pair for pair in found if pair.share >= _LEAST]
        pairs.sort(key=lambda pair: (-pair.share, -pair.shared, pair.first, pair.second))
        return tuple(pairs[:_PAIRS])

    def _pair(self, first: str, second: str, shared: int) -> Pair:
        smaller = min(len(self._prints[first]), len(self._prints[second]))
        return Pair(first, second, self._submissions[first], self._submissions[second], shared, shared / smaller)


class Similarity:
    """The fingerprints that this process has read, by what they were read from. Safe to use from several threads."""

    def __init__(self) -> None:
        self._read: dict[str, dict[str, array[int]]] = defaultdict(dict)
        self._classes: dict[str, ClassPrints] = {}
        self._lock = threading.Lock()

    def of_class(self, session: Session, snapshot: ClassSnapshot) -> ClassPrints | Reading:
        """The class's fingerprints, or how far reading them is: one call reads for a moment only."""
        slug = snapshot.assignment.slug
        with self._lock:
            known = self._classes.get(slug)
            if known is not None and known.snapshot is snapshot:
                return known
            sources = _sources(session, snapshot)
            needed = {digest for digests in sources.values() for digest in digests}
            read = self._read[slug]
            _read_for_a_moment(session, sorted(needed - read.keys()), read)
            done = len(needed & read.keys())
            if done < len(needed):
                return Reading(done, len(needed))
            self._read[slug] = {digest: read[digest] for digest in needed}
            given = starter(snapshot.assignment)
            prints = {login: _union(read[digest] for digest in digests) - given for login, digests in sources.items()}
            self._classes[slug] = ClassPrints(snapshot, prints)
            return self._classes[slug]


def _sources(session: Session, snapshot: ClassSnapshot) -> dict[str, list[str]]:
    """By student the SHA-256 of each code part of the attempt that counts."""
    counting = {one.counting.submission: one.login for one in snapshot.standings if one.counting is not None}
    found: dict[str, list[str]] = defaultdict(list)
    for submission, digest in repository.code_parts(session, snapshot.assignment.slug):
        if submission in counting:
            found[counting[submission]].append(digest)
    return found


def _read_for_a_moment(session: Session, missing: Sequence[str], read: dict[str, array[int]]) -> None:
    until = time.monotonic() + _READING_SECONDS
    for start in range(0, len(missing), _CHUNK):
        for digest, data in repository.contents(session, missing[start : start + _CHUNK]):
            # Many sets of numbers are kept; an array takes a tenth of a set's memory.
            read[digest] = array("Q", prints_of([data.decode("utf-8", "replace")]))
        if time.monotonic() > until:
            return


def prints_of(texts: Iterable[str]) -> Prints:
    """The fingerprints of some code parts together."""
    return _union(frozenset(fingerprints(code.readable(text))) for text in texts)


def starter(assignment: Assignment) -> Prints:
    """The fingerprints of what the course gives to everybody: the prelude, and files named ``starter*.py``."""
    given = {name for name in assignment.files if name.startswith("starter") and name.endswith(".py")}
    return prints_of(assignment.files[name] for name in given | ({assignment.prelude} - {""}))


def _union(parts: Iterable[Iterable[int]]) -> Prints:
    return frozenset().union(*parts)
