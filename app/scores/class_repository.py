"""SQL of a whole class: plain rows in a fixed number of statements, whatever its size."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVarTuple

from sqlalchemy import Select, String, and_, case, func, or_, select, true, type_coerce
from sqlalchemy.orm import Session

from app.assignments.models import PublishedAssignment
from app.courses.names import course_of
from app.scores.models import Override, StoredScore
from app.submissions.models import State, StoredEvidence, Submission
from app.users.models import Enrolment, User
from grader.scoring import Verdict

LOST = (Verdict.PARTIAL, Verdict.NONE)
"""Verdicts of questions that were answered and lost points."""
MOST_IDS = 500
"""The most ids in one statement; both databases limit its parameters."""


def stamp(session: Session, slug: str) -> tuple[Any, ...]:
    """A value that changes with every new submission and every visible change of one."""
    query = select(func.count(), func.sum(Submission.revision))
    return tuple(session.execute(query.where(Submission.assignment_id.in_(_versions(slug)))).one())


def people_stamp(session: Session, slug: str) -> str:
    """A value that changes with every person of a class: one text is read ten times as fast as the rows."""
    role, number = type_coerce(_ROLE, String), func.coalesce(User.student_id, "")
    section, dropped = func.coalesce(Enrolment.section, ""), case((Enrolment.dropped_at.is_(None), ""), else_="x")
    person = User.login + "\t" + User.name + "\t" + role + "\t" + number + "\t" + section + "\t" + dropped
    return session.scalar(_of_class(select(func.aggregate_strings(person, "\n")), slug)) or ""


def people(session: Session, slug: str) -> Sequence[Any]:
    """Everybody of a class by login: id, login, name, role, student id, section, and when they dropped the course and
    when their data was deleted.
    """
    columns = User.id, User.login, User.name, _ROLE.label("role"), User.student_id, User.deleted_at
    query = select(*columns, Enrolment.section, Enrolment.dropped_at)
    return session.execute(_of_class(query, slug).order_by(User.login)).all()


_Columns = TypeVarTuple("_Columns")
_ROLE = func.coalesce(Enrolment.role, User.role)


def _of_class(query: Select[*_Columns], slug: str) -> Select[*_Columns]:
    """The people who are enrolled in the course of an assignment or submitted it."""
    in_course = and_(Enrolment.user_id == User.id, Enrolment.course == course_of(slug))
    submitted = User.id.in_(select(Submission.user_id).where(Submission.assignment_id.in_(_versions(slug))))
    return query.select_from(User).outerjoin(Enrolment, in_course).where(or_(Enrolment.course.is_not(None), submitted))


def stamps(session: Session, slug: str) -> dict[int, tuple[Any, ...]]:
    """By user id, a value that changes with every new submission of that person and every visible change of one."""
    query = select(
        Submission.user_id, func.count(), func.sum(Submission.revision), func.max(Submission.submitted_at)
    ).where(Submission.assignment_id.in_(_versions(slug)))
    return {row[0]: tuple(row) for row in session.execute(query.group_by(Submission.user_id))}


def submissions(session: Session, slug: str, user_ids: Collection[int] | None = None) -> Sequence[Any]:
    """Every submission: id, user id, assignment id, attempt, state, fault, time; oldest first.

    With ``user_ids``, at most `MOST_IDS`, only those of these people.
    """
    owner = true() if user_ids is None else Submission.user_id.in_(user_ids)
    return session.execute(
        select(
            Submission.id,
            Submission.user_id,
            Submission.assignment_id,
            Submission.attempt,
            Submission.state,
            Submission.fault,
            Submission.submitted_at,
        )
        .where(Submission.assignment_id.in_(_versions(slug)), owner)
        .order_by(Submission.submitted_at, Submission.id)
    ).all()


def unfinished_logins(session: Session, slug: str) -> set[str]:
    """The logins of people with a submission that waits or is being graded."""
    query = (
        select(User.login)
        .join(Submission, Submission.user_id == User.id)
        .where(Submission.assignment_id.in_(_versions(slug)), Submission.state.in_((State.QUEUED, State.RUNNING)))
    )
    return set(session.scalars(query))


Paths = Mapping[str, Mapping[tuple[str | int, ...], Collection[str]]]
"""By fact, the questions whose stored evidence has it at a path."""


def computed(session: Session, slug: str, ids: Collection[uuid.UUID], paths: Paths) -> Sequence[Any]:
    """Computed scores of these submissions: submission id, question, score, verdict, fault, messages, and the facts.

    Messages are JSON and slow to read, so they are ``None`` unless points were lost.
    """
    with_facts = {question for by_path in paths.values() for questions in by_path.values() for question in questions}
    facts = [
        case(
            *((StoredScore.question.in_(questions), StoredEvidence.data[path]) for path, questions in by_path.items())
        ).label(fact)
        for fact, by_path in paths.items()
    ]
    query = select(
        StoredScore.submission_id,
        StoredScore.question,
        StoredScore.score,
        StoredScore.verdict,
        StoredScore.fault,
        case((StoredScore.verdict.in_(LOST), StoredScore.messages)).label("messages"),
        *facts,
    ).outerjoin(
        StoredEvidence, and_(StoredEvidence.id == StoredScore.evidence_id, StoredScore.question.in_(with_facts))
    )
    return session.execute(query.where(StoredScore.submission_id.in_(_ids_or_all(slug, ids)))).all()


def overrides(session: Session, slug: str, ids: Collection[uuid.UUID]) -> Sequence[Any]:
    """Active overrides of these submissions: submission id, question, kind, score."""
    query = select(Override.submission_id, Override.question, Override.kind, Override.score)
    query = query.where(Override.ended_at.is_(None), Override.submission_id.in_(_ids_or_all(slug, ids)))
    return session.execute(query).all()


def versions(session: Session, slug: str) -> dict[int, PublishedAssignment]:
    """Every version of an assignment by id."""
    query = select(PublishedAssignment).where(PublishedAssignment.slug == slug)
    return {row.id: row for row in session.scalars(query)}


def _versions(slug: str) -> Select[int]:
    return select(PublishedAssignment.id).where(PublishedAssignment.slug == slug)


def _ids_or_all(slug: str, ids: Collection[uuid.UUID]) -> Any:
    """These ids, or a query of all submissions of the assignment if the ids are too many for a statement."""
    if len(ids) <= MOST_IDS:
        return list(ids)
    return select(Submission.id).where(Submission.assignment_id.in_(_versions(slug)))
