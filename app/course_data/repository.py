"""SQL that reads and deletes all that belongs to a course, in all tables."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.assignments.models import PublishedAssignment
from app.assignments.repository import in_courses
from app.courses.models import Course
from app.courses.names import pattern
from app.drafts.models import AssignmentDraft
from app.lti.models import LineItem, Passback
from app.regrade_requests.models import RegradeRequest
from app.regrades.models import Regrade, RegradeChange, RegradeEntry, RegradeState
from app.scores.claims.models import ReviewClaim
from app.scores.comments.models import Comment, SavedComment
from app.scores.groups.models import GroupDecision, GroupMember
from app.scores.models import GivenItem, Override, ReviewItem, StoredScore
from app.scores.releases.models import Release
from app.scores.review_items.models import ReviewItemChange
from app.scores.second_readings.models import SecondReading
from app.submissions.excusals.models import Excusal
from app.submissions.extensions.models import Extension
from app.submissions.models import Run, RunOutcome, State, StoredEvidence, Submission, Try
from app.submissions.staff_notes.models import StaffNote
from app.users.models import Enrolment, User

_NO_SYNC = {"synchronize_session": False}


def published_slugs(session: Session, course: str) -> list[str]:
    """The assignments of a course, in order."""
    query = select(PublishedAssignment.slug).where(in_courses([course]), ~PublishedAssignment.is_draft)
    return list(session.scalars(query.distinct().order_by(PublishedAssignment.slug)))


def review_items(session: Session, slug: str) -> list[ReviewItem]:
    """The review items of an assignment that are offered."""
    query = select(ReviewItem).where(ReviewItem.slug == slug, ~ReviewItem.retired)
    return list(session.scalars(query.order_by(ReviewItem.id)))


def saved_comments(session: Session, slug: str) -> list[SavedComment]:
    """The saved comments of an assignment."""
    return list(session.scalars(select(SavedComment).where(SavedComment.slug == slug).order_by(SavedComment.id)))


def people(session: Session, course: str) -> list[tuple[User, Enrolment]]:
    """Everybody who is or was enrolled in a course, by login."""
    query = select(User, Enrolment).join(Enrolment, Enrolment.user_id == User.id).where(Enrolment.course == course)
    return [(user, enrolment) for user, enrolment in session.execute(query.order_by(User.login))]


def submissions(session: Session, slug: str) -> list[tuple[uuid.UUID, str, int]]:
    """The id, the student and the attempt of every submission of an assignment."""
    query = select(Submission.id, User.login, Submission.attempt).join(User, Submission.user_id == User.id)
    query = query.join(PublishedAssignment, Submission.assignment_id == PublishedAssignment.id)
    rows = session.execute(query.where(PublishedAssignment.slug == slug).order_by(User.login, Submission.attempt))
    return [(row[0], row[1], row[2]) for row in rows]


def submission_ids(session: Session, course: str) -> list[uuid.UUID]:
    """Every submission of a course."""
    return list(session.scalars(_submissions(course)))


def regrade_ids(session: Session, course: str) -> list[uuid.UUID]:
    """Every regrade of a course."""
    return list(session.scalars(select(Regrade.id).where(Regrade.slug.in_(_slugs(course)))))


def counts(session: Session, course: str) -> dict[str, int]:
    """How many assignments, submissions and enrolments a course has."""
    of = {
        "assignments": select(func.count(PublishedAssignment.slug.distinct())).where(in_courses([course])),
        "submissions": select(func.count()).select_from(_submissions(course).subquery()),
        "enrolments": select(func.count()).select_from(Enrolment).where(Enrolment.course == course),
    }
    return {name: session.scalar(query) or 0 for name, query in of.items()}


def unfinished(session: Session, course: str) -> int:
    """The number of submissions of a course that wait or that a worker grades."""
    runs = exists().where(Run.submission_id == Submission.id, Run.outcome == RunOutcome.RUNNING)
    waiting = or_(Submission.state.in_((State.QUEUED, State.RUNNING)), runs)
    own = Submission.id.in_(_submissions(course))
    return session.scalar(select(func.count()).select_from(Submission).where(own, waiting)) or 0


def running_regrade(session: Session, course: str) -> uuid.UUID | None:
    """A regrade of a course that runs."""
    query = select(Regrade.id).where(Regrade.slug.in_(_slugs(course)), Regrade.state == RegradeState.RUNNING)
    return session.scalar(query.limit(1))


def delete_course(session: Session, course: str) -> None:
    """Delete every row of a further course but its uploads, which must be deleted before, and the audit log's."""
    of_submissions = _submissions(course)
    overrides = select(Override.id).where(Override.submission_id.in_(of_submissions))
    runs = select(Run.id).where(Run.submission_id.in_(of_submissions))
    # A run of another course may have taken over evidence of one of these; it has a copy.
    _update(session, Run.reused_run_id, Run.reused_run_id.in_(runs))
    _delete(session, Try, Try.run_id.in_(runs))
    _delete(session, GivenItem, GivenItem.override_id.in_(overrides))
    decisions = select(GroupDecision.id).where(_is_own(GroupDecision.slug, course))
    _delete(session, GroupMember, GroupMember.decision_id.in_(decisions))
    regrades = select(Regrade.id).where(_is_own(Regrade.slug, course))
    for table in (RegradeChange, RegradeEntry):
        _delete(session, table, table.regrade_id.in_(regrades))
    for of_submission in (
        SecondReading,
        ReviewClaim,
        Comment,
        RegradeRequest,
        Override,
        StoredScore,
        StoredEvidence,
        Run,
    ):
        _delete(session, of_submission, of_submission.submission_id.in_(of_submissions))
    _delete(session, Submission, Submission.id.in_(of_submissions))
    items = select(ReviewItem.id).where(_is_own(ReviewItem.slug, course))
    _delete(session, ReviewItemChange, ReviewItemChange.item_id.in_(items))
    line_items = select(LineItem.id).where(_is_own(LineItem.slug, course))
    _delete(session, Passback, Passback.line_item_id.in_(line_items))
    for of_assignment in (
        GroupDecision, Regrade, ReviewItem, SavedComment, LineItem, AssignmentDraft, Extension, Excusal, StaffNote,
        Release, PublishedAssignment,
    ):  # fmt: skip
        _delete(session, of_assignment, _is_own(of_assignment.slug, course))
    _delete(session, Enrolment, Enrolment.course == course)
    _delete(session, Course, Course.slug == course)
    session.expire_all()


def _is_own(slug: InstrumentedAttribute[str], course: str) -> ColumnElement[bool]:
    """Whether an assignment is one of a further course, by its name."""
    return slug.like(pattern(course))


def _slugs(course: str) -> Select[str]:
    return select(PublishedAssignment.slug).where(in_courses([course]))


def _submissions(course: str) -> Select[uuid.UUID]:
    versions = select(PublishedAssignment.id).where(in_courses([course]))
    return select(Submission.id).where(Submission.assignment_id.in_(versions))


def _update(session: Session, column: InstrumentedAttribute[Any], condition: ColumnElement[bool]) -> None:
    statement = update(column.class_).where(condition).values({column.key: None})
    session.execute(statement, execution_options=_NO_SYNC)


def _delete(session: Session, table: Any, condition: ColumnElement[bool]) -> None:
    session.execute(delete(table).where(condition), execution_options=_NO_SYNC)
