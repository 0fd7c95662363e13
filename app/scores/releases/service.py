"""Release the scores of an assignment, or take that back, in the caller's transaction."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.audit import service as audit
from app.db.base import now
from app.problems import NotFound
from app.scores.releases import repository
from app.scores.releases.models import Release
from grader import telling
from grader.assignment import Tell


class ReleaseNotFound(NotFound):
    """The scores of this assignment are not released."""

    slug = "release-not-found"


def release(session: Session, slug: str, actor: str, by_id: int | None = None) -> Release:
    """Let students read the results that are told when released; done twice, the first release stays.

    Raises `AssignmentNotFound`.
    """
    questions = released_questions(session, slug)
    row = repository.get(session, slug)
    if row is None:
        row = Release(slug=slug, by_id=by_id, at=now())
        session.add(row)
        session.flush()
        audit.record(session, actor, "scores.release", slug, questions=questions)
    return row


def is_released(session: Session, slug: str) -> bool:
    """Whether the results are released. Raises `AssignmentNotFound`."""
    assignments.current(session, slug)
    return repository.get(session, slug) is not None


def released_questions(session: Session, slug: str) -> list[str]:
    """The questions that are told when released, by the newest version. Raises `AssignmentNotFound`."""
    assignment = assignments.current_definition(session, slug)
    rules = {question.number: telling.rule(assignment, question) for question in assignment.questions}
    return [number for number, rule in rules.items() if rule is Tell.WHEN_RELEASED]


def find(session: Session, slug: str) -> Release:
    """The release of an assignment's scores. Raises `AssignmentNotFound` or `ReleaseNotFound`."""
    assignments.current(session, slug)
    row = repository.get(session, slug)
    if row is None:
        raise ReleaseNotFound
    return row


def take_back(session: Session, slug: str, actor: str) -> None:
    """Withhold the results again. Raises `AssignmentNotFound` or `ReleaseNotFound`."""
    row = find(session, slug)
    questions, released_at = released_questions(session, slug), row.at.isoformat()
    session.delete(row)
    session.flush()
    audit.record(session, actor, "scores.take_back", slug, questions=questions, released_at=released_at)
