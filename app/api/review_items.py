"""``/review-items``: what graders tick at the review of a question. For the staff."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app import problems
from app.api.if_match import IfMatch, check_if_match
from app.http import conditional
from app.http.authentication import StaffViewer
from app.http.request_language import Language
from app.http.sessions import ReadSession, WriteSession
from app.reports import service as reports
from app.reports.schemas import QuestionReport
from app.scores import service as scores
from app.scores.review_items import service
from app.scores.review_items.schemas import ItemChange, ItemPreview, ItemValues, ItemView, NewItem

router = APIRouter(tags=["review items"], responses=problems.documented(401, 403, 404, 422))
ItemId = Annotated[int, Path(ge=1, le=2**31 - 1)]
IfItemMatch = Annotated[
    list[str] | None,
    Header(alias="If-Match", description="The item's `ETag`. 412 if the item has changed since."),
]


class GivenItems(BaseModel):
    """The ids of review items, and a remark that the student reads; it may be empty."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[Annotated[int, Field(ge=1, le=2**31 - 1)]], Field(max_length=50)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"^[^\x00]*$")] = ""


@router.get("/assignments/{slug}/review-items")
def list_review_items(viewer: StaffViewer, session: ReadSession, slug: str) -> list[ItemView]:
    """The review items of an assignment, by question and key."""
    return service.list_items(session, slug)


@router.post("/assignments/{slug}/review-items", status_code=201, responses=problems.documented(409))
def create_review_item(viewer: StaffViewer, session: WriteSession, slug: str, new: NewItem) -> ItemView:
    """Add a review item to a question."""
    return service.view(session, service.create(session, viewer, slug, new))


@router.get("/review-items/{item_id}")
def get_review_item(viewer: StaffViewer, session: ReadSession, response: Response, item_id: ItemId) -> ItemView:
    """A review item. Its `ETag` is for `If-Match`."""
    item = service.find(session, item_id)
    response.headers["ETag"] = _tag(item.revision)
    return service.view(session, item)


@router.get("/review-items/{item_id}/changes")
def list_review_item_changes(viewer: StaffViewer, session: ReadSession, item_id: ItemId) -> list[ItemChange]:
    """The published changes of an item, newest first."""
    return service.changes(session, item_id)


@router.post("/review-items/{item_id}/preview", responses=problems.documented(409))
def preview_review_item(viewer: StaffViewer, session: ReadSession, item_id: ItemId, values: ItemValues) -> ItemPreview:
    """Whose points a change of an item would change, and by how much. Nothing is stored."""
    return service.preview(session, service.find(session, item_id), values)


@router.put("/review-items/{item_id}", responses=problems.documented(409, 412))
def set_review_item(
    viewer: StaffViewer,
    session: WriteSession,
    response: Response,
    item_id: ItemId,
    values: ItemValues,
    if_match: IfItemMatch = None,
) -> ItemPreview:
    """Change an item for everyone who has it, at once."""
    result = service.change(session, viewer, item_id, values, revision=_revision(session, item_id, if_match))
    response.headers["ETag"] = _tag(result.revision)
    return result


@router.post("/review-items/{item_id}/revert", responses=problems.documented(409, 412))
def revert_review_item(
    viewer: StaffViewer, session: WriteSession, response: Response, item_id: ItemId, if_match: IfItemMatch = None
) -> ItemPreview:
    """Change an item back to its values before the last change, for everyone who has it now."""
    result = service.revert(session, viewer, item_id, revision=_revision(session, item_id, if_match))
    response.headers["ETag"] = _tag(result.revision)
    return result


@router.put("/submissions/{submission_id}/questions/{number}/review-items", responses=problems.documented(412))
def set_given_items(
    viewer: StaffViewer,
    session: WriteSession,
    submission_id: uuid.UUID,
    number: str,
    given: GivenItems,
    lang: Language,
    if_match: IfMatch = None,
) -> QuestionReport:
    """Give review items to a question of a submission; its points are the full ones less their deductions."""
    scores.lock_items(session, given.items)
    check_if_match(session, viewer, submission_id, number, if_match, lang)
    scores.give_items(session, viewer, submission_id, number, given.items, reason=given.reason)
    report = reports.load_report(session, viewer, submission_id, lang)
    return next(question for question in report.questions if question.number == number)


def _tag(revision: int) -> str:
    return f'"{revision}"'


def _revision(session: WriteSession, item_id: int, if_match: list[str] | None) -> int | None:
    """The revision that ``If-Match`` names; the item stays locked. Raises `ItemChanged`."""
    if if_match is None:
        return None
    item = service.find(session, item_id, lock=True)
    if not conditional.matches(if_match, {_tag(item.revision)}):
        raise service.ItemChanged(headers={"ETag": _tag(item.revision)})
    return item.revision
