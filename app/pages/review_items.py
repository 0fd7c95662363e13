"""The review items of an assignment: add, and change for everyone who has them, after a preview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.http.authentication import StaffViewer
from app.http.sessions import Db, ReadSession
from app.language import CHINESE, DEFAULT
from app.pages.class_pages import class_page
from app.problems import Problem, Unprocessable
from app.scores.comments import service as comments
from app.scores.review_items import service
from app.scores.review_items.schemas import ItemPreview, ItemValues, NewItem
from app.scores.service import ReviewItemNotFound

router = APIRouter(prefix="/dashboard/{slug}/review-items")
ItemId = Annotated[int, Path(ge=1, le=2**31 - 1)]
_Text = Annotated[str, Form(max_length=2000)]
_Model = TypeVar("_Model", NewItem, ItemValues)


@dataclass(frozen=True)
class Typed:
    """The fields of an item's form as they were typed; ``item`` is 0 in the form of a new one."""

    item: int
    question: str
    english: str
    chinese: str
    deduction: str
    key: str
    retired: bool = False
    revision: int = 0

    def read(self, model: type[_Model], **more: str) -> _Model:
        """Validate the fields as the API does. Raises `Unprocessable` with a sentence."""
        text = {DEFAULT: self.english, CHINESE: self.chinese}
        values = {"text": text, "deduction": self.deduction, "key": self.key or None, "retired": self.retired, **more}
        try:
            return model.model_validate(values)
        except ValidationError as error:
            raise Unprocessable("; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())) from None


@router.get("")
def items(
    request: Request,
    viewer: StaffViewer,
    session: ReadSession,
    slug: str,
    question: Annotated[str, Query(max_length=16)] = "",
) -> HTMLResponse:
    """The items of a question, or of all, and the forms to change them."""
    return _page(request, session, viewer, slug, question)


@router.post("")
def create(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    question: Annotated[str, Form(max_length=16)],
    english: _Text = "",
    chinese: _Text = "",
    deduction: Annotated[str, Form(max_length=20)] = "",
    key: Annotated[str, Form(max_length=2)] = "",
) -> Response:
    """Add an item."""
    typed = Typed(0, question, english, chinese, deduction, key)
    try:
        with database.write() as session:
            service.create(session, viewer, slug, typed.read(NewItem, question=question))
    except Problem as problem:
        with database.read() as session:
            return _page(request, session, viewer, slug, question, problem, typed)
    return _to_items(slug, question)


@router.post("/{item_id}")
def change(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    item_id: ItemId,
    action: Annotated[Literal["preview", "publish"], Form()],
    question: Annotated[str, Form(max_length=16)] = "",
    english: _Text = "",
    chinese: _Text = "",
    deduction: Annotated[str, Form(max_length=20)] = "",
    key: Annotated[str, Form(max_length=2)] = "",
    retired: Annotated[bool, Form()] = False,
    revision: Annotated[int, Form(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    """Preview a change of an item, or publish it."""
    typed = Typed(item_id, question, english, chinese, deduction, key, retired, revision)
    try:
        values = typed.read(ItemValues)
        if action == "publish":
            with database.write() as session:
                _check_slug(session, slug, item_id)
                service.change(session, viewer, item_id, values, revision=revision or None)
            return _to_items(slug, question)
        with database.read() as session:
            _check_slug(session, slug, item_id)
            preview = service.preview(session, service.find(session, item_id), values)
            return _page(request, session, viewer, slug, question, typed=typed, preview=preview)
    except Problem as problem:
        with database.read() as session:
            return _page(request, session, viewer, slug, question, problem, typed)


@router.post("/{item_id}/revert")
def revert(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    item_id: ItemId,
    question: Annotated[str, Form(max_length=16)] = "",
    revision: Annotated[int, Form(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    """Change an item back to its former values for everyone who has it."""
    try:
        with database.write() as session:
            _check_slug(session, slug, item_id)
            service.revert(session, viewer, item_id, revision=revision or None)
    except Problem as problem:
        with database.read() as session:
            return _page(request, session, viewer, slug, question, problem)
    return _to_items(slug, question)


@router.post("/saved-comments/{comment_id}")
def forget_comment(
    viewer: StaffViewer,
    database: Db,
    slug: str,
    comment_id: ItemId,
    question: Annotated[str, Form(max_length=16)] = "",
) -> Response:
    """Delete a saved comment."""
    with database.write() as session:
        comments.forget(session, viewer, slug, comment_id)
    return _to_items(slug, question)


def _check_slug(session: Session, slug: str, item_id: int) -> None:
    if service.find(session, item_id).slug != slug:
        raise ReviewItemNotFound


def _to_items(slug: str, question: str) -> RedirectResponse:
    query = f"?question={quote(question)}" if question else ""
    return RedirectResponse(f"/dashboard/{quote(slug)}/review-items{query}", status_code=303)


def _page(
    request: Request,
    session: Session,
    viewer: Viewer,
    slug: str,
    question: str,
    problem: Problem | None = None,
    typed: Typed | None = None,
    preview: ItemPreview | None = None,
) -> HTMLResponse:
    definition = assignments.current_definition(session, slug)
    rows = service.list_items(session, slug)
    numbers = [one.number for one in definition.questions]
    shown = [one for one in definition.questions if question in ("", one.number)]
    return class_page(
        request,
        "review_items.html",
        session,
        viewer,
        definition,
        problem,
        numbers=numbers,
        chosen=question,
        questions=[(one, [row for row in rows if row.question == one.number]) for one in shown],
        typed=typed,
        preview=preview,
        saved_comments=comments.saved(session, slug),
        former=_former(session, [row.id for row in rows if row.revision > 1]),
        languages=(DEFAULT, CHINESE),
    )


def _former(session: Session, item_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """By changed item the values before its last change."""
    return {item_id: service.former_values(session, item_id).model_dump() for item_id in item_ids}
