"""The page with everything that leaves a class as a file, and the preview of a filled Canvas gradebook."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.exports import gradebook
from app.exports.canvas_file import BYTE_LIMIT
from app.http.authentication import StaffViewer
from app.http.sessions import ReadSession
from app.pages.class_pages import class_page, class_snapshot
from app.problems import Problem
from app.scores import class_repository, withholding
from app.scores.table import SectionNotFound

router = APIRouter(prefix="/dashboard/{slug}/exports")
_CARRIED = 900_000
"""Characters of a file that a page carries to its next form; a field of a form has at most 1 MiB."""


@router.get("")
def exports(
    request: Request,
    viewer: StaffViewer,
    session: ReadSession,
    slug: str,
    section: Annotated[str, Query(max_length=80)] = "",
) -> HTMLResponse:
    """Every export of the class or of a section, and how many of its scores are final."""
    if section and all(standing.section != section for standing in class_snapshot(request, session, slug).standings):
        return _exports(request, viewer, session, slug, SectionNotFound())
    return _exports(request, viewer, session, slug, section=section)


@router.post("/canvas")
def canvas(
    request: Request,
    viewer: StaffViewer,
    session: ReadSession,
    slug: str,
    file: Annotated[UploadFile | None, File()] = None,
    carried: Annotated[str, Form(max_length=_CARRIED)] = "",
    name: Annotated[str, Form(max_length=255)] = "",
    column: Annotated[str, Form(max_length=300)] = "",
    scale: Annotated[str, Form(max_length=1)] = "",
    section: Annotated[str, Form(max_length=80)] = "",
) -> HTMLResponse:
    """What filling the gradebook changes, whose scores are not final, and the filled file to download."""
    data = file.file.read(BYTE_LIMIT + 1) if file is not None and file.filename else _unpack(carried)
    name = (file.filename if file is not None else None) or name or f"{slug}-canvas.csv"
    try:
        filled, preview = gradebook.fill_class(
            session, slug, data, column or None, scale=bool(scale), section=section or None
        )
    except gradebook.GradebookUnusable as problem:
        form = {"carried": _pack(data), "name": name, "columns": problem.members["columns"]}
        chosen = problem.members["columns"][0:1]
        return _exports(request, viewer, session, slug, problem, section=section, chosen=chosen, **form)
    except SectionNotFound as problem:
        return _exports(request, viewer, session, slug, problem)
    return class_page(
        request,
        "canvas_preview.html",
        session,
        viewer,
        class_snapshot(request, session, slug).assignment,
        preview=preview,
        name=name,
        filled=base64.b64encode(filled).decode(),
        section=section,
        withheld=sorted(withholding.withheld_in_class(session, slug)),
    )


def _exports(
    request: Request,
    viewer: Viewer,
    session: Session,
    slug: str,
    problem: Problem | None = None,
    *,
    section: str = "",
    **form: Any,
) -> HTMLResponse:
    snapshot = class_snapshot(request, session, slug)
    standings = [standing for standing in snapshot.standings if section in ("", standing.section)]
    graded = [one.graded_attempt for one in standings if one.counts and one.graded_attempt is not None]
    counts = {
        "students": sum(not standing.dropped for standing in standings),
        "graded": len(graded),
        "provisional": sum(attempt.needs_review for attempt in graded),
        "unfinished": len(class_repository.unfinished_logins(session, slug) & {one.login for one in standings}),
        "missing": sum(standing.counting is None and standing.counts for standing in standings),
        "excused": sum(standing.excused for standing in standings),
        "dropped": sum(standing.dropped for standing in standings),
    }
    return class_page(
        request,
        "exports.html",
        session,
        viewer,
        snapshot.assignment,
        problem,
        counts=counts,
        sections=snapshot.sections,
        withheld=sorted(withholding.withheld_in_class(session, slug)),
        differs=isinstance(problem, gradebook.GradebookPointsDiffer),
        section=section,
        **{"carried": "", "name": "", "columns": [], **form},
    )


def _pack(data: bytes) -> str:
    """A file as a field of a form, or nothing if it is too large: then it is chosen again."""
    text = base64.urlsafe_b64encode(zlib.compress(data, 9)).decode()
    return text if len(text) <= _CARRIED else ""


def _unpack(text: str) -> bytes:
    """The file of a field, at most one byte more than is read; empty for another text."""
    try:
        return zlib.decompressobj().decompress(base64.urlsafe_b64decode(text), BYTE_LIMIT + 1)
    except (ValueError, binascii.Error, zlib.error):
        return b""
