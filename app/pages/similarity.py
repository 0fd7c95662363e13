"""Pages of shared text for the staff: across the class, of one student, and two sources side by side."""

from __future__ import annotations

import uuid
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.http import request_language
from app.http.authentication import StaffViewer
from app.http.sessions import ReadSession
from app.pages import compare, rendering, source
from app.pages.class_pages import class_page, class_snapshot
from app.presenting import filters
from app.problems import NotFound
from app.reports import service as reports
from app.reports.schemas import PartView, Report
from app.scores.class_records import ClassSnapshot
from app.similarity.fingerprints import fingerprints, shared_lines
from app.similarity.index import Hit, Pair, ReadingProgress, Similarity, fingerprints_of, starter_fingerprints
from app.similarity.pictures import PictureIndex, PlotGroups, questions_with_plots
from app.submissions import code
from grader.parts import PartKind

router = APIRouter(prefix="/dashboard/{slug}")


@router.get("/similarity")
def of_class(request: Request, viewer: StaffViewer, session: ReadSession, slug: str) -> HTMLResponse:
    """The pairs of students whose texts are most alike."""
    snapshot = class_snapshot(request, session, slug)
    prints = _similarity(request).of_class(session, snapshot)
    pairs: tuple[Pair, ...] = () if isinstance(prints, ReadingProgress) else prints.pairs
    return class_page(
        request,
        "similarity_body.html" if "hx-request" in request.headers else "similarity.html",
        session,
        viewer,
        snapshot.assignment,
        reading=prints if isinstance(prints, ReadingProgress) else None,
        pairs=pairs,
        names={standing.login: standing.name for standing in snapshot.standings},
        plots=_plots(request, session, snapshot),
        again=f"/dashboard/{quote(slug)}/similarity",
    )


@router.get("/submissions/{submission_id}/similar")
def of_submission(
    request: Request, viewer: StaffViewer, session: ReadSession, slug: str, submission_id: uuid.UUID
) -> HTMLResponse:
    """The students who share passages with one submission, as a fragment of the student's page."""
    snapshot = class_snapshot(request, session, slug)
    report = reports.load_report(session, viewer, submission_id, "en")
    prints = _similarity(request).of_class(session, snapshot)
    hits: list[Hit] = []
    if not isinstance(prints, ReadingProgress):
        own = fingerprints_of(text for _, text in _texts(session, viewer, report)) - starter_fingerprints(
            snapshot.assignment
        )
        hits = prints.hits(report.student, own)
    return rendering.page(
        request,
        "similar_hits.html",
        viewer=viewer,
        slug=slug,
        report=report,
        reading=prints if isinstance(prints, ReadingProgress) else None,
        hits=hits,
        names={standing.login: standing.name for standing in snapshot.standings},
        again=f"/dashboard/{quote(slug)}/submissions/{submission_id}/similar",
    )


@router.get("/similarity/compare")
def compared(
    request: Request,
    viewer: StaffViewer,
    session: ReadSession,
    slug: str,
    first: Annotated[uuid.UUID, Query()],
    second: Annotated[uuid.UUID, Query()],
) -> HTMLResponse:
    """Two submissions side by side, with their shared lines marked."""
    tag = request_language.of_request(request)
    snapshot = class_snapshot(request, session, slug)
    pair = [reports.load_report(session, viewer, identifier, tag) for identifier in (first, second)]
    if {report.assignment for report in pair} != {slug}:
        raise NotFound("Both submissions must belong to this assignment.")
    return rendering.page(
        request,
        "similarity_compare.html",
        viewer=viewer,
        slug=slug,
        title=filters.localised(snapshot.assignment.title, tag),
        reports=pair,
        sides=_side_by_side(snapshot, *(_texts(session, viewer, report) for report in pair)),
    )


def _side_by_side(snapshot: ClassSnapshot, *sides: list[tuple[PartView, str]]) -> list[list[source.Source]]:
    """By side the sources, their shared lines marked."""
    prints = [{part.name: fingerprints(code.readable_source(text)) for part, text in texts} for texts in sides]
    left, right = (frozenset().union(*by_part.values()) for by_part in prints)
    shared = (left & right) - starter_fingerprints(snapshot.assignment)
    return [
        [source.of_part(part, text, shared_lines(by_part[part.name], shared)) for part, text in texts]
        for texts, by_part in zip(sides, prints, strict=True)
    ]


def _texts(session: Session, viewer: Viewer, report: Report) -> list[tuple[PartView, str]]:
    texts = compare.text_parts(session, viewer, report)
    return [(part, text) for part, text in texts if part.kind is PartKind.CODE]


def _plots(request: Request, session: Session, snapshot: ClassSnapshot) -> list[PlotGroups]:
    """By question the groups of near-identical plots."""
    pictures: PictureIndex = request.app.state.pictures
    questions = questions_with_plots(snapshot.assignment.questions)
    groups = [pictures.groups(session, snapshot, question) for question in questions]
    return [of_question for of_question in groups if of_question.alike]


def _similarity(request: Request) -> Similarity:
    similarity: Similarity = request.app.state.similarity
    return similarity
