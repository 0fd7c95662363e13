"""Puts the pages into the application."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.pages import admin, admin_people, admin_regrades, compare, dashboard, errors, login, review, student
from app.scores.class_records import ClassRecords

STATIC = Path(__file__).parent / "static"


class _Static(StaticFiles):
    """Files that a browser must take for what they are."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, its type not to be guessed and asked for again when it has changed."""
        response = await super().get_response(path, scope)
        response.headers.update({"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"})
        return response


def install(app: FastAPI) -> None:
    """Add the pages, their static files and their error pages. Call it after `app.problems.install`.

    Problems of middleware that was added before show as pages too.
    """
    app.state.class_records = ClassRecords()
    app.mount("/static", _Static(directory=STATIC), name="static")
    for page in (login, student, compare, review, dashboard, admin_people, admin_regrades, admin):
        app.include_router(page.router, include_in_schema=False)
    errors.install(app)
