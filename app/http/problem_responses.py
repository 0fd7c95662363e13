"""Responses of the one shape of `app.problems` for every error of the application."""

from __future__ import annotations

import http
from collections.abc import Mapping
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.problems import MEDIA_TYPE, NotFound, Problem

log = structlog.get_logger()
_MOST_ERRORS = 20
"""Faults of one request that are listed."""


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
    errors = cast(RequestValidationError, error).errors()[:_MOST_ERRORS]
    if not request.url.path.startswith("/api/") and any(map(_is_wrong_address, errors)):
        return from_problem(NotFound())
    faults = [{"where": ".".join(map(str, item["loc"]))[:200], "message": item["msg"]} for item in errors]
    detail = "; ".join(f"{fault['where']}: {fault['message']}" for fault in faults)
    return response(422, "invalid-request", detail, errors=faults)


def _is_wrong_address(error: Mapping[str, Any]) -> bool:
    """Whether a value of a page's address cannot name anything: a person reads "not found" then, as for a wrong id."""
    return bool(error["loc"][0] == "path" or error["type"] == "uuid_parsing")


async def _on_disconnect(request: Request, error: Exception) -> JSONResponse:
    """A client that breaks its upload off reads no answer, and is no fault of the service."""
    return response(400, "incomplete-request", "The request ended before its body was complete.")


async def _on_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    log.error("request failed", path=request.url.path, method=request.method, exc_info=error)
    return response(500, "internal", "The service failed. The staff can find the reason in the log.")


def install(app: FastAPI) -> None:
    """Make every error of the application a problem."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_unexpected_error)
