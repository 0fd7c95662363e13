"""Courses: made, edited, archived, copied, exported and deleted, and each without a trace in another."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.audit import repository as audit
from app.audit import service as audit_service
from app.auth.viewer import Viewer
from app.course_data import deletion
from app.courses import service as courses
from app.courses.models import Course
from app.db.engine import Database
from app.drafts import service as drafts
from app.lti.models import Context, Platform
from app.problems import Problem
from app.queue.dbos_engine import DbosJobs
from app.regrades.models import RegradeState
from app.scores.comments.models import SavedComment
from app.scores.models import ReviewItem
from app.submissions.models import Run, State
from app.tables import metadata
from app.users import service as users
from app.users.models import Enrolment, Role
from grader.assignment import bundled, from_files
from grader.assignment_check import MAIN
from tests import course_rows
from tests.integration.conftest import MakeSettings
from tests.integration.service import MODEL, ServiceInProcess, Site, assert_problem

DEADLINE = "deadline = 2027-05-20T23:59:59+08:00\ngrace_minutes = 15"


def make_course(session: Session, slug: str) -> Course:
    return courses.create(session, slug, f"Course {slug}", actor="test")


@pytest.fixture
def filled(database: Database) -> dict[str, dict[str, dict[str, Any]]]:
    """Three courses with a row in every table of each; the names of two begin alike. The rows by course and table."""
    rows = {}
    with database.write() as session:
        user = users.create_user(session, login="ada", name="Ada", role=Role.STUDENT, actor="test")
        session.query(Enrolment).delete()
        platform = Platform(
            name="p", issuer="i", client_id="c", deployments=[], auth_url="a", token_url="t", token_audience="t",
            jwks_url="j", hosts=[], staff=True,
        )  # fmt: skip
        session.add(platform)
        session.flush()
        for slug in ("main", "ml2", "ml27"):
            if slug != "main":
                make_course(session, slug)
            rows[slug] = course_rows.fill(session, slug, user.id, platform.id)
    return rows


def test_a_deletion_takes_all_of_a_course_and_nothing_of_another(
    database: Database, filled: dict[str, dict[str, dict[str, Any]]]
) -> None:
    with database.read() as session:
        before = course_rows.contents(session)
    with database.write() as session:
        courses.archive(session, courses.find(session, "ml27"), actor="test")
        # What main took over from a run of the course stays; an upload of both stays.
        run, blob = filled["ml27"]["runs"]["id"], filled["main"]["blobs"]["sha256"]
        session.execute(update(Run).where(Run.id == filled["main"]["runs"]["id"]).values(reused_run_id=run))
        session.execute(update(Run).where(Run.id == run).values(picture_sha256=blob))
        platform = filled["ml27"]["lti_platforms"]["id"]
        session.add(Context(platform_id=platform, deployment="1", context_id="c", course="ml27"))
        session.flush()
        deletion.delete(session, "ml27", "ml27", actor="admin")
    with database.read() as session:
        assert session.scalars(select(Context)).one().course is None
        after = course_rows.contents(session)
        [entry] = audit.entries_of(session, "course.delete")
        assert (entry.subject, entry.actor, entry.detail["submissions"]) == ("ml27", "admin", 1)
        assert audit_service.first_broken(session) is None
        assert users.find(session, "ada").name == "Ada"
    # One row of each table is gone, and every other row is as it was: of a name that begins alike, too.
    assert {name: len(rows) - len(after[name]) for name, rows in before.items()} == dict.fromkeys(before, 1)
    assert all(set(rows) <= set(before[name]) for name, rows in after.items())


def test_a_course_in_use_is_not_deleted(database: Database, filled: dict[str, dict[str, dict[str, Any]]]) -> None:
    with database.read() as session:
        before = course_rows.contents(session)

    def delete(session: Session, slug: str, confirmation: str, states: dict[str, Any]) -> None:
        for table_name, state in states.items():
            table = metadata.tables[table_name]
            own = table.c.id == filled["ml27"][table_name]["id"]
            session.execute(update(table).where(own).values(state=state))
        if slug != "ml2":
            courses.archive(session, courses.find(session, slug), actor="test")
        deletion.delete(session, slug, confirmation, actor="admin")

    def refused(problem: type[Problem], slug: str = "ml27", confirmation: str = "ml27", **states: Any) -> None:
        with pytest.raises(problem), database.write() as session:
            delete(session, slug, confirmation, states)

    refused(deletion.CannotDeleteCourse, "ml2", "ml2")
    refused(deletion.CannotDeleteCourse, "main", "main")
    refused(deletion.CannotDeleteCourse, submissions=State.QUEUED)
    refused(deletion.CannotDeleteCourse, regrades=RegradeState.RUNNING)
    refused(deletion.CourseNotConfirmed, confirmation="ml2")
    refused(courses.CourseNotFound, "ml99", "ml99")
    with database.read() as session:
        assert course_rows.contents(session) == before


@pytest.fixture(scope="module")
def site(make_settings: MakeSettings) -> Iterator[Site]:
    """A service with an admin."""
    running = ServiceInProcess(make_settings("sqlite"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def stored(site: Site) -> Iterator[Database]:
    """The service's database."""
    opened = Database(site.settings)
    yield opened
    opened.close()


