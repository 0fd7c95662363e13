"""Find the part that each of several files is, and say of every unused file why it is not used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import PurePath

from app.submissions import joining
from grader.answers import AnswersError, read_answers
from grader.assignment import Assignment
from grader.parts import PartDefinition, PartKind, usual_file_names
from grader.submission import Part

LEAVE_OUT = "none"
MOST_FILES = 30
_USE, _JOIN = "use-", "join-"
_ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz")
PASTED = frozenset({PartKind.CODE, PartKind.TEXT})
"""Kinds of parts that can be pasted."""
_PASTED_SUFFIXES = (".txt",)
"""Pasted code and text often come as a plain text file."""


class Reason(StrEnum):
    """Why a file is not used."""

    LEFT_OUT = "left_out"
    TOO_MANY = "too_many"
    SAME_NAME = "same_name"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    PDF = "pdf"
    ARCHIVE = "archive"
    UNKNOWN_KIND = "unknown_kind"
    UNREADABLE_ANSWERS = "unreadable_answers"
    OCCUPIED = "occupied"
    SECOND = "second"
    HELPER = "helper"
    NOTHING_TO_JOIN = "nothing_to_join"
    NOT_JOINABLE = "not_joinable"


@dataclass(frozen=True)
class PlacedFile:
    """A file and what becomes of it.

    ``part`` is the part that it is or, where it ``is_joined``, that it is joined to. An unused file has a ``reason``,
    which may name a ``part`` and ``another`` file. ``choice`` is the student's own, and ``choices`` are all there are:
    `LEAVE_OUT`, ``use-PART`` and ``join-PART``.
    """

    name: str
    size: int
    choices: tuple[str, ...] = (LEAVE_OUT,)
    choice: str = ""
    part: str | None = None
    is_joined: bool = False
    reason: Reason | None = None
    another: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Placement:
    """The parts that files give or change, and every file in its order."""

    parts: Mapping[str, Part]
    files: tuple[PlacedFile, ...]


def suffixes(part: PartDefinition) -> tuple[str, ...]:
    """The suffixes of files that may be a part."""
    return tuple(dict.fromkeys((*part.suffixes, *_PASTED_SUFFIXES) if part.kind in PASTED else part.suffixes))


def place(
    assignment: Assignment,
    files: Sequence[Part],
    choices: Mapping[str, str],
    own: Mapping[str, Part],
    carried: Mapping[str, Part],
) -> Placement:
    """Give each file to the part that it fits, by what it defines, its name or its kind.

    ``choices`` of the student by file name come first. Without a choice no file replaces what a part has of its
    ``own``, pasted or chosen; it replaces what is ``carried`` over from an earlier attempt.
    """
    return _Placing(assignment, own, carried).place(files, choices)


class _Placing:
    def __init__(self, assignment: Assignment, own: Mapping[str, Part], carried: Mapping[str, Part]) -> None:
        self._assignment = assignment
        self._own = own
        self._carried = carried
        self._patterns = usual_file_names(assignment.parts)
        self._entries = {
            part.name: [
                re.compile(rb"(?:\b|\\n)(?:def|class)\s+%s\b" % re.escape(question.entry.encode()))
                for question in assignment.questions
                if question.entry and part.name in question.parts
            ]
            for part in assignment.parts
            if part.kind is PartKind.CODE
        }
        self._used: dict[str, Part] = {}

    def place(self, files: Sequence[Part], choices: Mapping[str, str]) -> Placement:
        rows: dict[int, PlacedFile] = {}
        names: set[str] = set()
        for position, file in enumerate(files):
            rows[position] = self._examine(file, choices, names)
            if position >= MOST_FILES:
                rows[position] = PlacedFile(file.filename or "", len(file.data), reason=Reason.TOO_MANY)
        open_files = [position for position, row in rows.items() if row.reason is None]
        # The order of the files decides only among files that fit equally well.
        for position in sorted(open_files, key=lambda at: (not rows[at].choice, self._best(files[at])[0], at)):
            if not rows[position].choice.startswith(_JOIN):
                rows[position] = self._use(files[position], rows[position])
        for position in open_files:
            if rows[position].choice.startswith(_JOIN):
                rows[position] = self._join(files[position], rows[position])
        return Placement(self._used, tuple(rows[position] for position in range(len(files))))

    def _examine(self, file: Part, choices: Mapping[str, str], names: set[str]) -> PlacedFile:
        """The file with its choices, or with the reason why no part can take it."""
        name = file.filename or ""
        accepting = list(self._accepting(name))
        fitting = [part for part in accepting if len(file.data) <= part.limit]
        joinable = [
            part for part in fitting if part.kind is PartKind.CODE and name.lower().endswith((".py", *_PASTED_SUFFIXES))
        ]
        row = PlacedFile(
            name,
            len(file.data),
            (*(_USE + part.name for part in fitting), *(_JOIN + part.name for part in joinable), LEAVE_OUT),
        )
        choice = choices.get(name, "")
        if name in names:
            return replace(row, reason=Reason.SAME_NAME, choices=())
        names.add(name)
        if choice == LEAVE_OUT:
            return replace(row, choice=choice, reason=Reason.LEFT_OUT)
        if not accepting:
            return replace(row, reason=_unknown_kind(name))
        if not file.data.strip():
            return replace(row, reason=Reason.EMPTY, choices=(LEAVE_OUT,))
        if not fitting:
            return replace(row, reason=Reason.TOO_LARGE, part=accepting[0].name)
        return replace(row, choice=choice if choice in row.choices else "")

    def _accepting(self, name: str) -> Iterator[PartDefinition]:
        for part in self._assignment.parts:
            if name.lower().endswith(suffixes(part)):
                yield part

    def _best(self, file: Part) -> tuple[tuple[int, int], PartDefinition]:
        """The part that a file fits best, with a rank that is lower for a better fit."""
        name = (file.filename or "").lower()
        ranked = []
        for part in self._accepting(name):
            if len(file.data) > part.limit:
                continue
            entries = self._entries.get(part.name, [])
            patterns = self._patterns[part.name]
            matching = [at for at, pattern in enumerate(patterns) if fnmatchcase(name, pattern)]
            if any(entry.search(file.data) for entry in entries):
                rank = (0, 0)
            elif matching:
                rank = (1, matching[0])
            else:
                rank = (3 if entries and name.endswith(_PASTED_SUFFIXES) else 2, 0)
            ranked.append((rank, part))
        return min(ranked, key=lambda item: item[0])

    def _use(self, file: Part, row: PlacedFile) -> PlacedFile:
        rank, part = self._best(file)
        if row.choice:
            part = self._assignment.part(row.choice.removeprefix(_USE))
        elif part.name in self._own:
            return replace(row, part=part.name, reason=self._helper(rank, part) or Reason.OCCUPIED)
        if part.name in self._used:
            reason = self._helper(rank, part) or Reason.SECOND
            return replace(row, part=part.name, reason=reason, another=self._used[part.name].filename)
        if part.kind is PartKind.ANSWERS:
            try:
                read_answers(file.data)
            except AnswersError as error:
                return replace(row, part=part.name, reason=Reason.UNREADABLE_ANSWERS, detail=str(error))
        self._used[part.name] = file
        return replace(row, part=part.name)

    def _helper(self, rank: tuple[int, int], part: PartDefinition) -> Reason | None:
        """The reason of a file of code that is none of the files that are graded, such as ``utils.py``."""
        return Reason.HELPER if part.kind is PartKind.CODE and rank[0] >= 2 else None

    def _join(self, file: Part, row: PlacedFile) -> PlacedFile:
        name = row.choice.removeprefix(_JOIN)
        code = self._used.get(name) or self._own.get(name) or self._carried.get(name)
        if code is None:
            return replace(row, part=name, reason=Reason.NOTHING_TO_JOIN)
        try:
            joined = joining.join(file, code)
        except joining.NotJoinable:
            return replace(row, part=name, reason=Reason.NOT_JOINABLE)
        if len(joined.data) > self._assignment.part(name).limit:
            return replace(row, part=name, reason=Reason.TOO_LARGE)
        self._used[name] = joined
        return replace(row, part=name, is_joined=True)


def _unknown_kind(name: str) -> Reason:
    suffix = PurePath(name.lower()).suffix
    return Reason.PDF if suffix == ".pdf" else Reason.ARCHIVE if suffix in _ARCHIVES else Reason.UNKNOWN_KIND
