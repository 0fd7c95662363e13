"""Comment on a question without a change of its points, in the caller's transaction."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.audit import service as audit
from app.auth.viewer import Viewer
from app.db.base import now
from app.problems import NotFound
from app.scores.comments import repository
from app.scores.comments.models import Comment, SavedComment
from app.scores.service import QuestionNotFound, check_not_own, standing
from app.submissions import repository as submissions
from app.submissions import service as submission_service


class CommentNotFound(NotFound):
    """There is no such comment."""

    slug = "comment-not-found"


def add(session: Session, viewer: Viewer, submission_id: uuid.UUID, number: str, text: str) -> Comment:
    """Comment on a question of a submission. Raises `SubmissionNotFound`, `OwnScore` or `QuestionNotFound`."""
    submission = submission_service.find(session, viewer, submission_id, lock=True)
    check_not_own(viewer, submission.user_id)
    standing(session, submission, number)
    comment = Comment(submission_id=submission.id, question=number, text=text, by_id=viewer.user_id)
    session.add(comment)
    audit.record(session, viewer.login, "comment.add", f"{submission.id}/{number}", text=text)
    session.flush()
    submissions.touch(session, submission.id)
    return comment


def remove(session: Session, viewer: Viewer, submission_id: uuid.UUID, comment_id: int) -> Comment:
    """Remove a comment. Raises `SubmissionNotFound`, `OwnScore` or `CommentNotFound`."""
    submission = submission_service.find(session, viewer, submission_id, lock=True)
    check_not_own(viewer, submission.user_id)
    comment = repository.get(session, submission_id, comment_id)
    if comment is None:
        raise CommentNotFound
    comment.removed_at = now()
    audit.record(session, viewer.login, "comment.remove", f"{submission.id}/{comment.question}", text=comment.text)
    session.flush()
    submissions.touch(session, submission.id)
    return comment


def saved(session: Session, slug: str) -> list[SavedComment]:
    """The saved comments of an assignment, by question. Raises `AssignmentNotFound`."""
    assignments.current(session, slug)
    return repository.saved(session, slug)


def save(session: Session, viewer: Viewer, slug: str, number: str, text: str) -> SavedComment:
    """Save a comment on a question for reuse; an equal one stays alone.

    Raises `AssignmentNotFound` or `QuestionNotFound`.
    """
    if number not in {question.number for question in assignments.current_definition(session, slug).questions}:
        raise QuestionNotFound(f"{slug} has no question {number[:16]!r}.")
    for comment in repository.saved(session, slug):
        if (comment.question, comment.text) == (number, text):
            return comment
    comment = SavedComment(slug=slug, question=number, text=text, by_id=viewer.user_id)
    session.add(comment)
    session.flush()
    audit.record(session, viewer.login, "saved_comment.add", str(comment.id), assignment=slug, question=number)
    return comment


def forget(session: Session, viewer: Viewer, slug: str, comment_id: int) -> None:
    """Delete a saved comment; students keep what they were told. Raises `CommentNotFound`."""
    comment = repository.get_saved(session, comment_id)
    if comment is None or comment.slug != slug:
        raise CommentNotFound
    session.delete(comment)
    audit.record(session, viewer.login, "saved_comment.delete", str(comment_id), text=comment.text)
    session.flush()
