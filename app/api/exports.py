"""``/scores/export.jsonl`` and ``/scores/feedback.zip``. For the staff."""

from __future__ import annotations

import itertools
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from app import problems
from app.api.files import file_answer
from app.exports import feedback, json_lines
from app.http.authentication import StaffViewer
from app.http.request_language import Language
from app.http.sessions import Db

router = APIRouter(prefix="/scores", tags=["scores"], responses=problems.documented(401, 403, 404, 422))

Slug = Annotated[str, Query(max_length=40, description="The assignment's slug.")]
Section = Annotated[str | None, Query(max_length=80, description="Only the students of this section.")]
JSON_LINES = "application/jsonl"


@router.get(
    "/export.jsonl",
    response_class=Response,
    responses=file_answer(JSON_LINES, "The lines"),
)
def export_scores(
    viewer: StaffViewer, database: Db, assignment: Slug, lang: Language, section: Section = None
) -> Response:
    """Everything of a class, one JSON object a line: the assignment, its students, every submission with its report."""
    lines = json_lines.lines(database, assignment, lang, section)
    first = next(lines)  # raises for a bad request before the answer begins
    headers = {"Content-Disposition": f'attachment; filename="{assignment}.jsonl"'}
    return StreamingResponse(itertools.chain([first], lines), media_type=JSON_LINES, headers=headers)


@router.get(
    "/feedback.zip",
    response_class=Response,
    responses=file_answer("application/zip", "The archive"),
)
def get_feedback_archive(
    viewer: StaffViewer, database: Db, assignment: Slug, lang: Language, section: Section = None
) -> Response:
    """A page for each student with a submission, readable without the service: `LOGIN.html` in a ZIP."""
    data = feedback.archive(database, assignment, lang, section)
    headers = {"Content-Disposition": f'attachment; filename="{assignment}-feedback.zip"'}
    return Response(data, media_type="application/zip", headers=headers)
