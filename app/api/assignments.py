"""``GET /assignments`` and ``GET /assignments/{slug}``. The keys of the questions stay inside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app import language, problems
from app.assignments import service
from app.assignments.models import PublishedAssignment
from app.auth import access
from app.auth.viewer import Viewer
from app.courses.names import course_of
from app.http.authentication import AnyViewer
from app.http.request_language import Language
from app.http.sessions import ReadSession
from app.submissions import quota
from app.submissions.extensions import service as extensions
from grader import lateness, telling
from grader.assignment import Assignment, LateRule, Question, Tell
from grader.checks import registry
from grader.parts import PartKind, usual_file_names

router = APIRouter(prefix="/assignments", tags=["assignments"], responses=problems.documented(401, 422))

Course = Annotated[str | None, Query(max_length=16, description="Only what is of this course.")]


class AssignmentPartView(BaseModel):
    """A part that students may submit; ``hint`` says what it holds, ``max_bytes`` is its largest size.

    ``files`` are patterns of its usual file names, the most telling first; ``option`` is its option on the command
    line, if that is not its name. ``outputs`` are words by which an output of a notebook can be the part: the field
    `output-NAME` takes it.
    """

    name: str
    kind: PartKind
    title: str
    hint: str
    max_bytes: int
    files: list[str]
    option: str | None
    outputs: list[str]


class QuestionView(BaseModel):
    """A question: its task in Markdown, its points and its parts. Only questions with one choice have ``choices``.

    ``entry`` is the function or class that the question calls in its part of code. ``tell`` says when students read the
    result.
    """

    number: str
    title: str
    text: str
    points: float
    entry: str | None
    parts: list[str]
    choices: dict[str, str] | None
    tell: Tell


class QuotaView(BaseModel):
    """Attempts in any 24 hours. ``next_at`` is the time of the next free attempt when none is left."""

    per_day: int
    used: int
    left: int
    next_at: datetime | None


class AssignmentView(BaseModel):
    """An assignment as its students see it. ``limits`` are bytes by part and the network's parameters.

    ``input_shape`` and ``classes`` are those of the network, null in an assignment that asks for none.

    ``deadline`` is the assignment's, ``due`` the caller's own, later by an extension; ``closes`` is the last moment at
    which a submission of the caller is accepted, after the grace or, by the rule ``late``, for less points.
    """

    slug: str
    version: int
    title: str
    max_score: float
    opens: datetime | None
    deadline: datetime | None
    grace_minutes: int
    late: LateRule | None
    due: datetime | None
    closes: datetime | None
    keep: str
    input_shape: tuple[int, int, int] | None
    classes: int | None
    limits: dict[str, Any]
    parts: list[AssignmentPartView]
    questions: list[QuestionView]
    quota: QuotaView


@router.get("", responses=problems.documented(404))
def list_assignments(
    viewer: AnyViewer, session: ReadSession, lang: Language, course: Course = None
) -> list[AssignmentView]:
    """The newest version of every assignment of the caller's courses that are not archived, or of one course."""
    rows = access.assignments(session, viewer, without_archived=True)
    if course is not None:
        rows = [row for row in rows if course_of(row.slug) == course]
    return [assignment_view(session, viewer, row, lang) for row in rows]


@router.get("/{slug}", responses=problems.documented(404))
def get_assignment(slug: str, viewer: AnyViewer, session: ReadSession, lang: Language) -> AssignmentView:
    """The newest version of one assignment, with the caller's quota."""
    return assignment_view(session, viewer, service.current(session, slug), lang)


def assignment_view(session: Session, viewer: Viewer, row: PublishedAssignment, lang: str) -> AssignmentView:
    """One assignment as this viewer sees it."""
    assignment = service.definition(row)
    network = registry.public_options(assignment)
    file_names = usual_file_names(assignment.parts)
    left = quota.of(session, viewer.user_id, assignment)
    extended_to = extensions.deadline(session, assignment.slug, viewer.user_id)
    return AssignmentView(
        slug=assignment.slug,
        version=assignment.version,
        title=language.text(assignment.title, lang),
        max_score=assignment.max_score,
        opens=assignment.schedule.opens,
        deadline=assignment.schedule.deadline,
        grace_minutes=assignment.schedule.grace_minutes,
        late=assignment.schedule.late,
        due=lateness.due(assignment.schedule, extended_to),
        closes=lateness.closes(assignment.schedule, extended_to),
        keep=assignment.schedule.keep,
        input_shape=network.get("input_shape"),
        classes=network.get("classes"),
        limits={
            "parameters": network.get("parameter_limit"),
            "bytes": {part.name: part.limit for part in assignment.parts},
        },
        parts=[
            AssignmentPartView(
                name=part.name,
                kind=part.kind,
                title=language.text(part.title, lang),
                hint=language.text(part.hint, lang) if part.hint else "",
                max_bytes=part.limit,
                files=list(file_names[part.name]),
                option=part.option,
                outputs=list(part.outputs),
            )
            for part in assignment.parts
        ],
        questions=[_question(assignment, question, lang) for question in assignment.questions],
        quota=QuotaView(per_day=left.per_day, used=left.used, left=left.left, next_at=left.next_at),
    )


def _question(assignment: Assignment, question: Question, lang: str) -> QuestionView:
    choices = question.options.get("choices")
    return QuestionView(
        number=question.number,
        title=language.text(question.title, lang),
        text=question.task(lang),
        points=question.points,
        entry=question.entry,
        parts=list(question.parts),
        choices={key: language.text(texts, lang) for key, texts in choices.items()} if choices else None,
        tell=telling.rule(assignment, question),
    )
