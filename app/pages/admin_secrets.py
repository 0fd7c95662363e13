"""The page that shows new tokens and login links, this once."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from app.auth.viewer import Viewer
from app.courses.names import FIRST
from app.pages import rendering
from app.problems import Problem
from app.scores.table import escape_formula


def tokens(
    request: Request,
    viewer: Viewer,
    made: Sequence[tuple[str, str, str]],
    problem: Problem | None = None,
    roster: str = "",
    course: str = FIRST,
    imported: int = 0,
    dropped: int = 0,
) -> HTMLResponse:
    """The page of new tokens, which are readable only now; or of the problem, with the ``roster`` to correct."""
    lines = roster.split("\n")
    errors = problem.members.get("errors", []) if problem is not None else []
    rejected = [(one["line"], lines[one["line"] - 1 : one["line"]], one["message"]) for one in errors]
    header = ("login", "name", "token")
    outcome = {"course": course, "imported": imported, "dropped": dropped}
    return secrets(
        request, viewer, "tokens", header, made, roster=roster, rejected=rejected, problem=problem, **outcome
    )


def secrets(
    request: Request,
    viewer: Viewer,
    kind: str,
    header: Iterable[str],
    rows: Sequence[tuple[str, str, str]],
    **context: Any,
) -> HTMLResponse:
    """The page of new secrets, ``tokens`` or ``links``, as CSV."""
    table = io.StringIO()
    safe = ((login, escape_formula(name), secret) for login, name, secret in rows)
    csv.writer(table, lineterminator="\n").writerows([header, *safe])
    return rendering.page(
        request,
        "admin_tokens.html",
        viewer=viewer,
        kind=kind,
        made=len(rows),
        table=table.getvalue(),
        file=base64.b64encode(table.getvalue().encode("utf-8-sig")).decode(),
        **{"roster": "", "rejected": [], "course": FIRST, "imported": 0, "dropped": 0, **context},
    )
