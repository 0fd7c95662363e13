"""Uploads are kept as long as a course says, and longer where something still needs them."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.audit.models import AuditEntry
from app.db.base import now
from app.db.engine import Database
from app.queue.dbos_engine import DbosJobs
from app.regrade_requests.models import RegradeRequest, RequestState
from app.regrades.models import EntryState, Kind, Regrade, RegradeEntry, RegradeState
from app.regrades.preview import Previewer
from app.scores import service as scores
from app.scores.models import Override, StoredScore
from app.settings import Settings
from app.submissions.models import Blob, Run, RunOutcome, State, Submission, SubmissionPart
from app.users.models import User
from app.worker import retention
from app.worker.chores import Chores
from grader.sandbox.supervisor import Sandbox
from grader.scoring import Verdict
from tests import class_rows
from tests.integration.test_regrade_jobs import RegradedCourse, remeasure

DAYS = 30
NEEDED = ("review", "request", "regrade", "run", "recent", "running")
FREE = ("plain", "shared", "decided")


@pytest.fixture
def course(database: Database, jobs: DbosJobs) -> RegradedCourse:
    course = RegradedCourse(database, jobs)
    class_rows.enrol(database, len(NEEDED + FREE), 1)
    with database.write() as session:
        # The course's own student has a submission too.
        others = select(Submission.id).where(Submission.id.not_in([row.id for row in submissions_of(session).values()]))
        session.execute(delete(SubmissionPart).where(SubmissionPart.submission_id.in_(others)))
    return course


def submissions_of(session: Session) -> dict[str, Submission]:
    """The submissions by the case that each stands for."""
    rows = session.scalars(
        select(Submission).join(Submission.user).where(User.login.like("s0%")).order_by(User.login)
    ).all()
    return dict(zip(NEEDED + FREE, rows, strict=True))


def arrange(session: Session, admin_id: int) -> None:
    """Let each submission be its case; all but one ended long ago."""
    cases = submissions_of(session)
    session.execute(update(StoredScore).values(verdict=Verdict.FULL))
    for case in ("review", "decided"):
        waiting = (StoredScore.submission_id == cases[case].id, StoredScore.question == "3.1")
        session.execute(update(StoredScore).where(*waiting).values(verdict=Verdict.NEEDS_REVIEW))
    decided = {"submission_id": cases["decided"].id, "question": "3.1", "reason": "x", "by_id": admin_id}
    session.add(Override(score=1.0, replaced=0.5, **decided))
    session.add(RegradeRequest(submission_id=cases["request"].id, question="2.1", reason="x", points_before=0))
    regrade = {"slug": "hw13", "target_id": cases["regrade"].assignment_id, "kind": Kind.RESCORE, "total": 1}
    regrade |= {"condition": {}, "questions": [], "grader_version": "1", "created_by_id": admin_id}
    session.add(Regrade(id=uuid.UUID(int=1), state=RegradeState.PREVIEW, **regrade))
    session.flush()
    entry = {"regrade_id": uuid.UUID(int=1), "submission_id": cases["regrade"].id}
    session.add(RegradeEntry(state=EntryState.DONE, **entry))
    session.execute(update(Run).where(Run.submission_id == cases["run"].id).values(outcome=RunOutcome.RUNNING))
    long_ago = now() - timedelta(days=DAYS + 1)
    session.execute(update(Submission).values(finished_at=long_ago))
    cases["recent"].finished_at = now() - timedelta(days=DAYS - 1)
    cases["running"].state = State.RUNNING
    for case, submission in cases.items():
        digest = ("shared" if case == "recent" else case).encode().hex().ljust(64, "0")
        if session.get(Blob, digest) is None:
            session.add(Blob(sha256=digest, size=1, data=b"x", stored_at=long_ago))
            session.flush()
        own = SubmissionPart.submission_id == submission.id
        session.execute(update(SubmissionPart).where(own).values(blob_sha256=digest))


def with_uploads(session: Session) -> set[str]:
    parts = set(session.scalars(select(SubmissionPart.submission_id)))
    return {case for case, submission in submissions_of(session).items() if submission.id in parts}


def test_old_uploads_go_unless_something_needs_them(
    course: RegradedCourse, settings: Settings, sandbox: Sandbox
) -> None:
    database = course.database
    with database.write() as session:
        arrange(session, course.admin.user_id)
        before = [row.score for row in scores.class_table(session, "hw13").rows]
    Chores(settings, database, course.jobs).run()
    with database.read() as session:
        assert with_uploads(session) == {*NEEDED, *FREE}, "nothing is deleted before a course says so"
    Chores(settings.model_copy(update={"uploads_days": DAYS}), database, course.jobs).run()
    with database.read() as session:
        assert with_uploads(session) == set(NEEDED)
        digests = session.scalars(select(Blob.sha256))
        blobs = {bytes.fromhex(digest).rstrip(b"\0").decode(errors="replace") for digest in digests}
        assert {"shared", "review"} <= blobs
        assert not blobs & {"plain", "decided"}
        assert [row.score for row in scores.class_table(session, "hw13").rows] == before
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "uploads.delete")).one()
        assert (entry.actor, len(entry.detail["submissions"])) == ("retention", len(FREE))
    with database.write() as session:
        # What needed them has ended.
        session.execute(update(RegradeRequest).values(state=RequestState.KEPT))
        session.execute(update(Regrade).values(state=RegradeState.PUBLISHED))
        session.execute(update(Run).values(outcome=RunOutcome.FINISHED))
        assert retention.delete_expired(session, DAYS, now()) == 3
        assert with_uploads(session) == {"review", "recent", "running"}
        assert retention.delete_expired(session, DAYS, now()) == 0


def test_a_submission_without_uploads_is_rescored_and_not_measured_again(
    course: RegradedCourse, sandbox: Sandbox
) -> None:
    database = course.database
    with database.write() as session:
        session.execute(update(Submission).values(finished_at=now() - timedelta(days=DAYS)))
        session.execute(update(StoredScore).values(verdict=Verdict.FULL))
        assert retention.delete_expired(session, DAYS - 1, now()) == len(NEEDED + FREE)
        plain = submissions_of(session)["plain"].id
    course.publish()
    regrade = course.regrade(Kind.REMEASURE, student="s00006")
    Previewer(database, course.jobs, lambda: False).run(regrade)
    remeasure(course, sandbox, regrade, plain)
    view = course.view(regrade)
    assert [fault.reason for fault in view.faults] == [
        "The uploads of this submission were deleted, so it cannot be measured again. Regrade with `rescore`."
    ]
    with database.write() as session:
        session.execute(update(Regrade).values(state=RegradeState.CANCELLED))
    again = course.regrade(Kind.RESCORE, student="s00006")
    Previewer(database, course.jobs, lambda: False).run(again)
    assert (course.view(again).done, course.view(again).faults) == (1, [])
