"""A person's data is handed out, and deleted: a number stays, nothing else anywhere in the database."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import tables
from app.audit import service as audit
from app.audit.models import AuditEntry
from app.auth import service as auth
from app.db.base import now
from app.db.engine import Database
from app.lti.models import Identity
from app.personal_data import export, service
from app.regrade_requests.models import RegradeRequest, RequestState
from app.regrades import repository as regrades
from app.regrades.models import EntryState, Kind, Regrade, RegradeEntry, RegradeState
from app.regrades.selection import Condition
from app.reports import building
from app.scores import service as scores
from app.scores.groups.models import GroupDecision, GroupMember
from app.scores.models import Override, StoredScore
from app.scores.second_readings.models import SecondReading
from app.submissions.excusals.models import Excusal
from app.submissions.extensions.models import Extension
from app.submissions.models import Blob, State, StoredEvidence, Submission, SubmissionPart
from app.submissions.staff_notes.models import StaffNote
from app.users import service as users
from app.users.models import Role, User
from tests import class_rows

MARK = "9xq"
"""In every text about the person, and in none about anybody else."""
LOGIN, NAME, NUMBER = f"ann.{MARK}", f"Ann {MARK}", f"B{MARK}"


@pytest.fixture
def secret(database: Database) -> str:
    """A class in which one person left texts everywhere. Returns that person's token."""
    class_rows.enrol(database, 3, 2)
    with database.write() as session:
        mia = users.create_user(session, login="mia", name="Mia", role=Role.ADMIN, actor="test")
        ann = users.find(session, "s00001")
        users.edit_user(session, ann, actor="mia", name=NAME, student_id=NUMBER)
        ann.login = LOGIN
        session.flush()
        token = users.create_token(session, ann, actor="mia")
        auth.log_in(session, token.secret, days=1)
        first, second = submissions_of(session, ann)
        shared = Blob(sha256="a" * 64, size=4, data=b"same")
        session.add_all([Blob(sha256="b" * 64, size=3, data=MARK.encode()), shared])
        session.flush()
        (other, *_) = submissions_of(session, users.find(session, "s00002"))
        for submission, name, filename, digest in (
            (first, "loss", f"{MARK}.py", "b" * 64),
            (first, "summary", None, "a" * 64),
            (other, "summary", None, "a" * 64),
        ):
            session.add(SubmissionPart(submission_id=submission.id, name=name, filename=filename, blob_sha256=digest))
        evidence = session.scalars(select(StoredEvidence).where(StoredEvidence.submission_id == first.id)).first()
        assert evidence is not None
        evidence.data = {**evidence.data, "note": MARK}
        score = session.scalars(select(StoredScore).where(StoredScore.submission_id == second.id)).first()
        assert score is not None
        score.messages = [{"id": "choice.right", "params": {"choice": {"en": MARK}}}]
        request = {"submission_id": first.id, "question": "2.2", "points_before": 0.0}
        session.add_all(
            [
                Override(submission_id=first.id, question="3.1", score=0.5, replaced=0, reason=MARK, by_id=mia.id),
                RegradeRequest(reason=MARK, **request),
                Extension(slug="hw13", user_id=ann.id, deadline=now(), reason=MARK, by_id=mia.id),
                Excusal(slug="quiz", user_id=ann.id, reason=MARK, by_id=mia.id),
                StaffNote(slug="hw13", user_id=ann.id, text=MARK, by_id=mia.id),
                Identity(issuer="https://lms.example", subject=MARK, user_id=ann.id, made=False),
                GroupDecision(id=1, slug="hw13", question="3.1", score=0.5, reason=MARK, by_id=mia.id),
                *regrade_of(session, mia, [first.id, other.id], RegradeState.PUBLISHED),
            ]
        )
        session.flush()
        session.add(GroupMember(decision_id=1, submission_id=first.id))
        decision = session.scalars(select(Override).where(Override.submission_id == first.id)).one()
        session.add(
            SecondReading(
                submission_id=first.id, question="3.1", first_id=decision.id, score=0, note=MARK, by_id=mia.id
            )
        )
        audit.record(session, LOGIN, "regrade_request.ask", f"{first.id}/2.2", reason=MARK)
        audit.record(session, "mia", "extension.grant", f"hw13/{LOGIN}", reason=MARK, old=None)
        audit.record(session, "mia", "regrade.create", "x", where={"student": LOGIN}, names=[NAME, "Bob"])
        audit.record(session, "mia", "user.edit", "s00002", name="Bob")
    return token.secret


def submissions_of(session: Session, user: User) -> list[Submission]:
    return list(session.scalars(select(Submission).where(Submission.user_id == user.id).order_by(Submission.attempt)))


def regrade_of(session: Session, by: User, ids: list[uuid.UUID], state: RegradeState) -> list[Any]:
    target = session.scalars(select(Submission.assignment_id).where(Submission.id == ids[0])).one()
    regrade = Regrade(id=uuid.uuid4(), slug="hw13", target_id=target, kind=Kind.RESCORE, total=len(ids), state=state)
    regrade.condition, regrade.questions, regrade.grader_version = {"student": LOGIN}, [], "1"
    regrade.created_by_id = by.id
    session.add(regrade)
    session.flush()
    return [RegradeEntry(regrade_id=regrade.id, submission_id=one, state=EntryState.DONE) for one in ids]


def places_of_mark(session: Session) -> set[str]:
    """The columns of the database in which the person can still be read."""
    places = set()
    for table in tables.metadata.sorted_tables:
        for row in session.execute(select(table)).mappings():
            places |= {f"{table.name}.{name}" for name, value in row.items() if MARK in str(value)}
    return places