def people_of(stored: Database, site: Site, course: str) -> dict[str, Any]:
    """A client for a new person of each role in a course."""
    clients = {}
    with stored.write() as session:
        for role in (Role.STUDENT, Role.TA, Role.INSTRUCTOR):
            login = f"{course}-{role.value}"
            user = users.create_user(session, login=login, name=login, role=role, actor="test", course=course)
            clients[role.value] = site.client(users.create_token(session, user, actor="test").secret)
    return clients


def test_courses_are_created_edited_and_listed(site: Site, stored: Database) -> None:
    new = {"slug": "ed27", "title": " Machine learning ", "term": "2027", "time_zone": "Asia/Taipei", "language": "en"}
    made = site.admin.post("/courses", json=new)
    assert (made.status_code, made.json()["title"]) == (201, "Machine learning")
    assert made.headers["location"] == "/api/v1/courses/ed27"
    assert_problem(site.admin.post("/courses", json=new), 409, "course-taken")
    zone = {"time_zone": "../etc/passwd"}
    for wrong in ({"slug": "ML"}, {"slug": "a.b"}, zone, {"title": "  "}, {"language": "tlh"}):
        assert site.admin.post("/courses", json={**new, "slug": "ok", **wrong}).status_code == 422, wrong
    people = people_of(stored, site, "ed27")
    tag = people["instructor"].get("/courses/ed27").headers["etag"]
    edited = people["instructor"].http.patch("/courses/ed27", json={"term": "2028"}, headers={"If-Match": tag})
    assert (edited.status_code, edited.json()["term"], edited.json()["title"]) == (200, "2028", "Machine learning")
    late = people["instructor"].http.patch("/courses/ed27", json={"title": "Mine"}, headers={"If-Match": tag})
    assert_problem(late, 412, "course-changed")
    assert_problem(people["ta"].http.patch("/courses/ed27", json={"term": "2029"}), 403, "forbidden")
    assert_problem(people["instructor"].http.delete("/courses/ed27?confirm=ed27"), 403, "forbidden")
    assert_problem(people["instructor"].post("/courses/ed27/archive"), 403, "forbidden")
    assert_problem(site.person("instructor").http.patch("/courses/ed27", json={"term": "x"}), 404, "course-not-found")
    assert [row["slug"] for row in people["student"].get("/courses").json()] == ["ed27"]
    assert site.admin.get("/courses").json()[0]["slug"] == "main"


def test_an_archived_course_is_out_of_the_way_and_read_only(site: Site, stored: Database) -> None:
    site.admin.post("/courses", json={"slug": "ar27", "title": "Old"})
    with stored.write() as session:
        assignments.publish_version(session, bundled("hw13"), "test", "ar27")
    people = people_of(stored, site, "ar27")
    student, ta = people["student"], people["ta"]
    submission = student.submit(assignment="ar27.hw13", model=MODEL)
    assert [row["slug"] for row in student.get("/assignments").json()] == ["ar27.hw13"]
    assert site.admin.post("/courses/ar27/archive").json()["archived_at"] is not None
    assert student.get("/assignments").json() == []
    assert [row["slug"] for row in student.get("/assignments?course=ar27").json()] == ["ar27.hw13"]
    assert student.report(submission)["student"] == "ar27-student"
    assert ta.get("/scores?assignment=ar27.hw13").status_code == 200
    assert_problem(student.post_submission(assignment="ar27.hw13", model=MODEL), 409, "course-archived")
    assert_problem(site.admin.post_submission(assignment="ar27.hw13", model=MODEL), 409, "course-archived")
    assert_problem(
        site.admin.post("/admin/regrades", json={"assignment": "ar27.hw13", "kind": "rescore"}), 409, "course-archived"
    )
    assert_problem(site.admin.http.patch("/courses/ar27", json={"term": "x"}), 409, "course-archived")
    files = dict(bundled("hw13").files)
    newer = from_files({**files, MAIN: files[MAIN].replace("version = ", "version = 9", 1)})
    with stored.write() as session, pytest.raises(courses.CourseArchived):
        assignments.publish_version(session, newer, "test", "ar27")
    site.admin.post("/courses/ar27/restore")
    assert student.post_submission(assignment="ar27.hw13", model=MODEL).status_code == 202


