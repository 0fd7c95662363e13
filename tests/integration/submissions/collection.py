"""Reading the collection, and grading one of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from grader import pipeline, scoring
from grader.assignment import Assignment
from grader.sandbox.supervisor import Sandbox
from grader.scoring import QuestionScore
from grader.submission import Part, SubmittedParts
from tests.integration.submissions.pastes import PASTES

FOLDER = Path(__file__).parent
LIMITS = {"cpu_seconds": 15, "wall_seconds": 90, "memory_mb": 1500}
_HEAD = re.compile(r"=== (\S+) (\w+)(?: ([\d.]+))?(?: ([a-z_.0-9]+))?: (.+)")
_PARTS = {"1.1": "model", "2.1": "loss"}


@dataclass(frozen=True)
class Entry:
    """One submission of one part, and what must come of it."""

    title: str
    question: str
    data: bytes
    verdict: str
    points: float | None = None
    message: str | None = None

    def grade(self, assignment: Assignment, sandbox: Sandbox) -> QuestionScore:
        """Through the engine's first part, as everything that is handed in."""
        small = assignment.model_copy(update={"sandbox": LIMITS})
        grading = pipeline.run_first_stage(small, SubmittedParts({_PARTS[self.question]: Part(self.data)}), sandbox)
        return scoring.score(assignment, self.question, grading.evidence[self.question])

    def agrees(self, score: QuestionScore) -> bool:
        """Whether verdict, points and message are the expected ones."""
        points = score.max_score if self.verdict == "full" else self.points
        told = {message.id for message in score.messages}
        return score.verdict == self.verdict and points in (None, score.score) and {self.message} - {None} <= told


def read(name: str) -> list[Entry]:
    """The entries of one of the text files."""
    entries: list[Entry] = []
    head: re.Match[str] | None = None
    body: list[str] = []
    for line in [*(FOLDER / name).read_text(encoding="utf-8").split("\n"), None]:
        found = None if line is None else _HEAD.fullmatch(line)
        if line is not None and found is None:
            body.append(line)
            continue
        if head is not None:
            points = None if head[3] is None else float(head[3])
            entries.append(Entry(head[5], head[1], "\n".join(body).encode(), head[2], points, head[4]))
        head, body = found, []
    return entries


def pastes() -> list[Entry]:
    """One right loss as other programs bring it."""
    return [
        Entry(title, "2.1", text if isinstance(text, bytes) else text.encode(), verdict)
        for title, (text, verdict) in PASTES.items()
    ]


def everything() -> list[Entry]:
    """The whole collection."""
    return [*read("models.txt"), *read("losses.txt"), *read("kinds.txt"), *pastes(), *read("attacks.txt")]
