"""The course that a request concerns, by the names of its parameters."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Annotated

from fastapi import Request
from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from app.auth import access
from app.auth.viewer import Viewer
from app.courses import service as courses
from app.courses.names import course_of
from app.regrade_requests import repository as regrade_requests
from app.regrade_requests.service import RequestNotFound
from app.regrades import repository as regrades
from app.regrades.service import RegradeNotFound
from app.scores.review_items import repository as review_items
from app.scores.service import ReviewItemNotFound
from app.submissions import repository as submissions
from app.submissions.service import SubmissionNotFound
from app.users import service as users

_Narrow = Callable[[Session, Viewer, str], Viewer]


def narrow(session: Session, request: Request, viewer: Viewer) -> Viewer:
    """The viewer within the course of the request, or unchanged where the request names none.

    Raises the `NotFound` of the thing that is named if the viewer has no role in its course, or another parameter named
    another course. Within a course, a person in the path must be one of its people, else `UserNotFound`. A request that
    changes something of an archived course raises `CourseArchived`; what names only the course decides itself.
    """
    names_content = False
    for name, value in _parameters(request):
        narrowed = _BY_PARAMETER[name](session, viewer, value)
        if viewer.course not in (None, narrowed.course):
            raise access.CourseNotFound
        viewer = narrowed
        names_content = names_content or name != "course"
    if viewer.course is not None and names_content and _changes(request):
        courses.require_open(session, viewer.course)
    # Others learn by their 403 nothing about who has an account.
    if viewer.course is not None and viewer.is_staff and "login" in request.path_params:
        users.find_member(session, request.path_params["login"], viewer.course)
    return viewer


def _parameters(request: Request) -> Iterator[tuple[str, str]]:
    for values in (request.path_params, request.query_params):
        for name, value in values.items():
            if name in _BY_PARAMETER and value:
                yield name, str(value)


def _changes(request: Request) -> bool:
    """Whether the request changes anything: all do but those of a safe method, and what `_READING` names."""
    is_reading = request.method == "POST" and _READING.search(request.url.path)
    return request.method not in _SAFE_METHODS and not is_reading


def _course(session: Session, viewer: Viewer, value: str) -> Viewer:
    access.find_course(session, viewer, value)
    return access.within(viewer, value)


def _assignment(session: Session, viewer: Viewer, value: str) -> Viewer:
    return access.within_assignment(viewer, value)


def _submission(session: Session, viewer: Viewer, value: str) -> Viewer:
    identifier = _uuid(value)
    slug = submissions.slug_of(session, identifier) if identifier is not None else None
    return _within(viewer, slug, SubmissionNotFound)


def _regrade(session: Session, viewer: Viewer, value: str) -> Viewer:
    identifier = _uuid(value)
    slug = regrades.slug_of(session, identifier) if identifier is not None else None
    return _within(viewer, slug, RegradeNotFound)


def _request(session: Session, viewer: Viewer, value: str) -> Viewer:
    number = _number(value)
    slug = regrade_requests.slug_of(session, number) if number is not None else None
    return _within(viewer, slug, RequestNotFound)


def _item(session: Session, viewer: Viewer, value: str) -> Viewer:
    number = _number(value)
    item = review_items.get(session, number) if number is not None else None
    return _within(viewer, item.slug if item is not None else None, ReviewItemNotFound)


def _number(value: str) -> int | None:
    """An id as the route reads it: ``+7`` and ``07`` are 7, too."""
    try:
        return _NUMBER.validate_python(value)
    except ValidationError:
        return None


def _within(viewer: Viewer, slug: str | None, missing: type[Exception]) -> Viewer:
    """The viewer within the course of an assignment; what does not exist is left to the route."""
    if slug is None:
        return viewer
    try:
        return access.within(viewer, course_of(slug))
    except access.CourseNotFound:
        raise missing from None


def _uuid(value: str) -> uuid.UUID | None:
    try:
        return _UUID.validate_python(value)
    except ValidationError:
        return None


_NUMBER: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, le=2**31 - 1)])
_UUID = TypeAdapter(uuid.UUID)
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_READING = re.compile(r"/(?:review-items/[0-9]+/preview|scores/canvas(?:/preview)?|exports/canvas)\Z")
"""What a POST only looks at. A login may be `canvas`, so that the end of an address alone says nothing."""
_BY_PARAMETER: dict[str, _Narrow] = {
    "course": _course,
    "slug": _assignment,
    "assignment": _assignment,
    "submission_id": _submission,
    "submission": _submission,
    "first": _submission,
    "second": _submission,
    "done": _submission,
    "regrade_id": _regrade,
    "request_id": _request,
    "item_id": _item,
}