def test_lists_of_one_course_have_nothing_of_another(site: Site, stored: Database) -> None:
    site.admin.post("/courses", json={"slug": "li27", "title": "Lists"})
    with stored.write() as session:
        assignments.publish_version(session, bundled("hw13"), "test", "li27")
    own = people_of(stored, site, "li27")["student"].submit(assignment="li27.hw13", model=MODEL)
    other = site.person().submit(model=MODEL)
    rows = {row["id"] for row in site.admin.get("/submissions?course=li27").json()["items"]}
    assert own in rows
    assert other not in rows
    assert other in {row["id"] for row in site.admin.get("/submissions?course=main").json()["items"]}
    entries = site.admin.get("/admin/audit?course=li27").json()["items"]
    assert {entry["action"] for entry in entries} == {"course.create", "assignment.publish"}
    assert_problem(site.admin.get("/submissions?course=none"), 404, "course-not-found")
    assert_problem(site.person("ta").get("/submissions?course=li27"), 404, "course-not-found")
    for path in ("/scores/canvas", "/scores/canvas/preview"):
        answer = site.person("ta").http.post(path, data={"assignment": "li27.hw13"}, files={"file": b"Student,ID\n"})
        assert_problem(answer, 404, "assignment-not-found")
    assert site.person().get("/submissions").json()["items"] == []


