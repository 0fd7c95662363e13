"""Graders at the same moment, on both databases: each gets another question, and groups that overlap decide once."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sqlalchemy import select

from app.auth.viewer import Viewer
from app.db.engine import Database
from app.scores import service as scores
from app.scores.claims import service as claims
from app.scores.groups import service as groups
from app.scores.models import Override
from app.submissions import service as submissions
from app.submissions.models import Submission
from app.users import service as users
from app.users.models import Role
from tests import class_rows

AT_ONCE = 4


def enrolled(database: Database) -> tuple[list[Viewer], list[uuid.UUID]]:
    class_rows.enrol(database, AT_ONCE, 1)
    with database.write() as session:
        graders = [
            Viewer.of(users.create_user(session, login=f"ta{n}", name=f"TA {n}", role=Role.TA, actor="test"))
            for n in range(AT_ONCE)
        ]
        return graders, list(session.scalars(select(Submission.id).order_by(Submission.id)))


def test_graders_at_once_open_different_questions(database: Database) -> None:
    graders, ids = enrolled(database)
    together = Barrier(AT_ONCE)

    def opened(grader: Viewer) -> tuple[uuid.UUID, str] | None:
        together.wait()
        with database.write() as session:
            return claims.open_first(session, grader, [(one, "3.1") for one in ids])

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert {one[0] for one in threads.map(opened, graders) if one} == set(ids)


def test_groups_that_overlap_decide_on_each_submission_once(database: Database) -> None:
    graders, ids = enrolled(database)
    with database.read() as session:
        seen = {
            one: scores.standing(session, submissions.find(session, graders[0], one), "3.1").revision for one in ids
        }
    together = Barrier(AT_ONCE)

    def decide(number: int) -> None:
        bases = {one: seen[one] for one in (ids if number % 2 else reversed(ids))}
        together.wait()
        with database.write() as session:
            groups.decide(session, graders[number], "hw13", "3.1", bases, score=0.5, reason="x")

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(decide, range(AT_ONCE)))
    with database.read() as session:
        rows = session.scalars(select(Override)).all()
    assert sorted(row.submission_id for row in rows) == ids
    assert len({row.by_id for row in rows}) == 1
