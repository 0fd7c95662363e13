"""The OpenAPI document, with the errors that all routes share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app import problems

_SAFE_METHODS = {"get", "head", "options"}


def document_builder(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """A function that builds the document once and returns it.

    The document has the shape of every error instead of the one that FastAPI assumes, and the errors of any request
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
                    _add_shared_errors(method, operation)
            app.openapi_schema = schema
        return app.openapi_schema

    return document


def _add_shared_errors(method: str, operation: dict[str, Any]) -> None:
    statuses = [400, 503]
    if method not in _SAFE_METHODS:
        statuses.append(403)
    if "requestBody" in operation:
        statuses.append(413)
    for status, described in problems.documented(*statuses).items():
        operation["responses"].setdefault(str(status), described)