def test_nobody_overwrites_the_assignment_of_another_course(site: Site, stored: Database) -> None:
    """Files name an assignment within its course: the same name in two courses are two assignments."""
    site.admin.post("/courses", json={"slug": "dr27", "title": "Drafts"})
    files = dict(bundled("hw13").files)
    with stored.write() as session:
        assignments.publish_version(session, from_files(files), "test", "dr27")
        main = assignments.current(session, "hw13").digest
    edited = {**files, MAIN: files[MAIN].replace("version = ", "version = 9", 1)}
    jobs = DbosJobs(site.settings)
    with stored.write() as session:
        admin = Viewer.of(users.find(session, "admin"))
        revision = drafts.standing(session, "dr27.hw13").revision
        draft = drafts.save(session, jobs, admin, edited, revision, "dr27")
        assert draft.slug == "dr27.hw13"
        revision = drafts.standing(session, "dr27.hw13").revision
        drafts.publish(session, admin, "dr27.hw13", revision)
        assert drafts.standing(session, "hw13").draft is None
        assert assignments.current(session, "hw13").digest == main
        assert assignments.current(session, "dr27.hw13").digest != main
    jobs.close()
    instructor = people_of(stored, site, "dr27")["instructor"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        for name, text in edited.items():
            out.writestr(name, text)
    for path, slug in [("upload-assignment", ""), ("upload-assignment", "dr27.hw13"), ("new-assignment", "hw13")]:
        data, uploads = {"slug": slug, "course": "main"}, {"file": archive.getvalue()}
        assert instructor.http.post(f"{site.url}/admin/{path}", data=data, files=uploads).status_code == 403
    assert instructor.http.post(f"{site.url}/admin/assignments/hw13/settings").status_code == 404
    refused = site.admin.http.post(
        f"{site.url}/admin/upload-assignment",
        data={"slug": "dr27.hw13", "revision": "none-none"},
        files={"file": archive.getvalue()},
        headers={"accept": "text/html"},
    )
    assert refused.status_code == 412
    with stored.read() as session:
        assert assignments.current(session, "hw13").digest == main
        assert drafts.standing(session, "hw13").draft is None


def test_a_copy_has_the_work_of_the_staff_and_nobody(site: Site, stored: Database) -> None:
    site.admin.post("/courses", json={"slug": "co27", "title": "Copied"})
    files = dict(bundled("hw13").files)
    files[MAIN] = files[MAIN].replace("[schedule]", f"[schedule]\n{DEADLINE}", 1)
    with stored.write() as session:
        assignments.publish_version(session, from_files(files), "test", "co27")
        admin = users.find(session, "admin")
        for text, retired in (("No T", False), ("Old", True)):
            item = ReviewItem(slug="co27.hw13", question="2.1", text={"en": text}, deduction=0.25, retired=retired)
            session.add(item)
        session.add(SavedComment(slug="co27.hw13", question="2.1", text="Nearly", by_id=admin.id))
    people_of(stored, site, "co27")["student"].submit(assignment="co27.hw13", model=MODEL)
    shifted = site.admin.post("/courses/co27/copy", json={"slug": "co28", "title": "Next", "shift_days": 364})
    assert shifted.status_code == 201, shifted.text
    [copied] = shifted.json()["assignments"]
    assert (copied["slug"], copied["deadline"][:10]) == ("co28.hw13", "2028-05-18")
    assert (shifted.json()["review_items"], shifted.json()["saved_comments"]) == (1, 1)
    cleared = site.admin.post("/courses/co27/copy", json={"slug": "co29", "title": "Later"}).json()["assignments"]
    assert [(row["deadline"], row["without_dates"]) for row in cleared] == [(None, True)]
    with stored.read() as session:
        former, later = (assignments.current_definition(session, f"{slug}.hw13") for slug in ("co27", "co28"))
        assert former.schedule.deadline is not None
        assert later.schedule.deadline == former.schedule.deadline + timedelta(days=364)
        assert later.schedule.grace_minutes == 15
        assert assignments.current_definition(session, "co29.hw13").schedule.deadline is None
    rows = site.admin.get("/assignments/co28.hw13/review-items").json()
    assert [(row["text"]["en"], row["deduction"]) for row in rows] == [("No T", 0.25)]
    assert [row["text"] for row in site.admin.get("/assignments/co28.hw13/saved-comments").json()] == ["Nearly"]
    assert site.admin.get("/scores?assignment=co28.hw13").json() == []
    assert_problem(site.admin.post("/courses/co27/copy", json={"slug": "co28", "title": "x"}), 409, "course-taken")


def test_an_export_has_everything_of_its_course_alone(site: Site, stored: Database) -> None:
    site.admin.post("/courses", json={"slug": "ex27", "title": "Exported"})
    with stored.write() as session:
        assignments.publish_version(session, bundled("hw13"), "test", "ex27")
    people_of(stored, site, "ex27")["student"].submit(assignment="ex27.hw13", model=MODEL)
    other = site.person()
    other.submit(model=MODEL)
    data = site.admin.get("/courses/ex27/export.zip").content
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert texts["hw13/submissions/ex27-student-1/model"] == MODEL
    assert [row["login"] for row in json.loads(texts["people.json"])] == [
        "ex27-instructor", "ex27-student", "ex27-ta"
    ]  # fmt: skip
    assert [row["login"] for row in csv.DictReader(io.StringIO(texts["hw13/scores.csv"]))] == ["ex27-student"]
    assert texts["hw13/assignment/assignment.toml"] == bundled("hw13").files[MAIN]
    actions = {json.loads(line)["action"] for line in texts["audit.jsonl"].splitlines()}
    assert actions == {"course.create", "assignment.publish", "course.export"}
    assert len(texts["hw13/everything.jsonl"].splitlines()) >= 3
    assert not any(str(other.login) in text for text in texts.values())


def test_an_admin_deletes_a_course_that_is_archived_and_named_twice(site: Site, stored: Database) -> None:
    site.admin.post("/courses", json={"slug": "de27", "title": "Gone"})
    assert_problem(site.admin.http.delete("/courses/de27?confirm=de27"), 409, "cannot-delete-course")
    site.admin.post("/courses/de27/archive")
    assert_problem(site.admin.http.delete("/courses/de27?confirm=main"), 422, "course-not-confirmed")
    assert site.admin.http.delete("/courses/de27?confirm=de27").json()["course"] == "de27"
    assert_problem(site.admin.get("/courses/de27"), 404, "course-not-found")
