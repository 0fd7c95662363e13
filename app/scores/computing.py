"""Stored evidence into stored points. Nothing else writes scores, so that all of them can be computed again."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.assignments.models import PublishedAssignment
from app.db.base import now
from app.scores.models import StoredScore
from app.submissions.models import StoredEvidence
from grader import evidence as evidences
from grader import scoring
from grader.evidence import AnyEvidence
from grader.scoring import QuestionScore


def plain(value: Any) -> Any:
    """JSON data that every database and every reader takes.

    Student code decides some of these texts and numbers: lone surrogates have no UTF-8 and become question marks, NaN
    and the infinities have no JSON and become their names.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def messages(result: QuestionScore) -> list[Any]:
    """A result's messages as they are stored."""
    return [plain(message.model_dump(mode="python")) for message in result.messages]


def store_evidence(session: Session, row: StoredEvidence, evidence: AnyEvidence) -> StoredEvidence:
    """Fill a new evidence row and add it."""
    row.schema_version = evidence.schema_version
    row.data = plain(evidence.model_dump(mode="python"))
    session.add(row)
    session.flush()
    return row


def score(session: Session, evidence: StoredEvidence, rubric: PublishedAssignment) -> StoredScore:
    """Compute and store the points of one question from its evidence, replacing what was computed before."""
    result = scoring.score(assignments.definition(rubric), evidence.question, evidences.parse(evidence.data))
    return session.merge(
        StoredScore(
            submission_id=evidence.submission_id,
            question=evidence.question,
            evidence_id=evidence.id,
            rubric_id=rubric.id,
            score=result.score,
            max_score=result.max_score,
            verdict=result.verdict,
            fault=result.fault,
            messages=messages(result),
            computed_at=now(),
        )
    )
