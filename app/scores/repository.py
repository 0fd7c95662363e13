"""SQL of points."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, joinedload, selectinload

from app.scores.models import Override, ReviewItem, StoredScore
from app.submissions.extensions import repository as extensions

_CHUNK = 500


def computed(
    session: Session, submission_ids: Collection[uuid.UUID], *, evidence: bool = False
) -> dict[uuid.UUID, dict[str, StoredScore]]:
    """The computed scores by submission and question, on request with their evidence."""
    scores: dict[uuid.UUID, dict[str, StoredScore]] = defaultdict(dict)
    for chunk in _chunks(submission_ids):
        query = select(StoredScore).where(StoredScore.submission_id.in_(chunk))
        if evidence:
            query = query.options(joinedload(StoredScore.evidence))
        for score in session.scalars(query):
            scores[score.submission_id][score.question] = score
    return scores


def replace(session: Session, values: Sequence[Mapping[str, Any]]) -> None:
    """Store computed scores in place of those of the same submission and question. The session must hold none."""
    if not values:
        return
    insert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    query = insert(StoredScore)
    key = ["submission_id", "question"]
    replaced = {name: query.excluded[name] for name in values[0] if name not in key}
    session.execute(query.on_conflict_do_update(index_elements=key, set_=replaced), values)


def overrides(session: Session, submission_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[str, Override]]:
    """The active overrides by submission and question."""
    overrides: dict[uuid.UUID, dict[str, Override]] = defaultdict(dict)
    for chunk in _chunks(submission_ids):
        query = select(Override).where(Override.submission_id.in_(chunk), Override.ended_at.is_(None))
        for override in session.scalars(query.options(joinedload(Override.by), selectinload(Override.items))):
            overrides[override.submission_id][override.question] = override
    return overrides


def submission_times(
    session: Session, submission_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, tuple[datetime, datetime | None]]:
    """The time of each submission, and the extended deadline of its student or ``None``."""
    times: dict[uuid.UUID, tuple[datetime, datetime | None]] = {}
    for chunk in _chunks(submission_ids):
        times |= extensions.of_submissions(session, chunk)
    return times


def override_history(session: Session, submission_id: uuid.UUID) -> list[Override]:
    """Every override of a submission, active or ended, oldest first."""
    query = select(Override).where(Override.submission_id == submission_id).order_by(Override.id)
    whole = query.options(joinedload(Override.by), joinedload(Override.ended_by), selectinload(Override.items))
    return list(session.scalars(whole))


def last_override(session: Session, submission_id: uuid.UUID, question: str) -> Override | None:
    """The latest override of a question, active or ended."""
    query = select(Override).where(Override.submission_id == submission_id, Override.question == question)
    return session.scalar(query.order_by(Override.id.desc()).limit(1))


def predecessor(session: Session, override: Override) -> Override | None:
    """The override that this one replaced, or ``None``."""
    query = select(Override).where(
        Override.submission_id == override.submission_id,
        Override.question == override.question,
        Override.id < override.id,
        Override.ended_at == override.at,
    )
    return session.scalar(query.order_by(Override.id.desc()).limit(1))


def items(session: Session, item_ids: Collection[int]) -> list[ReviewItem]:
    """These review items as they are now; none of them changes before the transaction ends."""
    query = select(ReviewItem).where(ReviewItem.id.in_(item_ids)).order_by(ReviewItem.id)
    return list(session.scalars(query.with_for_update(read=True), execution_options={"populate_existing": True}))


def _chunks(ids: Collection[uuid.UUID]) -> list[list[uuid.UUID]]:
    """The ids in lists short enough for one statement: both databases limit its parameters."""
    all_ids = list(ids)
    return [all_ids[start : start + _CHUNK] for start in range(0, len(all_ids), _CHUNK)]
