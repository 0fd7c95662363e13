"""SQL of review items."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from app.assignments.models import PublishedAssignment
from app.scores.models import GivenItem, Override, ReviewItem, StoredScore
from app.scores.review_items.models import ReviewItemChange
from app.submissions.models import Submission
from app.users.models import User


def get(session: Session, item_id: int, *, lock: bool = False) -> ReviewItem | None:
    """A review item, on request locked until the transaction ends."""
    query = select(ReviewItem).where(ReviewItem.id == item_id)
    if lock:
        query = query.with_for_update()
    return session.scalar(query, execution_options={"populate_existing": lock})


def of_assignment(session: Session, slug: str) -> list[ReviewItem]:
    """The items of an assignment by question: those with a key by it, the others by age, retired ones last."""
    order = (ReviewItem.question, ReviewItem.retired, ReviewItem.key.is_(None), ReviewItem.key, ReviewItem.id)
    return list(session.scalars(select(ReviewItem).where(ReviewItem.slug == slug).order_by(*order)))


def students(session: Session, item_ids: Collection[int]) -> dict[int, int]:
    """By item the number of active decisions with it."""
    query = (
        select(GivenItem.item_id, func.count())
        .join(Override, Override.id == GivenItem.override_id)
        .where(GivenItem.item_id.in_(item_ids), Override.ended_at.is_(None))
        .group_by(GivenItem.item_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def lock_submissions(session: Session, item_id: int) -> None:
    """Lock the submissions that have an item, so that no decision on them changes before the transaction ends."""
    session.execute(
        select(Submission.id)
        .where(Submission.id.in_(_active(item_id).with_only_columns(Override.submission_id)))
        .order_by(Submission.id)
        .with_for_update()
    )


def decisions(session: Session, item_id: int) -> Sequence[Any]:
    """The active decisions with an item: override, student's login, stored full points, assignment version."""
    query = (
        _active(item_id)
        .join(Submission, Submission.id == Override.submission_id)
        .join(User, User.id == Submission.user_id)
        .join(PublishedAssignment, PublishedAssignment.id == Submission.assignment_id)
        .outerjoin(
            StoredScore,
            (StoredScore.submission_id == Override.submission_id) & (StoredScore.question == Override.question),
        )
        .with_only_columns(Override, User.login, StoredScore.max_score, PublishedAssignment)
        .options(selectinload(Override.items))
        .order_by(User.login, Submission.attempt)
    )
    return session.execute(query, execution_options={"populate_existing": True}).all()


def touch(session: Session, item_id: int) -> None:
    """Increase the revision of every submission that has an item."""
    session.execute(
        update(Submission)
        .where(Submission.id.in_(_active(item_id).with_only_columns(Override.submission_id)))
        .values(revision=Submission.revision + 1),
        execution_options={"synchronize_session": False},
    )


def has_submission_of(session: Session, item_id: int, user_id: int) -> bool:
    """Whether a submission of this person has an item."""
    own = _active(item_id).join(Submission, Submission.id == Override.submission_id)
    return session.scalar(own.where(Submission.user_id == user_id).with_only_columns(Override.id).limit(1)) is not None


def changes(session: Session, item_id: int) -> list[ReviewItemChange]:
    """The changes of an item, newest first."""
    query = select(ReviewItemChange).where(ReviewItemChange.item_id == item_id).order_by(ReviewItemChange.id.desc())
    return list(session.scalars(query.options(joinedload(ReviewItemChange.by))))


def changed(session: Session, item_ids: Collection[int]) -> set[int]:
    """Those of these items that were ever changed."""
    query = select(ReviewItemChange.item_id).where(ReviewItemChange.item_id.in_(item_ids))
    return set(session.scalars(query.distinct()))


def _active(item_id: int) -> Select[Any]:
    return (
        select(Override)
        .join(GivenItem, GivenItem.override_id == Override.id)
        .where(GivenItem.item_id == item_id, Override.ended_at.is_(None))
    )
