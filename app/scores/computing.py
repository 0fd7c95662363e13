"""Compute points from stored evidence. Only this file writes scores, so all of them can be computed again."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.assignments.models import PublishedAssignment
from app.db.base import now
from app.scores.models import StoredScore
from app.submissions.models import StoredEvidence
from grader import scoring, stored_evidence
from grader.evidence import Evidence
from grader.scoring import QuestionScore


def json_safe(value: Any) -> Any:
    """JSON data that both databases store.

    Student code controls some of these values. Lone surrogates, which UTF-8 excludes, become question marks; NaN and
    the infinities, which JSON excludes, become their names.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {json_safe(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def stored_messages(result: QuestionScore) -> list[Any]:
    """The messages of a result in their stored form."""
    return [json_safe(message.model_dump(mode="python")) for message in result.messages]


def store_evidence(session: Session, row: StoredEvidence, evidence: Evidence) -> StoredEvidence:
    """Fill a new evidence row and add it."""
    row.schema_version = evidence.schema_version
    row.data = json_safe(evidence.model_dump(mode="python"))
    session.add(row)
    session.flush()
    return row


def store_score(session: Session, evidence: StoredEvidence, rubric: PublishedAssignment) -> StoredScore:
    """Compute the points of one question from its evidence, and store them in place of earlier ones."""
    result = scoring.score(assignments.definition(rubric), evidence.question, stored_evidence.parse(evidence.data))
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
            messages=stored_messages(result),
            computed_at=now(),
        )
    )
