"""Render templates into responses with the headers that every page has."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app import lti
from app.http import request_language
from app.presenting import filters, language, markdown
from app.problems import Problem
from grader import messages

TEMPLATES = Path(__file__).parent / "templates"
THEME_COOKIE = "assay_theme"
THEMES = ("auto", "light", "dark")
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Pico's stylesheet has its icons as ``data:`` images."""
READ_ONLY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""The policy of a page that sends nothing: no form, and no request of a script."""


_environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(
    points=filters.points,
    bytes=filters.size,
    count=filters.count,
    markdown=markdown.to_html,
    measured=filters.measured,
    when=filters.when,
    when_short=filters.when_short,
)
_environment.globals |= {
    "share": filters.share,
    "localised": filters.localised,
    "place": messages.place,
    "LANGUAGES": language.LANGUAGES,
    "THEMES": THEMES,
    "zone": filters.ZONE,
    "lti": lti.is_installed(),
}


def page(
    request: Request,
    template: str,
    /,
    status: int = 200,
    viewer: Any = None,
    problem: Problem | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page or a fragment. A ``problem`` gives its status, and its text as ``complaint`` of the template."""
    tag = request_language.of_request(request)
    theme = request.cookies.get(THEME_COOKIE)
    view = getattr(request.state, "student_view", None)
    html = _environment.get_template(template).render(
        {"complaint": request_language.complaint_of(request, problem), **context},
        t=partial(language.text, tag),
        language=tag,
        theme=theme if theme in THEMES else "auto",
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        viewer=viewer,
        student_view=view,
    )
    headers = dict(HEADERS)
    if view is not None:
        html = view.rewrite(html)
        headers["Content-Security-Policy"] = READ_ONLY_POLICY
    return HTMLResponse(html, status_code=problem.status if problem else status, headers=headers)
