"""Decisions of the staff about single students: on their page, in the table, in what students and exports read."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.assignments import service as assignments
from app.audit.models import AuditEntry
from app.auth.viewer import Viewer
from app.db.base import now
from app.exports import gradebook, gradescope_table
from app.http.authentication import optional_viewer
from app.pages import charts
from app.reports import service as reports
from app.scores import service as scores
from app.scores.class_cache import ClassCache
from app.scores.table import statistics
from app.submissions import quota
from app.submissions.extensions import repository as extensions
from app.submissions.models import Submission
from app.users import service as users
from app.users.models import Role
from tests.unit.pages.conftest import Course
from tests.unit.pages.test_release import publish, with_rules

TABLE = "/dashboard/hw13"
ANN = f"{TABLE}/students/s00000"


@pytest.fixture
def graded(course: Course) -> Course:
    """Four students with two attempts each, an assignment with a deadline, and a course in Taipei."""
    course.enrol(4, 2)
    course.app.state.settings = course.app.state.settings.model_copy(update={"time_zone": "Asia/Taipei"})
    publish(course, with_rules("deadline = 2026-03-10T00:00:00+08:00"))
    return course


def post(course: Course, path: str, **fields: str) -> httpx.Response:
    return course.send("POST", path, data=fields)


def alert(answer: httpx.Response) -> str:
    return html.unescape(re.findall(r'role="alert">(.*?)</p>', answer.text)[0])


def act_as(course: Course, role: Role, login: str = "teo") -> Viewer:
    """Further requests are this person's."""
    with course.database.write() as session:
        viewer = Viewer.of(users.create_user(session, login=login, name=login, role=role, actor="test"))
    course.app.dependency_overrides[optional_viewer] = lambda: viewer
    return viewer


def logged(course: Course) -> list[tuple[str, str]]:
    with course.database.read() as session:
        return [(row.action, row.subject) for row in session.scalars(select(AuditEntry).order_by(AuditEntry.id))]


def extended(course: Course) -> dict[str, datetime]:
    with course.database.read() as session:
        return {row.user.login: row.deadline for row in extensions.of_assignment(session, "hw13")}


def test_an_extension_is_a_time_of_the_course_and_counts_at_once(graded: Course) -> None:
    form = {"deadline": "2026-03-20T12:00", "reason": "ill", "basis": ""}
    assert post(graded, f"{ANN}/extension?q=s0", **form).headers["location"] == f"{ANN}?q=s0#decisions"
    assert extended(graded) == {"s00000": datetime(2026, 3, 20, 4, tzinfo=UTC)}
    page = graded.get(ANN).text
    assert "extended by mia: ill" in page
    assert "2026-03-20 04:00 UTC" in page
    assert ("extension.set", "hw13/s00000") in logged(graded)
    assert post(graded, f"{ANN}/extension/remove").status_code == 303
    assert extended(graded) == {}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"deadline": "soon", "reason": "ill"}, "no date and time"),
        ({"deadline": "2026-03-20T12:00", "reason": "  "}, "Write a reason"),
        ({"deadline": "2026-03-01T12:00", "reason": "ill"}, "is not after the deadline"),
        (
            {"deadline": "2026-03-20T12:00", "reason": "ill", "basis": "2026-03-19T00:00:00+00:00"},
            "Somebody has changed",
        ),
    ],
)
def test_a_refused_extension_keeps_what_was_typed(graded: Course, fields: dict[str, str], words: str) -> None:
    answer = post(graded, f"{ANN}/extension", **fields)
    assert answer.status_code in (412, 422)
    assert words in alert(answer)
    fold = re.findall(r'<details id="extend" open>.*?</details>', answer.text, re.DOTALL)[0]
    assert f'value="{fields["deadline"]}"' in fold
    assert f'name="reason" maxlength="2000" required value="{fields["reason"]}"' in fold
    assert extended(graded) == {}


def test_many_get_a_deadline_or_none_does(graded: Course) -> None:
    path = f"{TABLE}/extensions"
    named = graded.get(f"{path}?student=s00001&student=s00002").text
    assert "s00001\ns00002</textarea>" in named
    assert "s00003</textarea>" in graded.get(f"{path}?matching=1&q=s00003").text
    form = {"deadline": "2026-03-20T12:00", "reason": "storm"}
    refused = post(graded, path, students="s00001, nobody s00002\nnoone", **form)
    assert "nobody, noone" in alert(refused)
    assert "s00001, nobody s00002\nnoone</textarea>" in refused.text
    assert extended(graded) == {}
    assert post(graded, path, students="s00001, s00002 s00001", **form).headers["location"].endswith("given=2")
    assert set(extended(graded)) == {"s00001", "s00002"}
    shorter = post(graded, path, students="s00003 s00002", deadline="2026-03-15T12:00", reason="late bus")
    assert "have a later deadline already: s00002" in alert(shorter)
    assert set(extended(graded)) == {"s00001", "s00002"}
    assert "storm" in graded.get(path).text


