"""Comments of graders on questions, and saved comments. For the staff; students read them in the report."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app import problems
from app.http.authentication import StaffViewer
from app.http.sessions import ReadSession, WriteSession
from app.reports.schemas import CommentView
from app.scores.comments import service
from app.scores.comments.models import Comment, SavedComment

router = APIRouter(tags=["comments"], responses=problems.documented(401, 403, 404, 422))
CommentId = Annotated[int, Path(ge=1, le=2**31 - 1)]
_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]


class NewComment(BaseModel):
    """The text of a comment."""

    model_config = ConfigDict(extra="forbid")

    text: _Words


class NewSavedComment(NewComment):
    """A comment to save for a question."""

    question: Annotated[str, Field(max_length=16)]


class SavedCommentView(BaseModel):
    """A saved comment."""

    id: int
    question: str
    text: str
    by: str
    at: datetime


@router.post("/submissions/{submission_id}/questions/{number}/comments", status_code=201)
def create_comment(
    viewer: StaffViewer, session: WriteSession, submission_id: uuid.UUID, number: str, new: NewComment
) -> CommentView:
    """Comment on a question. Its points and verdict stay; the student reads the comment in the report."""
    return _view(service.add(session, viewer, submission_id, number, new.text))


@router.delete("/submissions/{submission_id}/comments/{comment_id}", status_code=204)
def remove_comment(viewer: StaffViewer, session: WriteSession, submission_id: uuid.UUID, comment_id: CommentId) -> None:
    """Remove a comment from the report."""
    service.remove(session, viewer, submission_id, comment_id)


@router.get("/assignments/{slug}/saved-comments")
def list_saved_comments(viewer: StaffViewer, session: ReadSession, slug: str) -> list[SavedCommentView]:
    """The saved comments of an assignment, by question."""
    return [_saved(row) for row in service.saved(session, slug)]


@router.post("/assignments/{slug}/saved-comments", status_code=201)
def create_saved_comment(
    viewer: StaffViewer, session: WriteSession, slug: str, new: NewSavedComment
) -> SavedCommentView:
    """Save a comment for reuse by all graders. An equal one of the same question stays alone."""
    return _saved(service.save(session, viewer, slug, new.question, new.text))


@router.delete("/assignments/{slug}/saved-comments/{comment_id}", status_code=204)
def remove_saved_comment(viewer: StaffViewer, session: WriteSession, slug: str, comment_id: CommentId) -> None:
    """Delete a saved comment. Reports that have its text keep it."""
    service.forget(session, viewer, slug, comment_id)


def _view(row: Comment) -> CommentView:
    return CommentView(id=row.id, text=row.text, by=row.by.login, at=row.at)


def _saved(row: SavedComment) -> SavedCommentView:
    return SavedCommentView(id=row.id, question=row.question, text=row.text, by=row.by.login, at=row.at)
