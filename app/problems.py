"""One error root, one error shape: RFC 9457 ``application/problem+json``.

A domain's errors stand beside its service and derive from `Problem`; their docstring is what the client reads unless
the raise says more.
"""

from __future__ import annotations

import http
import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger()


class ProblemBody(BaseModel):
    """What every error looks like (RFC 9457); some carry further members."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="What kind of problem: a stable URN.")
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] | None = Field(default=None, description="The single faults, where known.")


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
    """This needs a valid token: send the header `Authorization: Bearer TOKEN`."""

    status = 401
    slug = "unauthenticated"

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Problem):
    """Your role may not do this."""

    status = 403
    slug = "forbidden"


class NotFound(Problem):
    """There is nothing here."""

    status = 404
    slug = "not-found"


class Conflict(Problem):
    """This contradicts what is stored."""

    status = 409
    slug = "conflict"


class TooLarge(Problem):
    """The request is larger than allowed."""

    status = 413
    slug = "too-large"


class Unprocessable(Problem):
    """The request was understood, but something in it is wrong."""

    status = 422
    slug = "unprocessable"


class TooManyRequests(Problem):
    """Too many requests."""

    status = 429
    slug = "too-many-requests"


class Unavailable(Problem):
    """The service cannot answer this now."""

    status = 503
    slug = "unavailable"
    again = 5
    """Seconds after which it is worth asking again."""

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(self.again)}, **members)


def response(
    status: int, slug: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any
) -> JSONResponse:
    """A problem as a response. ``title`` is the status' own phrase."""
    body = {
        "type": f"urn:assay:problem:{slug}",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **members,
    }
    return JSONResponse(body, status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def from_problem(problem: Problem) -> JSONResponse:
    """The response of a `Problem`."""
    return response(problem.status, problem.slug, problem.detail, problem.headers, **problem.members)


async def _on_problem(request: Request, error: Exception) -> JSONResponse:
    return from_problem(cast(Problem, error))


async def _on_http_exception(request: Request, exception: Exception) -> JSONResponse:
    error = cast(HTTPException, exception)
    details = {404: f"There is nothing at {request.url.path}.", 405: f"{request.method} is not offered here."}
    slug = http.HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    detail = details.get(error.status_code, str(error.detail))
    return response(error.status_code, slug, detail, error.headers)


async def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    errors = cast(RequestValidationError, error).errors()
    faults = [{"where": ".".join(map(str, item["loc"])), "message": item["msg"]} for item in errors]
    detail = "; ".join(f"{fault['where']}: {fault['message']}" for fault in faults)
    return response(422, "invalid-request", detail, errors=faults)


async def _on_crash(request: Request, error: Exception) -> JSONResponse:
    log.error("request failed", path=request.url.path, method=request.method, exc_info=error)
    return response(500, "internal", "Something broke on our side. The staff can find the reason in the log.")


def install(app: FastAPI) -> None:
    """Make every error of the application a problem."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(Exception, _on_crash)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route or router: each status answers with a `ProblemBody`."""
    schema = {"schema": {"$ref": "#/components/schemas/ProblemBody"}}
    return {
        status: {"description": http.HTTPStatus(status).phrase, "content": {MEDIA_TYPE: schema}} for status in statuses
    }
