"""A hostile hand-in as a file: the code, and in its first lines what must come of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.assignment import Assignment
from grader.evidence import CodeEvidence, Outcome
from grader.handin import HandIn, Part
from grader.scoring import Verdict

FOLDER = Path(__file__).with_name("submissions")
_LINE = re.compile(r"# ([a-z-]+): (.+)")
_PARTS = {"1.1": "model", "2.1": "loss"}
LOWERED = {"cpu_seconds": 4, "wall_seconds": 20, "idle_seconds": 60, "memory_mb": 600, "output_mb": 1, "threads": 64}
"""Limits with which running into them takes seconds. What sleeps meets the wall time."""
_OPTIONAL = {"error", "limit", "stage", "says", "prints", "wall", "expected-later"}


@dataclass(frozen=True)
class Submission:
    """One file and its expectation.

    ``error`` is the exception's type, ``limit`` the limit that was hit, ``stage`` where it failed, ``says`` a piece of
    the error's message, ``prints`` a piece of what the code printed, ``wall`` a shorter wall time in seconds,
    ``expected-later`` the issue that will make the expectation hold.
    """

    path: Path
    question: str
    outcome: Outcome
    verdict: Verdict
    expected: Mapping[str, str]

    @property
    def name(self) -> str:
        """The group and the outcome that the file is named by."""
        return f"{self.path.parent.name}/{self.path.stem}"

    def hand_in(self) -> HandIn:
        """The file as a student would hand it in."""
        return HandIn({_PARTS[self.question]: Part(self.path.read_bytes(), self.path.name)})

    def limits_of(self, assignment: Assignment) -> Assignment:
        """The assignment with this file's own limits: more time where something else than time must end it.

        Otherwise a slow machine would decide whether, say, memory or CPU time ends first.
        """
        limits = dict(assignment.sandbox)
        if self.outcome in (Outcome.MEMORY, Outcome.DIED, Outcome.ERROR):
            limits |= {"cpu_seconds": 30, "wall_seconds": 90}
        if self.expected.get("limit") == "CPU time":
            limits["wall_seconds"] = 200
        if "wall" in self.expected:
            limits["wall_seconds"] = float(self.expected["wall"])
        return assignment.model_copy(update={"sandbox": limits})

    def differences(self, evidence: CodeEvidence, verdict: Verdict, points: float) -> dict[str, object]:
        """What came out otherwise than the file says; empty when all is as expected."""
        error, limit = evidence.error, evidence.limit
        found: dict[str, object] = {"outcome": evidence.outcome, "verdict": verdict}
        wanted: dict[str, object] = {"outcome": self.outcome, "verdict": self.verdict}
        if self.verdict is not Verdict.FULL:
            found["points"], wanted["points"] = points, 0.0
        seen = {
            "error": error.type if error else None,
            "limit": limit.limit if limit else None,
            "stage": evidence.stage,
        }
        for name in seen.keys() & self.expected.keys():
            found[name], wanted[name] = seen[name], self.expected[name]
        if self.expected.get("says", "") not in (error.message if error else ""):
            found["says"] = error
        if self.expected.get("prints", "") not in evidence.stdout:
            found["prints"] = evidence.stdout[:500]
        return {name: value for name, value in found.items() if wanted.get(name) != value}


def read(path: Path) -> Submission:
    """Read a file's expectation. Raises ``ValueError`` for one that is not complete or not known."""
    header: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            break
        header[match[1]] = match[2]
    try:
        question, outcome, verdict = (
            header.pop("question"),
            Outcome(header.pop("outcome")),
            Verdict(header.pop("verdict")),
        )
    except KeyError as error:
        raise ValueError(f"{path} does not say its {error}") from error
    if question not in _PARTS or header.keys() - _OPTIONAL:
        raise ValueError(f"{path} says what nobody knows: {question}, {header}")
    return Submission(path, question, outcome, verdict, header)


def everything() -> list[Submission]:
    """Every hostile hand-in, in the order of groups and names."""
    return [read(path) for path in sorted(FOLDER.glob("*/*.py"))]
