"""SQL that reads and deletes what is stored of one person, in all tables."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from app.auth.models import WebSession
from app.lti.models import Identity, Passback
from app.regrade_requests.models import RegradeRequest, RequestState
from app.regrades.models import Regrade, RegradeChange, RegradeEntry, RegradeState
from app.scores.comments.models import Comment
from app.scores.groups.models import GroupDecision, GroupMember
from app.scores.models import Override, StoredScore
from app.scores.second_readings.models import SecondReading
from app.submissions.excusals.models import Excusal
from app.submissions.extensions.models import Extension
from app.submissions.models import Run, RunOutcome, State, StoredEvidence, Submission, SubmissionPart, Try
from app.submissions.staff_notes.models import StaffNote
from app.submissions.upload_repository import NO_DIGEST
from app.users.models import Enrolment, Token, User

_NO_SYNC = {"synchronize_session": False}


def submissions(session: Session, user_id: int) -> list[Submission]:
    """The person's submissions, oldest first."""
    query = select(Submission).where(Submission.user_id == user_id)
    return list(session.scalars(query.order_by(Submission.submitted_at, Submission.id)))


def requests(session: Session, user_id: int) -> list[RegradeRequest]:
    """The person's regrade requests, oldest first."""
    query = select(RegradeRequest).join(RegradeRequest.submission).where(Submission.user_id == user_id)
    return list(session.scalars(query.order_by(RegradeRequest.id)))


def extensions(session: Session, user_id: int) -> list[Extension]:
    """The person's later deadlines."""
    return list(session.scalars(select(Extension).where(Extension.user_id == user_id).order_by(Extension.slug)))


def excusals(session: Session, user_id: int) -> list[Excusal]:
    """The assignments from which the person is excused."""
    return list(session.scalars(select(Excusal).where(Excusal.user_id == user_id).order_by(Excusal.slug)))


def identities(session: Session, user_id: int) -> list[Identity]:
    """The person's names at learning platforms."""
    return list(session.scalars(select(Identity).where(Identity.user_id == user_id).order_by(Identity.id)))


def unfinished(session: Session, user_id: int) -> int:
    """The number of the person's submissions that wait or that a worker is at."""
    runs = exists().where(Run.submission_id == Submission.id, Run.outcome == RunOutcome.RUNNING)
    waiting = or_(Submission.state.in_((State.QUEUED, State.RUNNING)), runs)
    query = select(func.count()).select_from(Submission).where(Submission.user_id == user_id, waiting)
    return session.scalar(query) or 0


def open_regrades(session: Session, user_id: int) -> list[uuid.UUID]:
    """The regrades that are running or previewed and have a submission of the person."""
    query = (
        select(Regrade.id)
        .join(RegradeEntry, RegradeEntry.regrade_id == Regrade.id)
        .join(Submission, Submission.id == RegradeEntry.submission_id)
        .where(Submission.user_id == user_id, Regrade.state.in_((RegradeState.RUNNING, RegradeState.PREVIEW)))
    )
    return list(session.scalars(query.distinct()))


def blobs(session: Session, user_id: int) -> set[str]:
    """The digests of all bytes that the person's submissions and runs refer to."""
    own = select(Submission.id).where(Submission.user_id == user_id)
    digests = set(session.scalars(select(SubmissionPart.blob_sha256).where(SubmissionPart.submission_id.in_(own))))
    for column in (Run.picture_sha256, Run.artefact_sha256):
        digests |= {digest for digest in session.scalars(select(column).where(Run.submission_id.in_(own))) if digest}
    return digests


def blobs_of_others(session: Session, user_id: int) -> set[str]:
    """The digests among the person's bytes that somebody else's submissions or runs refer to too."""
    mine = blobs(session, user_id)
    others = select(Submission.id).where(Submission.user_id != user_id)
    shared: set[str] = set()
    for column, owner in (
        (SubmissionPart.blob_sha256, SubmissionPart.submission_id),
        (Run.picture_sha256, Run.submission_id),
        (Run.artefact_sha256, Run.submission_id),
    ):
        shared |= set(session.scalars(select(column).where(column.in_(mine), owner.in_(others))))
    return shared


