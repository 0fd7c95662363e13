"""``/scores`` and the overrides of single questions. For the staff."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app import problems
from app.api.files import file_answer
from app.api.if_match import IfMatch, check_if_match
from app.assignments import service as assignments
from app.auth import access
from app.exports import canvas, gradebook, gradescope_table
from app.http.authentication import StaffViewer
from app.http.class_cache import Classes
from app.http.request_language import Language
from app.http.sessions import ReadSession, WriteSession
from app.reports import service as reports
from app.reports.schemas import QuestionReport
from app.scores import service
from app.scores.table import Statistics, StudentRow, statistics

router = APIRouter(tags=["scores"], responses=problems.documented(401, 403, 404, 422))

Slug = Annotated[str, Query(max_length=40, description="The assignment's slug.")]
Section = Annotated[str | None, Query(max_length=80, description="Only the students of this section.")]
_CSV = file_answer("text/csv", "The table")
Gradebook = Annotated[bytes, File(description="The gradebook as Canvas exported it.")]
SlugField = Annotated[str, Form(max_length=40, description="The assignment's slug.")]
Column = Annotated[str | None, Form(max_length=300, description="Title or id of the column to fill.")]
SectionField = Annotated[
    str | None, Form(max_length=80, description="Only the students of this section; all other rows stay.")
]
Scale = Annotated[
    bool, Form(description="Scale the scores where the column's Points Possible are not the assignment's points.")
]


class NewOverride(BaseModel):
    """Points instead of the computed ones, and the reason."""

    model_config = ConfigDict(extra="forbid")

    score: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$")
    ]


class NewConfirmation(BaseModel):
    """A remark about the confirmed points, which the student reads; it may be empty."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"^[^\x00]*$")] = ""


@router.get("/scores")
def list_scores(
    viewer: StaffViewer, session: ReadSession, classes: Classes, assignment: Slug, section: Section = None
) -> list[StudentRow]:
    """One row for each student, with the attempt that counts."""
    return service.class_table(session, assignment, classes, section=section).rows


@router.get("/scores.csv", response_class=Response, responses=_CSV)
def get_scores_csv(
    viewer: StaffViewer, session: ReadSession, classes: Classes, assignment: Slug, section: Section = None
) -> Response:
    """The same table as CSV."""
    table = service.class_table(session, assignment, classes, section=section)
    headers = {"Content-Disposition": f'attachment; filename="{table.assignment}-scores.csv"'}
    return Response(table.csv(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/scores/statistics")
def get_score_statistics(
    viewer: StaffViewer, session: ReadSession, classes: Classes, assignment: Slug, section: Section = None
) -> Statistics:
    """Statistics of the class."""
    return statistics(service.class_table(session, assignment, classes, section=section))


@router.get("/scores/gradescope.csv", response_class=Response, responses=_CSV)
def get_scores_gradescope_csv(
    viewer: StaffViewer, session: ReadSession, classes: Classes, assignment: Slug, section: Section = None
) -> Response:
    """The points of every question, in the layout of Gradescope's export of scores."""
    current = assignments.definition(assignments.current(session, assignment))
    text = gradescope_table.text(current, service.class_table(session, assignment, classes, section=section).rows)
    headers = {"Content-Disposition": f'attachment; filename="{current.slug}-gradescope.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/scores/canvas", response_model=canvas.Preview, responses=_CSV)
def fill_canvas_gradebook(
    viewer: StaffViewer,
    session: ReadSession,
    file: Gradebook,
    assignment: SlugField,
    column: Column = None,
    scale: Scale = False,
    section: SectionField = None,
    preview: Annotated[bool, Query(deprecated=True, description="Use `POST /scores/canvas/preview`.")] = False,
) -> Any:
    """The same file with one column filled in, without withheld results."""
    access.staff_within_assignment(viewer, assignment)
    filled, changes = gradebook.fill_class(session, assignment, file, column, scale=scale, section=section)
    if preview:
        return changes
    headers = {"Content-Disposition": f'attachment; filename="{assignment}-canvas.csv"'}
    return Response(filled, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/scores/canvas/preview")
def preview_canvas_gradebook(
    viewer: StaffViewer,
    session: ReadSession,
    file: Gradebook,
    assignment: SlugField,
    column: Column = None,
    scale: Scale = False,
    section: SectionField = None,
) -> canvas.Preview:
    """What `POST /scores/canvas` would change in this file."""
    access.staff_within_assignment(viewer, assignment)
    return gradebook.fill_class(session, assignment, file, column, scale=scale, section=section)[1]


@router.put("/submissions/{submission_id}/questions/{number}/override", responses=problems.documented(412))
def set_override(
    viewer: StaffViewer,
    session: WriteSession,
    submission_id: uuid.UUID,
    number: str,
    new: NewOverride,
    lang: Language,
    if_match: IfMatch = None,
) -> QuestionReport:
    """Set the points of a question by hand. They survive every regrade."""
    check_if_match(session, viewer, submission_id, number, if_match, lang)
    service.override(session, viewer, submission_id, number, score=new.score, reason=new.reason)
    report = reports.load_report(session, viewer, submission_id, lang)
    return next(question for question in report.questions if question.number == number)


@router.put("/submissions/{submission_id}/questions/{number}/confirmation", responses=problems.documented(409, 412))
def confirm_score(
    viewer: StaffViewer,
    session: WriteSession,
    submission_id: uuid.UUID,
    number: str,
    new: NewConfirmation,
    lang: Language,
    if_match: IfMatch = None,
) -> QuestionReport:
    """Confirm the computed points of a question. They stay as points set by hand do, and no report calls them that."""
    check_if_match(session, viewer, submission_id, number, if_match, lang)
    service.confirm(session, viewer, submission_id, number, reason=new.reason)
    report = reports.load_report(session, viewer, submission_id, lang)
    return next(question for question in report.questions if question.number == number)


@router.delete(
    "/submissions/{submission_id}/questions/{number}/override",
    status_code=204,
    responses=problems.documented(412),
)
def remove_override(
    viewer: StaffViewer,
    session: WriteSession,
    submission_id: uuid.UUID,
    number: str,
    lang: Language,
    if_match: IfMatch = None,
) -> None:
    """Remove points set by hand, or a confirmation: the computed points count again."""
    check_if_match(session, viewer, submission_id, number, if_match, lang)
    service.remove_override(session, viewer, submission_id, number)