def test_every_table_about_people_is_known_here() -> None:
    """A new table that refers to people or submissions needs its line in `app.personal_data.repository`, and here."""
    about = {
        table.name
        for table in tables.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name in ("users", "submissions", "runs", "tokens")
    }
    assert about == {
        *(
            "assignment_drafts",
            "evidence",
            "excusals",
            "extensions",
            "group_decisions",
            "group_members",
            "lti_identities",
            "lti_passbacks",
            "overrides",
            "processor_use",
        ),
        *("regrade_changes", "regrade_entries", "regrade_requests", "regrades", "releases", "runs", "scores"),
        *(
            "review_claims",
            "review_item_changes",
            "comments",
            "saved_comments",
            "second_readings",
            "enrolments",
            "staff_notes",
            "submission_parts",
            "submissions",
            "tokens",
            "tries",
            "web_sessions",
        ),
    }


def test_deleting_leaves_a_number_and_the_points(database: Database, secret: str) -> None:
    with database.read() as session:
        before = [(row.score, row.needs_review) for row in scores.class_table(session, "hw13").rows]
        assert len(places_of_mark(session)) >= 15
        plan = service.plan(session, LOGIN, actor="mia")
        assert (plan.submissions, plan.shared, plan.requests, plan.obstacle) == (2, 1, 1, None)
        assert plan.audit_entries >= 4
    with database.write() as session:
        deletion = service.delete(session, LOGIN, actor="mia")
    with database.read() as session:
        assert places_of_mark(session) == set()
        ann = users.find(session, deletion.number)
        assert ann.deleted_at is not None
        rows = scores.class_table(session, "hw13").rows
        assert sorted((row.score or 0.0, row.needs_review) for row in rows) == sorted((a or 0.0, b) for a, b in before)
        assert deletion.number in [row.student for row in rows]
        assert auth.by_token(session, secret) is None
        assert session.scalars(select(RegradeRequest.state)).one() is RequestState.WITHDRAWN
        assert session.get(Blob, "a" * 64) is not None
        assert session.get(Blob, "b" * 64) is None
        assert session.scalars(select(Regrade.total)).one() == 1
        for submission in submissions_of(session, ann):
            for is_staff in (True, False):
                assert building.build_report(session, submission, "en", is_staff=is_staff).score is not None
        chosen = regrades.select_submissions(session, "hw13", Condition(), [])
        assert chosen
        assert not set(chosen) & {submission.id for submission in submissions_of(session, ann)}
        assert audit.first_broken(session) is None
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert (entry.actor, entry.action, entry.subject) == ("mia", "person.delete", deletion.number)
        assert len(entry.detail["entries"]) == deletion.audit_entries
    with database.write() as session:
        with pytest.raises(service.CannotDelete, match="deleted already"):
            service.delete(session, deletion.number, actor="mia")
        with pytest.raises(users.PersonDeleted):
            users.create_token(session, users.find(session, deletion.number), actor="mia")


def test_an_entry_that_no_deletion_names_still_breaks_the_chain(database: Database, secret: str) -> None:
    with database.write() as session:
        service.delete(session, LOGIN, actor="mia")
        other = session.scalars(select(AuditEntry).where(AuditEntry.subject == "s00002")).one()
        session.execute(update(AuditEntry).where(AuditEntry.id == other.id).values(actor="nobody"))
        assert audit.first_broken(session) == other.id
        named = session.scalars(select(AuditEntry).where(AuditEntry.action == "person.delete")).one()
        detail = {**named.detail, "entries": [*named.detail["entries"], other.id]}
        session.execute(update(AuditEntry).where(AuditEntry.id == named.id).values(detail=detail))
        assert audit.first_broken(session) == named.id


def test_what_still_runs_or_is_open_is_in_the_way(database: Database, secret: str) -> None:
    with database.write() as session:
        ann, mia = users.find(session, LOGIN), users.find(session, "mia")
        first, _ = submissions_of(session, ann)
        for login, actor, reason in (("mia", "mia", "their own data"), (LOGIN, "mia", None)):
            obstacle = service.plan(session, login, actor=actor).obstacle
            assert (reason in obstacle) if obstacle and reason else obstacle is reason
        entries = regrade_of(session, mia, [first.id], RegradeState.PREVIEW)
        session.add_all(entries)
        session.flush()
        with pytest.raises(service.CannotDelete, match=str(entries[0].regrade_id)):
            service.delete(session, LOGIN, actor="mia")
        first.state = State.QUEUED
        session.flush()
        with pytest.raises(service.CannotDelete, match="being graded: 1"):
            service.delete(session, LOGIN, actor="mia")
        session.rollback()


def test_a_person_gets_everything_that_is_stored(database: Database, secret: str) -> None:
    out = io.BytesIO()
    with database.read() as session:
        export.write(session, LOGIN, out, "en")
    archive = zipfile.ZipFile(out)
    person = json.loads(archive.read("person.json"))
    assert (person["login"], person["name"], person["student_id"]) == (LOGIN, NAME, NUMBER)
    assert [request["reason"] for request in person["regrade_requests"]] == [MARK]
    assert [extension["reason"] for extension in person["extensions"]] == [MARK]
    assert [platform["known_as"] for platform in person["platforms"]] == [MARK]
    assert secret not in archive.read("person.json").decode()
    assert json.loads(archive.read("hw13-2/report.json"))["attempt"] == 2
    assert archive.read("hw13-1/uploads/loss") == MARK.encode()
    assert {name.partition("/")[0] for name in archive.namelist()} == {"person.json", "hw13-1", "hw13-2"}
