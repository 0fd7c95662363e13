"""Pages of the admins: the assignments, each with its rubric, its versions and their differences."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from app.api.assignments import assignment_view
from app.assignments import differences
from app.assignments import service as assignments
from app.assignments.models import PublishedAssignment
from app.auth.viewer import Viewer
from app.drafts import archive
from app.drafts import repository as drafts
from app.drafts import service as drafting
from app.http import request_language
from app.http.authentication import AdminViewer
from app.http.sessions import ReadSession
from app.pages import form_state, rendering
from app.pages.assignment_list import AssignmentRow
from app.pages.form_state import FormState
from app.presenting import filters, language
from app.users.models import Role
from grader import messages
from grader.assignment import Assignment, Question, Tell

router = APIRouter(prefix="/admin/assignments")
_OPTION = "option_"


@router.get("")
def every_assignment(request: Request, viewer: AdminViewer, session: ReadSession) -> HTMLResponse:
    """Every assignment, published or a draft."""
    tag = request_language.of_request(request)
    published = {row.slug: row for row in assignments.all_current(session)}
    open_drafts = {draft.slug: draft for draft in drafts.every_open(session)}
    rows = []
    for slug in sorted({*published, *open_drafts}):
        row, draft = published.get(slug), open_drafts.get(slug)
        definition = assignments.definition(row or open_drafts[slug].version)
        title = filters.localised(definition.title, tag)
        rows.append({"slug": slug, "title": title, "definition": definition, "published": row, "draft": draft})
    return rendering.page(request, "admin_assignments.html", viewer=viewer, rows=rows)


@router.get("/{slug}")
def one_assignment(
    request: Request,
    viewer: AdminViewer,
    session: ReadSession,
    slug: str,
    older: Annotated[int | None, Query(alias="from", ge=1)] = None,
    newer: Annotated[int | None, Query(alias="to", ge=1)] = None,
) -> HTMLResponse:
    """An assignment: its rubric, its versions, and the changes between two of them, by default the last two."""
    tag = request_language.of_request(request)
    standing = drafting.standing(session, slug)
    versions = assignments.versions(session, slug) if standing.newest is not None else []
    compared = _compared(versions, older, newer)
    definition = assignments.definition(standing.newest or standing.edited)
    return rendering.page(
        request,
        "admin_assignment.html",
        viewer=viewer,
        slug=slug,
        title=filters.localised(definition.title, tag),
        definition=definition,
        draft=standing.draft,
        revision=standing.revision,
        questions=[rubric(definition, question, tag) for question in definition.questions],
        told_options=options_with_text(tag),
        versions=versions,
        compared=compared,
        changes=differences.lines(compared[0].files, compared[1].files) if compared else [],
    )


@router.get("/{slug}/files")
def files(
    viewer: AdminViewer, session: ReadSession, slug: str, version: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """The files of a version as ZIP, by default those of the draft or else of the newest version."""
    standing = drafting.standing(session, slug)
    row = standing.edited if version is None else _version(assignments.versions(session, slug), version)
    headers = {
        "Content-Disposition": f'attachment; filename="{slug}-version-{row.version}.zip"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(archive.write(row.files, slug), media_type="application/zip", headers=headers)


@router.get("/{slug}/student")
def as_student(
    request: Request,
    viewer: AdminViewer,
    session: ReadSession,
    slug: str,
    draft: Annotated[bool, Query()] = False,
) -> HTMLResponse:
    """The start page and the form as a student who submitted nothing sees them. Nothing here can be submitted."""
    tag = request_language.of_request(request)
    standing = drafting.standing(session, slug)
    row = standing.edited if draft or standing.newest is None else standing.newest
    # No person has this number, so there are no attempts and no extension.
    student = Viewer(user_id=0, login="student", name="", role=Role.STUDENT)
    definition = assignments.definition(row)
    others = {other.slug: other for other in assignments.all_current(session)}
    shown = {name: assignment_view(session, student, each, tag) for name, each in sorted({**others, slug: row}.items())}
    view = shown[slug]
    return rendering.page(
        request,
        "admin_as_student.html",
        viewer=viewer,
        is_draft=row.is_draft,
        assignment=view,
        assignment_rows=[AssignmentRow(each, None) for each in shown.values()],
        history=[],
        counting=None,
        told_later=[question.number for question in view.questions if question.tell is not Tell.AT_ONCE],
        **form_state.form_context(session, student, definition, view, [], FormState(), tag),
    )


def options_with_text(tag: str) -> set[str]:
    """The options that have a text on the page; others show as in the file."""
    return {key.removeprefix(_OPTION) for key in language.texts(tag) if key.startswith(_OPTION)}


def rubric(definition: Assignment, question: Question, tag: str) -> dict[str, Any]:
    """A question as the table of the rubric shows it."""
    return {
        "number": question.number,
        "title": filters.localised(question.title, tag),
        "points": question.points,
        "check": question.check,
        "parts": [filters.localised(part.title, tag) for part in definition.parts if part.name in question.parts],
        "options": {name: (_option_text(value, tag), _rows(value, tag)) for name, value in question.options.items()},
    }


def _compared(
    versions: list[PublishedAssignment], older: int | None, newer: int | None
) -> tuple[PublishedAssignment, PublishedAssignment] | None:
    """The two versions to compare, the older one first; the last two unless others are named."""
    if len(versions) < 2:
        return None
    second = _version(versions, newer) if newer is not None else versions[0]
    first = _version(versions, older) if older is not None else versions[1]
    return first, second


def _version(versions: list[PublishedAssignment], number: int) -> PublishedAssignment:
    for row in versions:
        if row.version == number:
            return row
    raise assignments.AssignmentNotFound(f"There is no version {number} of this assignment.")


def _rows(value: Any, tag: str) -> list[str]:
    """The rows of an option that is a table or a list of tables; empty for one that fits a line."""
    if isinstance(value, dict) and messages.LANGUAGES[0] not in value:
        return [f"{name}{language.text(tag, 'colon')}{_option_text(item, tag)}" for name, item in value.items()]
    is_list = isinstance(value, list) and any(isinstance(item, dict) for item in value)
    return [_option_text(item, tag) for item in value] if is_list else []


def _option_text(value: Any, tag: str) -> str:
    """The text of an option's value in one line."""
    if isinstance(value, dict) and messages.LANGUAGES[0] in value:
        return filters.localised(value, tag)
    if isinstance(value, dict):
        return language.text(tag, "semicolon").join(_rows(value, tag))
    if isinstance(value, list):
        # Numbers in a list are a shape, which is written as in code.
        is_shape = all(isinstance(item, int) for item in value)
        return (", " if is_shape else language.text(tag, "comma")).join(_option_text(item, tag) for item in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,.0f}" if value == int(value) else f"{value:g}"
    return str(value)