def counts(session: Session, user_id: int) -> dict[str, int]:
    """The number of parts, and of rows of evidence, of the person's submissions."""
    own = select(Submission.id).where(Submission.user_id == user_id)
    return {
        name: session.scalar(select(func.count()).select_from(table).where(table.submission_id.in_(own))) or 0
        for name, table in (("parts", SubmissionPart), ("evidence", StoredEvidence))
    }


def clear_results(session: Session, ids: Collection[uuid.UUID]) -> None:
    """Leave points and verdicts of these submissions, and delete evidence, messages, comments, reasons, answers."""
    for row in session.scalars(select(StoredEvidence).where(StoredEvidence.submission_id.in_(ids))):
        row.data = {name: row.data[name] for name in ("schema_version", "kind") if name in row.data}
    run_ids = select(Run.id).where(Run.submission_id.in_(ids))
    cleared: dict[Any, dict[str, Any]] = {
        Run: {"fault_detail": None},
        StoredScore: {"messages": []},
        Override: {"reason": ""},
        SecondReading: {"note": ""},
        RegradeRequest: {"reason": "", "answer": None},
        Submission: {"content_key": NO_DIGEST, "body_digest": NO_DIGEST, "idempotency_key": None},
    }
    for table, values in cleared.items():
        owner = table.id if table is Submission else table.submission_id
        session.execute(update(table).where(owner.in_(ids)).values(values), execution_options=_NO_SYNC)
    # The reason of a group may name the person; the overrides of the other members have it still.
    of_groups = GroupDecision.id.in_(select(GroupMember.decision_id).where(GroupMember.submission_id.in_(ids)))
    session.execute(update(GroupDecision).where(of_groups).values(reason=""), execution_options=_NO_SYNC)
    session.execute(delete(Comment).where(Comment.submission_id.in_(ids)), execution_options=_NO_SYNC)
    session.execute(update(Try).where(Try.run_id.in_(run_ids)).values(detail=None), execution_options=_NO_SYNC)
    open_requests = RegradeRequest.submission_id.in_(ids), RegradeRequest.state == RequestState.OPEN
    withdrawn = update(RegradeRequest).where(*open_requests).values(state=RequestState.WITHDRAWN)
    session.execute(withdrawn, execution_options=_NO_SYNC)
    raised = update(Submission).where(Submission.id.in_(ids)).values(revision=Submission.revision + 1)
    session.execute(raised, execution_options=_NO_SYNC)


def forget_regrades(session: Session, ids: Collection[uuid.UUID]) -> None:
    """Take these submissions out of ended regrades, whose changes hold messages and would restore them."""
    for entry in session.scalars(select(RegradeEntry).where(RegradeEntry.submission_id.in_(ids))):
        session.get_one(Regrade, entry.regrade_id).total -= 1
    for table in (RegradeChange, RegradeEntry):
        session.execute(delete(table).where(table.submission_id.in_(ids)), execution_options=_NO_SYNC)


def forget_conditions(session: Session, login: str, number: str) -> None:
    """Write the person's number into the conditions of regrades that chose them by login."""
    for regrade in session.scalars(select(Regrade)):
        if regrade.condition.get("student") == login:
            regrade.condition = {**regrade.condition, "student": number}


def forget_accounts(session: Session, user_id: int, moment: datetime) -> None:
    """End the person's tokens and sessions, delete links to platforms and notes, and empty the reasons of decisions."""
    tokens = select(Token.id).where(Token.user_id == user_id)
    session.execute(delete(WebSession).where(WebSession.token_id.in_(tokens)), execution_options=_NO_SYNC)
    ended = update(Token).where(Token.user_id == user_id, Token.revoked_at.is_(None)).values(revoked_at=moment)
    session.execute(ended, execution_options=_NO_SYNC)
    for table in (Passback, Identity, StaffNote):
        session.execute(delete(table).where(table.user_id == user_id), execution_options=_NO_SYNC)
    left = update(Enrolment).where(Enrolment.user_id == user_id).values(section=None)
    session.execute(left, execution_options=_NO_SYNC)
    for decision in (Extension, Excusal):
        cleared = update(decision).where(decision.user_id == user_id).values(reason="")
        session.execute(cleared, execution_options=_NO_SYNC)


def rename(user: User, number: str, moment: datetime) -> None:
    """Leave a number of the person."""
    user.login, user.name, user.student_id, user.deleted_at = number, number, None, moment
