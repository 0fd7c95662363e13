"""Install the pages into the application."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app import lti
from app.auth.limits import RateLimit
from app.pages import (
    admin,
    admin_assignments,
    admin_audit,
    admin_courses,
    admin_deletion,
    admin_drafts,
    admin_enrolments,
    admin_people,
    admin_regrades,
    admin_roster,
    compare,
    course_copies,
    courses,
    dashboard,
    errors,
    exports,
    extensions,
    hidden_names,
    home,
    login,
    plot_groups,
    regrade_requests,
    release,
    review,
    review_claims,
    review_decisions,
    review_items,
    second_readings,
    similarity,
    student,
    student_decisions,
    student_view,
    submission,
    submit,
)
from app.pages.check_slots import CheckSlots
from app.similarity.index import Similarity
from app.similarity.pictures import PictureIndex

STATIC = Path(__file__).parent / "static"
FAILED_LOGINS = 10
"""For each address and minute. The limit bounds the cost of guessing, which is hopeless anyway."""
CHECKS = 90
"""For each person and minute: the form sends at most one check for each pause in typing."""


class _Static(StaticFiles):
    """Static files whose type browsers must not guess."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file that browsers take as its declared type and revalidate."""
        response = await super().get_response(path, scope)
        response.headers.update({"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"})
        return response


def install(app: FastAPI) -> None:
    """Add the pages, their static files and their error pages. Call it after `app.http.problem_responses.install`.

    Problems of middleware that was added before show as pages too.
    """
    app.state.similarity = Similarity()
    app.state.pictures = PictureIndex()
    app.state.login_limit = RateLimit(FAILED_LOGINS, 60)
    app.state.check_limit = RateLimit(CHECKS, 60)
    app.state.check_slots = CheckSlots()
    # Pages are left uncompressed: their size would tell a secret that stands beside a text of somebody else (BREACH).
    app.mount("/static", GZipMiddleware(_Static(directory=STATIC), minimum_size=1024), name="static")
    for page in (
        login,
        home,
        submit,
        submission,
        regrade_requests,
        compare,
        release,
        exports,
        review,
        review_claims,
        hidden_names,
        second_readings,
        review_decisions,
        plot_groups,
        review_items,
        similarity,
        extensions,
        dashboard,
        student_decisions,
        student_view,
        student,
        admin_assignments,
        admin_drafts,
        admin_audit,
        admin_deletion,
        admin_roster,
        admin_enrolments,
        admin_people,
        admin_regrades,
        admin_courses,
        course_copies,
        courses,
        admin,
    ):
        app.include_router(page.router, include_in_schema=False)
    if lti.is_installed():
        _install_lti(app)
    errors.install(app)


def _install_lti(app: FastAPI) -> None:
    """Install the pages that need the packages of the extra ``lti``."""
    from app.pages import admin_lti, admin_lti_contexts, lti_passbacks, lti_registration
    from app.pages import lti as launches

    launches.install(app.state)
    for page in (launches, lti_registration, lti_passbacks, admin_lti, admin_lti_contexts):
        app.include_router(page.router, include_in_schema=False)
