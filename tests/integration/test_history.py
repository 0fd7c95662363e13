"""The list of submissions, page by page, on both databases."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from app.auth.viewer import Viewer
from app.db.base import now
from app.db.engine import Database
from app.queue.dbos_engine import DbosJobs
from app.reports import service as reports
from app.submissions.models import State, Submission
from app.users import service as users
from app.users.models import Role
from tests.integration.test_jobs import Course
from tests.load.rescore_rate import publish_second_version

HAND_INS = 7


@pytest.fixture
def newest_first(database: Database, jobs: DbosJobs) -> list[uuid.UUID]:
    """Hand-ins to two versions of the assignment in turn, the newest first; two were handed in at the same moment."""
    course = Course(database, jobs)
    older = [course.submit(answers=f'{{"2.2": "{number}"}}') for number in range(HAND_INS)]
    publish_second_version(database)
    with database.write() as session:
        newer = course.submit_within(session, {"answers": '{"2.2": "newer"}'})
        version = session.get_one(Submission, newer).assignment_id
        for number, submission_id in enumerate(older):
            one = session.get_one(Submission, submission_id)
            one.submitted_at = now() - timedelta(hours=max(number, 1))
            one.assignment_id = version if number % 2 else one.assignment_id
            one.state = State.FAILED if number in (2, 5) else State.QUEUED
        session.flush()
        moment = session.get_one(Submission, older[0]).submitted_at
        session.get_one(Submission, older[1]).submitted_at = moment
        order = (Submission.submitted_at.desc(), Submission.id.desc())
        rows = session.execute(select(Submission.id, Submission.assignment_id).order_by(*order)).all()
    assert len({assignment for _, assignment in rows}) == 2
    ids = [row.id for row in rows]
    assert ids[0] == newer
    return ids


@pytest.fixture
def staff(database: Database) -> Viewer:
    """A teaching assistant."""
    with database.write() as session:
        return Viewer.of(users.create_user(session, login="ta", name="TA", role=Role.TA, actor="test"))


def paged(database: Database, viewer: Viewer, **chosen: Any) -> list[uuid.UUID]:
    """All that there is, by two."""
    ids: list[uuid.UUID] = []
    cursor: str | None = None
    while True:
        with database.read() as session:
            page = reports.list_submissions(session, viewer, cursor=cursor, limit=2, **chosen)
        ids += [item.id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids


def test_staff_page_through_every_version_newest_first(
    database: Database, staff: Viewer, newest_first: list[uuid.UUID]
) -> None:
    assert paged(database, staff) == newest_first
    assert paged(database, staff, assignment="hw13") == newest_first
    assert paged(database, staff, assignment="hw13", student="student") == newest_first
    failed = paged(database, staff, assignment="hw13", state=State.FAILED)
    assert len(failed) == 2
    assert failed == [submission_id for submission_id in newest_first if submission_id in failed]
    assert paged(database, staff, assignment="hw12") == []


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)  # PostgreSQL reads so short a table from end to end
def test_the_newest_are_found_by_an_index_and_not_by_sorting_all(
    database: Database, staff: Viewer, newest_first: list[uuid.UUID]
) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _, __, statement, values, *___: asked.append((statement, values)),
    )
    paged(database, staff, assignment="hw13")
    (listing, *_) = [one for one in asked if "UNION ALL" in one[0]]
    with database.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {listing[0]}", listing[1])
        steps = [row[3] for row in plan]
    by_index = [step for step in steps if "ix_submissions_assignment_id_submitted_at_id (assignment_id=?" in step]
    assert len(by_index) == 2, steps
