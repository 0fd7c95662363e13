"""One error root, one error shape: RFC 9457 ``application/problem+json``.

A domain's errors stand beside its service and derive from `Problem`; an error's docstring is the client's message
unless the raise gives another. `app.http.problem_responses` turns errors into responses, so that workers and commands
need no web framework.
"""

from __future__ import annotations

import http
import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"


class ProblemBody(BaseModel):
    """The body of every error (RFC 9457); some errors add members."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Kind of the problem: a stable URN.")
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] | None = Field(default=None, description="The single errors, where known.")


class Problem(Exception):
    """The request could not be answered."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "problem"

    def __init__(self, detail: str | None = None, *, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        self.detail = detail or inspect.cleandoc(type(self).__doc__ or "")
        self.headers = dict(headers or {})
        self.members = members
        super().__init__(self.detail)


class BadRequest(Problem):
    """The request could not be read."""

    status = 400
    slug = "bad-request"


class Unauthenticated(Problem):
    """The request needs a valid token: send the header `Authorization: Bearer TOKEN`."""

    status = 401
    slug = "unauthenticated"

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Problem):
    """Your role does not have access to this."""

    status = 403
    slug = "forbidden"


class NotFound(Problem):
    """There is nothing at this address."""

    status = 404
    slug = "not-found"


class Conflict(Problem):
    """The request contradicts the stored state."""

    status = 409
    slug = "conflict"


class PreconditionFailed(Problem):
    """The resource has changed since you read it."""

    status = 412
    slug = "precondition-failed"


class TooLarge(Problem):
    """The request is larger than allowed."""

    status = 413
    slug = "too-large"


class Unprocessable(Problem):
    """The request is readable, but a value in it is not valid."""

    status = 422
    slug = "unprocessable"


class TooManyRequests(Problem):
    """Too many requests."""

    status = 429
    slug = "too-many-requests"


class Unavailable(Problem):
    """The service is not available now."""

    status = 503
    slug = "unavailable"
    retry_seconds = 5
    """Seconds after which a client should try again."""

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(self.retry_seconds)}, **members)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route or router: each status answers with a `ProblemBody`."""
    schema = {"schema": {"$ref": "#/components/schemas/ProblemBody"}}
    return {
        status: {"description": http.HTTPStatus(status).phrase, "content": {MEDIA_TYPE: schema}} for status in statuses
    }