def test_an_excused_student_counts_nowhere_and_each_export_says_so(graded: Course) -> None:
    with graded.database.read() as session:
        before = statistics(scores.class_table(session, "hw13"))
        total = scores.class_table(session, "hw13").rows[0].score
    assert total is not None
    assert post(graded, f"{ANN}/excusal", reason="medical").status_code == 303
    assert "excused" in graded.get(TABLE).text
    with graded.database.read() as session:
        snapshot = ClassCache().snapshot(session, "hw13")
        table = scores.class_table(session, "hw13")
        definition = assignments.current_definition(session, "hw13")
        assert charts.draw(snapshot, "en").graded == 3
        after = statistics(table)
        assert (after.students, after.excused, after.graded) == (4, 1, before.graded - 1)
        totals = [row.score for row in table.rows[1:] if row.score is not None]
        assert after.mean == round(sum(totals) / 3, 4)
        row = table.rows[0]
        assert row.excused
        assert row.score is None
        assert row.questions["1.1"].score is not None
        lines = list(csv.DictReader(io.StringIO(table.csv())))
        assert [row["excused"] for row in lines[:2]] == ["yes", "no"]
        assert "Excused" in gradescope_table.text(definition, table.rows).splitlines()[1]
        file = b"Student,ID,SIS Login ID,Section,HW13 (7)\r\nPoints Possible,,,,4\r\nAnn,1,s00000,A,3\r\n"
        filled, preview = gradebook.fill(table, file, ["HW13"])
        assert filled.endswith(b"Ann,1,s00000,A,EX\r\n")
        assert not preview.without_submission
        attempt = snapshot.standings[0].counting
        assert attempt is not None
        report = reports.load_report(session, graded.viewer, attempt.submission, "en")
        assert [note.id for note in report.notes] == ["excused"]
    assert post(graded, f"{ANN}/excusal/remove").status_code == 303
    with graded.database.read() as session:
        assert scores.class_table(session, "hw13").rows[0].score == total


def test_an_excused_student_without_submission_is_seen_at_once(graded: Course) -> None:
    with graded.database.write() as session:
        users.create_user(session, login="zoe", name="Zoe", role=Role.STUDENT, actor="test")
    assert "excused" not in graded.get(f"{TABLE}?q=zoe").text.partition("data-rows")[2]
    post(graded, f"{TABLE}/students/zoe/excusal", reason="transferred")
    assert "excused" in graded.get(f"{TABLE}?q=zoe").text.partition("data-rows")[2]


def test_attempts_of_the_last_day_are_given_back(graded: Course) -> None:
    with graded.database.write() as session:
        user = users.find(session, "s00000")
        definition = assignments.current_definition(session, "hw13")
        rows = session.scalars(
            select(Submission).where(Submission.user_id == user.id).order_by(Submission.attempt)
        ).all()
        rows[0].submitted_at, rows[1].submitted_at = now() - timedelta(hours=30), now() - timedelta(hours=1)
        session.flush()
        assert quota.of(session, user.id, definition).used == 1
    assert "Attempts in 24 hours: 1 of" in graded.get(ANN).text
    assert post(graded, f"{ANN}/attempts").status_code == 303
    with graded.database.read() as session:
        assert quota.of(session, user.id, definition).used == 0
        rows = session.scalars(
            select(Submission).where(Submission.user_id == user.id).order_by(Submission.attempt)
        ).all()
        assert [row.counts for row in rows] == [True, False]
    assert ("attempts.give_back", "hw13/s00000") in logged(graded)
    assert 'id="give-back"' not in graded.get(ANN).text


def test_notes_are_for_the_staff_alone(graded: Course) -> None:
    act_as(graded, Role.TA)
    assert post(graded, f"{ANN}/notes", text="<b>asked</b> by mail").status_code == 303
    page = graded.get(ANN).text
    assert "&lt;b&gt;asked&lt;/b&gt; by mail" in page
    number = re.findall(r"/notes/(\d+)/delete", page)[0]
    with graded.database.read() as session:
        student = Viewer.of(users.find(session, "s00000"))
    graded.app.dependency_overrides[optional_viewer] = lambda: student
    attempt = graded.send("GET", "/").text
    assert "by mail" not in attempt
    assert graded.get(ANN).status_code == 403
    act_as(graded, Role.TA, "uma")
    assert f"/notes/{number}/delete" not in graded.get(ANN).text
    assert "another person" in alert(post(graded, f"{ANN}/notes/{number}/delete"))
    assert post(graded, f"{TABLE}/students/s00001/notes/{number}/delete").status_code == 404
    graded.app.dependency_overrides[optional_viewer] = lambda: graded.viewer
    assert post(graded, f"{ANN}/notes/{number}/delete").status_code == 303
    assert "by mail" not in graded.get(ANN).text
    with graded.database.read() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("note."))).all()
    assert [entry.action for entry in entries] == ["note.add", "note.delete"]
    assert "mail" not in str([entry.detail for entry in entries])


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("extension", {"deadline": "2026-03-20T12:00", "reason": "x"}),
        ("extension/remove", {}),
        ("excusal", {"reason": "x"}),
        ("excusal/remove", {}),
        ("attempts", {}),
        ("notes", {"text": "x"}),
    ],
)
def test_nobody_decides_on_themselves_and_no_student_decides(graded: Course, path: str, fields: dict[str, Any]) -> None:
    act_as(graded, Role.TA)
    refused = post(graded, f"{TABLE}/students/teo/{path}", **fields)
    assert refused.status_code == 403
    assert "your own" in alert(refused)
    act_as(graded, Role.STUDENT, "stu")
    assert post(graded, f"{ANN}/{path}", **fields).status_code == 403
    assert (
        post(graded, f"{TABLE}/extensions", students="stu", deadline="2026-03-20T12:00", reason="x").status_code == 403
    )
    assert extended(graded) == {}
