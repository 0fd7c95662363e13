"""The cached fingerprints of classes, and the passages that students share."""

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
from grader.parts import PartKind

Fingerprints = frozenset[int]
_MIN_SHARED = 8
_MIN_SHARE = 0.2
"""Fewer shared fingerprints, or a smaller share of the smaller text, mean nothing."""
_PAIRS = 100
_CHUNK = 50
_READING_SECONDS = 0.8
"""One request reads new sources for this long; the next request continues."""


@dataclass(frozen=True)
class ReadingProgress:
    """The number of sources that are read so far."""

    done: int
    total: int


@dataclass(frozen=True)
class Hit:
    """Another student's submission that shares passages: as shares of this and of the other text's fingerprints."""

    login: str
    submission: uuid.UUID
    shared: int
    of_this: float
    of_other: float


@dataclass(frozen=True)
class Pair:
    """Two students whose counting attempts share passages; ``share`` is of the smaller text's fingerprints."""

    first: str
    second: str
    first_submission: uuid.UUID
    second_submission: uuid.UUID
    shared: int
    share: float


class ClassFingerprints:
    """The fingerprints of each student's text, without those of idioms.

    ``prints`` are by login and without the starter code. A passage that many students share is an idiom.
    """

    def __init__(self, snapshot: ClassSnapshot, prints: Mapping[str, Fingerprints]) -> None:
        self.snapshot = snapshot
        self._submissions = {
            standing.login: standing.counting.submission for standing in snapshot.standings if standing.counting
        }
        holders = Counter(key for of_student in prints.values() for key in of_student)
        many = max(10, len(prints) // 50)
        self.idioms = frozenset(key for key, count in holders.items() if count > many)
        self._prints = {login: of_student - self.idioms for login, of_student in prints.items()}

    def hits(self, login: str, prints: Fingerprints, limit: int = 10) -> list[Hit]:
        """The other students' texts that share most with this student's text, at most ``limit``."""
        own = prints - self.idioms
        hits = []
        for other, theirs in self._prints.items():
            shared = len(own & theirs)
            if other != login and shared >= _MIN_SHARED:
                hits.append(Hit(other, self._submissions[other], shared, shared / len(own), shared / len(theirs)))
        hits = [hit for hit in hits if max(hit.of_this, hit.of_other) >= _MIN_SHARE]
        hits.sort(key=lambda hit: (-max(hit.of_this, hit.of_other), -hit.shared, hit.login))
        return hits[:limit]

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
        pairs = [self._pair(first, second, count) for (first, second), count in shared.items() if count >= _MIN_SHARED]
        pairs = [pair for pair in pairs if pair.share >= _MIN_SHARE]
        pairs.sort(key=lambda pair: (-pair.share, -pair.shared, pair.first, pair.second))
        return tuple(pairs[:_PAIRS])

    def _pair(self, first: str, second: str, shared: int) -> Pair:
        smaller = min(len(self._prints[first]), len(self._prints[second]))
        return Pair(first, second, self._submissions[first], self._submissions[second], shared, shared / smaller)


class Similarity:
    """The fingerprints that this process has read, by assignment and SHA-256 of the source. Thread-safe."""

    def __init__(self) -> None:
        self._read: dict[str, dict[str, array[int]]] = defaultdict(dict)
        self._classes: dict[str, ClassFingerprints] = {}
        self._lock = threading.Lock()

    def of_class(self, session: Session, snapshot: ClassSnapshot) -> ClassFingerprints | ReadingProgress:
        """The fingerprints of a class, or the progress of reading them: one call reads for a moment only."""
        slug = snapshot.assignment.slug
        with self._lock:
            cached = self._classes.get(slug)
            if cached is not None and cached.snapshot is snapshot:
                return cached
            sources = _sources(session, snapshot)
            needed = {digest for digests in sources.values() for digest in digests}
            read = self._read[slug]
            _read_for_a_moment(session, sorted(needed - read.keys()), read)
            done = len(needed & read.keys())
            if done < len(needed):
                return ReadingProgress(done, len(needed))
            self._read[slug] = {digest: read[digest] for digest in needed}
            starter = starter_fingerprints(snapshot.assignment)
            prints = {login: _union(read[digest] for digest in digests) - starter for login, digests in sources.items()}
            self._classes[slug] = ClassFingerprints(snapshot, prints)
            return self._classes[slug]


def _sources(session: Session, snapshot: ClassSnapshot) -> dict[str, list[str]]:
    """By login the SHA-256 of each code part of the attempt that counts."""
    logins = {standing.counting.submission: standing.login for standing in snapshot.standings if standing.counting}
    digests: dict[str, list[str]] = defaultdict(list)
    names = snapshot.assignment.part_names(PartKind.CODE)
    for submission, digest in repository.parts(session, snapshot.assignment.slug, names):
        if submission in logins:
            digests[logins[submission]].append(digest)
    return digests


def _read_for_a_moment(session: Session, missing: Sequence[str], read: dict[str, array[int]]) -> None:
    until = time.monotonic() + _READING_SECONDS
    for start in range(0, len(missing), _CHUNK):
        for digest, data in repository.contents(session, missing[start : start + _CHUNK]):
            # An array takes a tenth of a set's memory.
            read[digest] = array("Q", fingerprints_of([data.decode("utf-8", "replace")]))
        if time.monotonic() > until:
            return


def fingerprints_of(texts: Iterable[str]) -> Fingerprints:
    """The fingerprints of some code parts together."""
    return _union(frozenset(fingerprints(code.readable_source(text))) for text in texts)


def starter_fingerprints(assignment: Assignment) -> Fingerprints:
    """The fingerprints of the code that the course hands out: the prelude, and files named ``starter*.py``."""
    starters = {name for name in assignment.files if name.startswith("starter") and name.endswith(".py")}
    return fingerprints_of(assignment.files[name] for name in starters | ({assignment.prelude} - {""}))


def _union(parts: Iterable[Iterable[int]]) -> Fingerprints:
    return frozenset().union(*parts)
