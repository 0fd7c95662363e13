"""SQL of comments."""

from __future__ import annotations

import uuid
from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.scores.comments.models import Comment, SavedComment


def of_submission(session: Session, submission_id: uuid.UUID) -> dict[str, list[Comment]]:
    """The comments on a submission by question, oldest first."""
    query = select(Comment).where(Comment.submission_id == submission_id, Comment.removed_at.is_(None))
    comments: dict[str, list[Comment]] = defaultdict(list)
    for comment in session.scalars(query.options(joinedload(Comment.by)).order_by(Comment.id)):
        comments[comment.question].append(comment)
    return comments


def get(session: Session, submission_id: uuid.UUID, comment_id: int) -> Comment | None:
    """A comment on a submission that is not removed."""
    query = select(Comment).where(Comment.id == comment_id, Comment.submission_id == submission_id)
    return session.scalar(query.where(Comment.removed_at.is_(None)))


def saved(session: Session, slug: str) -> list[SavedComment]:
    """The saved comments of an assignment by question, oldest first."""
    query = select(SavedComment).where(SavedComment.slug == slug).order_by(SavedComment.question, SavedComment.id)
    return list(session.scalars(query.options(joinedload(SavedComment.by))))


def get_saved(session: Session, comment_id: int) -> SavedComment | None:
    """A saved comment."""
    return session.get(SavedComment, comment_id)
