"""Compute points from stored evidence. Only this file writes scores, so all of them can be computed again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.assignments.models import PublishedAssignment
from app.db.base import now
from app.scores import repository
from app.submissions.models import Run, StoredEvidence
from grader import scoring
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


def store_evidence(session: Session, run: Run, evidence: Mapping[str, Evidence]) -> dict[str, StoredEvidence]:
    """Add the evidence of a run by question. Returns the rows by question."""
    rows = {
        number: StoredEvidence(
            run_id=run.id,
            submission_id=run.submission_id,
            question=number,
            schema_version=item.schema_version,
            data=json_safe(item.model_dump(mode="python")),
        )
        for number, item in evidence.items()
    }
    session.add_all(rows.values())
    session.flush()
    return rows


def store_scores(
    session: Session,
    rows: Mapping[str, StoredEvidence],
    evidence: Mapping[str, Evidence],
    rubric: PublishedAssignment,
) -> dict[str, QuestionScore]:
    """Compute the points of questions from their evidence, and store them in place of earlier ones."""
    assignment = assignments.definition(rubric)
    scores = {number: scoring.score(assignment, number, evidence[number]) for number in rows}
    repository.replace(
        session,
        [
            {
                "submission_id": row.submission_id,
                "question": number,
                "evidence_id": row.id,
                "rubric_id": rubric.id,
                "score": scores[number].score,
                "max_score": scores[number].max_score,
                "verdict": scores[number].verdict,
                "fault": scores[number].fault,
                "messages": stored_messages(scores[number]),
                "computed_at": now(),
            }
            for number, row in rows.items()
        ],
    )
    return scores


def store(session: Session, run: Run, evidence: Mapping[str, Evidence], rubric: PublishedAssignment) -> None:
    """Add evidence of a run, and compute the points from it."""
    store_scores(session, store_evidence(session, run, evidence), evidence, rubric)
