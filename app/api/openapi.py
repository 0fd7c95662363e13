"""The OpenAPI document: what every route has in common is said here once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app import problems

_READING = {"get", "head", "options"}


def of(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """A maker of the document, which is made once.

    It has the shape of every error, without the one that FastAPI would assume, and the errors that any request can meet
    before it reaches its route: an address or body that cannot be read (400), a page of another site that sends
    something (403), a body that is too large (413).
    """

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
            )
            components = schema.setdefault("components", {}).setdefault("schemas", {})
            components["ProblemBody"] = problems.ProblemBody.model_json_schema()
            for assumed in ("HTTPValidationError", "ValidationError"):
                components.pop(assumed, None)
            for item in schema["paths"].values():
                for method, operation in item.items():
                    _complete(method, operation)
            app.openapi_schema = schema
        return app.openapi_schema

    return document


def _complete(method: str, operation: dict[str, Any]) -> None:
    statuses = [400, 503]
    if method not in _READING:
        statuses.append(403)
    if "requestBody" in operation:
        statuses.append(413)
    for status, described in problems.documented(*statuses).items():
        operation["responses"].setdefault(str(status), described)
