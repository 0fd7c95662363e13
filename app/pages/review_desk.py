"""The review desk: one question of one submission with all that a decision needs."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.http import request_language
from app.pages import compare, source
from app.pages.submission import report_context
from app.problems import NotFound
from app.reports import service as reports
from app.scores import service as scores
from app.scores.class_records import ClassSnapshot
from app.scores.comments import service as comments
from app.scores.models import OverrideKind
from app.scores.review_items import service as review_items
from app.submissions import service as submissions

_STEPS = 4
"""The keys 1 to 5 give points in this many equal steps from none to full."""


class NoSuchQuestion(NotFound):
    """The assignment has no such question."""

    slug = "question-not-found"


def context(
    request: Request,
    session: Session,
    viewer: Viewer,
    snapshot: ClassSnapshot,
    submission: uuid.UUID,
    number: str,
    *,
    is_blind: bool = False,
) -> dict[str, Any]:
    """The question with its report, its requests, its sources and the points to choose.

    ``is_blind``: as if nobody had decided on it, commented on it or answered a request.

    Raises `SubmissionNotFound` or `NoSuchQuestion`.
    """
    tag = request_language.of_request(request)
    report = reports.load_report(session, viewer, submission, tag)
    of_report = report_context(session, viewer, report, tag)
    question = next((row for row in of_report["report"]["questions"] if row["number"] == number), None)
    if question is None:
        raise NoSuchQuestion
    if is_blind:
        question = _undecided(session, viewer, submission, question)
        of_report["requests"] = {}
    rubric = snapshot.assignment.question(number)
    texts = sorted(compare.text_parts(session, viewer, report), key=lambda text: text[0].name not in rubric.parts)
    given = {item["id"] for item in (question["override"] or {}).get("items", ())}
    items = [item for item in review_items.list_items(session, snapshot.assignment.slug) if item.question == number]
    return {
        "report": of_report["report"],
        "question": question,
        "requests": of_report["requests"],
        "back": f"/dashboard/{snapshot.assignment.slug}/requests",
        "steps": _steps(question["max_score"]),
        "can_confirm": question["override"] is None and question["verdict"] not in scores.WITHOUT_POINTS,
        "items": [item for item in items if not item.retired or item.id in given],
        "given": given,
        "by_items": question["override"] is not None and question["override"]["kind"] == OverrideKind.REVIEW_ITEMS,
        "saved_comments": [row for row in comments.saved(session, snapshot.assignment.slug) if row.question == number],
        "sources": [source.of_part(part, text) for part, text in texts],
    }


def _undecided(session: Session, viewer: Viewer, submission: uuid.UUID, question: dict[str, Any]) -> dict[str, Any]:
    """The question with the computed points, and without what graders said of it."""
    standing = scores.standing(session, submissions.find(session, viewer, submission), question["number"])
    computed = standing.computed
    result = {"score": computed.score, "verdict": computed.verdict} if computed is not None else {}
    return question | result | {"override": None, "comments": []}


def _steps(full: float) -> list[float]:
    # The two decimals of its label, so that a button gives exactly these points.
    return [*(round(full * step / _STEPS, 2) for step in range(_STEPS)), full]
