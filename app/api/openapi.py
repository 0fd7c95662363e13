"""The OpenAPI document, with the errors that all routes share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from app import problems
from app.api.files import BINARY

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
            _describe_files(schema)
            for item in schema["paths"].values():
                for method, operation in item.items():
                    _add_shared_errors(method, operation)
                    _simplify_parameters(operation)
                    _put_files_first(operation)
            app.openapi_schema = schema
        return app.openapi_schema

    return document


def operation_id(route: APIRoute) -> str:
    """The name of the route's function, which generated clients give to theirs."""
    return route.name


def _describe_files(node: Any) -> None:
    """Describe every file alike: FastAPI has another schema for one in a form, which generators take for a text."""
    if isinstance(node, dict):
        if node.pop("contentMediaType", None) is not None:
            node["format"] = BINARY["format"]
        for child in node.values():
            _describe_files(child)
    elif isinstance(node, list):
        for child in node:
            _describe_files(child)


def _simplify_parameters(operation: dict[str, Any]) -> None:
    """Say what a parameter is on the wire, where there is no null and a header is one text: it is sent or left out."""
    for parameter in operation.get("parameters", ()):
        choices = [one for one in parameter["schema"].pop("anyOf", ()) if one != {"type": "null"}]
        if len(choices) == 1:
            parameter["schema"] |= choices[0]
        elif choices:
            parameter["schema"]["anyOf"] = choices
        if parameter["in"] == "header" and parameter["schema"].get("type") == "array":
            parameter["schema"] |= parameter["schema"].pop("items")


def _put_files_first(operation: dict[str, Any]) -> None:
    """Put JSON after a file: generated clients read the first kind that they know, and JSON is the deprecated one."""
    for answer in operation["responses"].values():
        content = answer.get("content", {})
        if len(content) > 1 and "application/json" in content:
            content["application/json"] = content.pop("application/json")


def _add_shared_errors(method: str, operation: dict[str, Any]) -> None:
    statuses = [400, 503]
    if method not in _SAFE_METHODS:
        statuses.append(403)
    if "requestBody" in operation:
        statuses.append(413)
    for status, described in problems.documented(*statuses).items():
        operation["responses"].setdefault(str(status), described)
