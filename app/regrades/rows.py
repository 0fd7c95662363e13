"""Rows of the table of scores as plain data, before and after a regrade, and their differences."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.regrades.models import Kind
from app.submissions.models import State
from grader.evidence import Fault
from grader.scoring import Verdict


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The columns of one stored score, without its key. ``computed_at`` is set when the row is published."""

    evidence_id: int
    rubric_id: int
    score: float
    max_score: float
    verdict: Verdict
    fault: Fault | None
    messages: list[Any]
    computed_at: datetime | None

    def data(self) -> dict[str, Any]:
        """As JSON data that keeps floats and times exactly."""
        return {
            "evidence_id": self.evidence_id,
            "rubric_id": self.rubric_id,
            "score": self.score,
            "max_score": self.max_score,
            "verdict": self.verdict.value,
            "fault": self.fault.value if self.fault else None,
            "messages": self.messages,
            "computed_at": self.computed_at.isoformat() if self.computed_at else None,
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> ScoreRow:
        """Read `data` back."""
        at = data["computed_at"]
        return cls(
            evidence_id=data["evidence_id"],
            rubric_id=data["rubric_id"],
            score=float(data["score"]),
            max_score=float(data["max_score"]),
            verdict=Verdict(data["verdict"]),
            fault=Fault(data["fault"]) if data["fault"] else None,
            messages=data["messages"],
            computed_at=datetime.fromisoformat(at) if at else None,
        )

    def columns(self, published_at: datetime) -> dict[str, Any]:
        """The columns to store; a row that is published for the first time gets the time of publication."""
        return {name: getattr(self, name) for name in self.__slots__} | {
            "computed_at": self.computed_at or published_at,
        }

    @property
    def message_ids(self) -> list[str]:
        """The ids of the messages, in their order."""
        return [message["id"] for message in self.messages]


def basis(state: State, run_id: int | None, assignment_id: int, rows: Mapping[str, ScoreRow]) -> str:
    """SHA-256 over everything that a submission's result rests on. Equal digests mean that nothing changed."""
    scores = [(number, row.evidence_id, row.rubric_id, str(row.computed_at)) for number, row in sorted(rows.items())]
    return hashlib.sha256(json.dumps([state.value, run_id, assignment_id, scores]).encode()).hexdigest()


@dataclass(frozen=True)
class Change:
    """The change of a regrade to one question of one submission. See `app.regrades.models.RegradeChange`.

    ``percents`` are the late deductions before and after: a change without rows.
    """

    submission_id: uuid.UUID
    question: str
    before: ScoreRow | None
    after: ScoreRow | None
    reason: str | None
    percents: tuple[float, float] | None = None

    def values(self, regrade_id: uuid.UUID) -> dict[str, Any]:
        """As a row of the changes' table."""
        points = (self.before.score if self.before else None, self.after.score if self.after else None)
        old, new = self.percents or points
        return {
            "regrade_id": regrade_id,
            "submission_id": self.submission_id,
            "question": self.question,
            "before": self.before.data() if self.before else None,
            "after": self.after.data() if self.after else None,
            "old": old,
            "new": new,
            "reason": self.reason,
        }


def compare(
    submission_id: uuid.UUID, question: str, before: ScoreRow | None, after: ScoreRow | None, kind: Kind, cause: str
) -> Change | None:
    """The change from one row to the other, or ``None`` when nothing that counts is different.

    ``cause`` names the new version or grader. Messages of a new measurement hold times and seeds that always differ, so
    for a remeasure only the ids of messages are compared.
    """
    if before is None and after is None:
        return None
    differences = _differences(before, after, kind)
    if not differences:
        # Worth a row only when the result rests on new evidence.
        if before is None or after is None or before.evidence_id == after.evidence_id:
            return None
        return Change(submission_id, question, before, after, None)
    return Change(submission_id, question, before, after, f"{cause}: {'; '.join(differences)}")


def _differences(before: ScoreRow | None, after: ScoreRow | None, kind: Kind) -> list[str]:
    if before is None or after is None:
        return ["the question is new" if before is None else "the question was removed"]
    said = []
    if (before.score, before.max_score) != (after.score, after.max_score):
        said.append(f"{before.score:g} of {before.max_score:g} points become {after.score:g} of {after.max_score:g}")
    if before.verdict is not after.verdict:
        said.append(f"verdict {before.verdict.value} becomes {after.verdict.value}")
    if before.fault is not after.fault:
        said.append(f"fault {before.fault or 'none'} becomes {after.fault or 'none'}")
    old, new = before.message_ids, after.message_ids
    if old != new:
        gone = [f"without {name}" for name in old if name not in new]
        come = [f"with {name}" for name in new if name not in old]
        said.append(f"messages {', '.join(gone + come) or 'in another order'}")
    elif kind is Kind.RESCORE and before.messages != after.messages:
        said.append("the texts of the messages change")
    return said
