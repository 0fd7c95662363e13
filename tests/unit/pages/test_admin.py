"""The admin's pages: people, tokens, rosters, rubrics, the audit log."""

from __future__ import annotations

import base64
import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.assignments import service as assignments
from app.audit import service as audit
from app.audit.models import AuditEntry
from app.auth import service as auth
from app.auth.viewer import Viewer
from app.http.authentication import optional_viewer
from app.pages import admin
from app.scores import service as scores
from app.submissions.models import State, Submission
from app.users import repository as user_repository
from app.users import service as users
from app.users.models import Role, User
from grader import assignment as definitions
from tests.unit.pages.conftest import Course

ROSTER = "login,name,student_id\nann,Ann,\nben,Ben <b>,B2\n"


def logins(course: Course) -> list[str]:
    with course.database.read() as session:
        return list(session.scalars(select(User.login).order_by(User.login)))


def post(course: Course, path: str, **form: str) -> str:
    return course.send("POST", path, data=form).text


def test_a_roster_is_looked_at_before_anything_is_stored(course: Course) -> None:
    post(course, "/admin/people", login="ben", name="Ben", role="student")
    page = post(course, "/admin/people/import", roster=ROSTER)
    assert "1 new, 1 changed, 2 in all" in page
    assert "Ben &lt;b&gt;" in page
    assert logins(course) == ["ben", "mia"]
    page = post(course, "/admin/people/import", roster=ROSTER, confirmed="1")
    assert re.findall(r"^(\w+),[^,]+,assay_", page, re.MULTILINE) == ["ann"]
    assert logins(course) == ["ann", "ben", "mia"]


def test_students_who_are_missing_are_dropped_after_a_preview(course: Course) -> None:
    post(course, "/admin/people/import", roster="login,name,section\nann,Ann,A\nben,Ben,B\ncho,Cho,C\n", confirmed="1")
    short = "login,name,section\nann,Ann,B\ncho,Cho,C\n"
    page = post(course, "/admin/people/import", roster=short)
    assert "Students who are not in this roster: 1" in page
    assert "changes; now Ann, –, section A" in page
    wish = {"roster": short, "confirmed": "1", "missing": "ben "}
    assert "Marked as dropped" not in post(course, "/admin/people/import", **wish)
    assert "Marked as dropped: 1." in post(course, "/admin/people/import", drop="1", **wish)
    stamp = re.search(
        r'name="basis" value="(\w+)"><input type="hidden" name="dropped" value="no">',
        course.get("/admin/people/ben").text,
    )
    assert stamp is not None
    table = course.get("/dashboard/hw13").text
    assert "<strong>dropped</strong>" in table
    assert "<dd>0 / 2</dd>" in table
    assert '<select name="section">' in table
    assert "/students/ben" not in course.get("/dashboard/hw13?section=C").text
    again = {"basis": stamp[1], "dropped": "no"}
    assert course.send("POST", "/admin/people/ben/enrolments/main", data=again).status_code == 303
    assert "changed this enrolment" in post(course, "/admin/people/ben/enrolments/main", **again)
    basis = re.findall(r'name="basis" value="(\w+)"', course.get("/admin/people/ben").text)[1]
    edit = {"basis": basis, "edit": "1", "section": "C"}
    assert course.send("POST", "/admin/people/ben/enrolments/main", data=edit).status_code == 303
    assert 'name="section" value="C"' in course.get("/admin/people/ben").text


def test_a_roster_can_come_as_a_file(course: Course) -> None:
    files = {"file": ("roster.csv", b"\xef\xbb\xbf" + ROSTER.encode(), "text/csv")}
    assert "2 new" in course.send("POST", "/admin/people/import", files=files).text
    assert "UTF-8" in course.send("POST", "/admin/people/import", files={"file": ("r", b"\xff\xfe", "text/csv")}).text


def test_a_broken_roster_says_which_line(course: Course) -> None:
    answer = course.send("POST", "/admin/people/import", data={"roster": "login,name\nann,Ann\n!,x\n"})
    assert answer.status_code == 422
    assert '<th scope="row" class="number">3</th>' in answer.text
    assert logins(course) == ["mia"]


def test_a_broken_roster_can_be_mended_where_it_is_told(course: Course) -> None:
    page = course.send("POST", "/admin/people/import", data={"roster": "login,name\na b,Ann <b>\n"}).text
    assert "\nlogin,name\na b,Ann &lt;b&gt;\n</textarea>" in page
    assert 'action="/admin/people/import"' in page


def test_a_token_is_shown_once_and_can_be_revoked(course: Course) -> None:
    page = post(course, "/admin/people", login="ann", name="Ann", role="ta")
    secret = re.search(r"ann,Ann,(assay_[\w-]+)", page)
    assert secret is not None
    with course.database.read() as session:
        token = user_repository.tokens(session, users.find(session, "ann"))[0]
        assert auth.by_token(session, secret[1]) is not None
    assert secret[1] not in course.get("/admin/people/ann").text
    # Another person's page revokes nothing.
    assert course.send("POST", f"/admin/people/mia/tokens/{token.id}/revoke").status_code == 404
    assert course.send("POST", f"/admin/people/ann/tokens/{token.id}/revoke").status_code == 303
    with course.database.read() as session:
        assert auth.by_token(session, secret[1]) is None


def test_a_login_link_opens_browsers_until_it_expires_or_is_revoked(course: Course) -> None:
    for login in ("ann", "ben"):
        post(course, "/admin/people", login=login, name=f"{login}, a student", role="student")
    page = post(course, "/admin/people/links", role="student", days="3")
    secrets = dict(
        re.findall(r"(ann|ben),&#34;(?:ann|ben), a student&#34;,http://test/login/link#(assay_link_[\w-]+)", page)
    )
    assert secrets.keys() == {"ann", "ben"}
    with course.database.write() as session:
        assert auth.by_token(session, secrets["ann"]) is None
        cookie = auth.log_in(session, secrets["ann"], days=30)
        assert cookie is not None
        assert auth.by_cookie(session, cookie) == Viewer.of(users.find(session, "ann"))
        ann, ben = (user_repository.tokens(session, users.find(session, login))[0] for login in ("ann", "ben"))
        ben.link_expires_at = ann.created_at
    assert "login link, valid until" in course.get("/admin/people/ann").text
    with course.database.write() as session:
        assert auth.log_in(session, secrets["ben"], days=30) is None
    assert course.send("POST", "/admin/people/links/revoke").status_code == 303
    with course.database.write() as session:
        assert auth.by_cookie(session, cookie) is None
        assert auth.log_in(session, secrets["ann"], days=30) is None


def test_an_expired_link_is_called_a_link(course: Course) -> None:
    answer = course.send("POST", "/login", data={"token": "assay_link_" + "x" * 43})
    assert answer.status_code == 401
    assert "login link has expired or was revoked" in answer.text


@pytest.mark.parametrize("form", [{"login": "a b", "name": "x"}, {"login": "mia", "name": "x"}, {"login": "x"}])
def test_a_person_who_cannot_be_added_is_told_why(course: Course, form: dict[str, str]) -> None:
    answer = course.send("POST", "/admin/people", data={"role": "student", **form})
    assert answer.status_code in (409, 422)
    assert "Nothing was changed" in answer.text
    assert "String should match" not in answer.text
    assert logins(course) == ["mia"]


def test_search_takes_signs_literally_and_pages_go_on_by_login(course: Course) -> None:
    with course.database.write() as session:
        for login in ("a_b", "axb", "ay"):
            users.create_user(session, login=login, name=login, role=Role.STUDENT, actor="test")
        assert [user.login for user in user_repository.search(session, "a_b", limit=9)] == ["a_b"]
        assert user_repository.search(session, "%", limit=9) == []
        assert [user.login for user in user_repository.search(session, "A", after="a_b", limit=2)] == ["axb", "ay"]


def test_a_changed_rubric_is_shown_as_a_difference(course: Course) -> None:
    bundled = definitions.bundled("hw13")
    files = dict(bundled.files)
    files["assignment.toml"] = files["assignment.toml"].replace("version = 1\n", "version = 2\n").replace(
        "parameter_limit = 100_000", "parameter_limit = 60_000"
    )  # fmt: skip
    with course.database.write() as session:
        assignments.publish(session, definitions.from_files(files))
    page = course.get("/admin/assignments/hw13").text
    assert "-parameter_limit = 100_000" in page
    assert "+parameter_limit = 60_000" in page


def test_every_option_of_a_question_is_shown_in_words(course: Course) -> None:
    with course.database.write() as session:
        assignments.publish(session, definitions.bundled("prune-quantize"))
    page = course.get("/admin/assignments/hw13").text
    assert "<li>softer: " in page
    assert "<code>mistakes</code>: 10 rows" in page
    page += course.get("/admin/assignments/prune-quantize").text
    assert "<code>groups</code>: " in page
    assert "{&#39;" not in page, "no structure of Python"


def test_an_entry_of_the_audit_log_leads_to_what_it_is_about(course: Course) -> None:
    course.enrol(1, 1)
    with course.database.write() as session:
        submission = session.scalars(select(Submission)).one()
        scores.override(session, course.viewer, submission.id, "2.1", score=0.5, reason="Seen.")
        users.create_token(session, users.find(session, "s00000"), actor="mia")
    page = course.get("/admin/audit").text
    assert f'<a href="/submissions/{submission.id}">{submission.id}/2.1</a>' in page
    assert '<a href="/admin/people/s00000">s00000</a>' in page


def test_a_broken_chain_is_told(course: Course) -> None:
    assert "Every entry fits" in course.get("/admin/audit").text
    with course.database.write() as session:
        session.execute(update(AuditEntry).where(AuditEntry.id == 1).values(actor="nobody"))
    assert "The chain breaks at entry 1" in course.get("/admin/audit").text


def test_nobody_else_gets_in(course: Course) -> None:
    with course.database.write() as session:
        ta = Viewer.of(users.create_user(session, login="teo", name="Teo", role=Role.TA, actor="test"))
    course.app.dependency_overrides[optional_viewer] = lambda: ta
    for path in ("", "/people", "/people/mia", "/assignments", "/regrades", "/audit"):
        assert course.get(f"/admin{path}").status_code == 403
    assert course.send("POST", "/admin/people", data={"login": "x", "name": "x", "role": "admin"}).status_code == 403


@pytest.mark.parametrize(
    ("span", "said"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h"), (172_800, "2 d"), (-5, "0 s")],
)
def test_ages_are_said_as_people_say_them(span: int, said: str) -> None:
    assert admin._age(timedelta(seconds=span)) == said


def test_a_regrade_that_cannot_begin_is_told_above_its_form(course: Course) -> None:
    course.app.state.jobs = None  # is not reached
    wish = {"assignment": "hw13", "kind": "rescore", "student": "nobody"}
    answer = course.send("POST", "/admin/regrades", data=wish)
    assert answer.status_code == 404
    assert "There is no person with this login." in answer.text
    assert 'action="/admin/regrades"' in answer.text


def test_every_option_of_the_rubric_has_a_sentence(course: Course) -> None:
    assert re.findall(r"<code>(\w+) = ", course.get("/admin/assignments/hw13").text) == []


def test_the_queue_says_how_many_more_wait(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "_QUEUE_ROWS", 2)
    course.enrol(5, 1)
    with course.database.write() as session:
        session.execute(update(Submission).values(state=State.QUEUED))
    page = course.get("/admin").text
    assert "Waiting: 5. Being graded: 0." in page
    assert "3 more, submitted later." in page


def test_all_bad_lines_of_a_roster_are_listed_with_their_reasons(course: Course) -> None:
    lines = [f"a b{number},X" for number in range(30)]
    answer = course.send("POST", "/admin/people/import", data={"roster": "\n".join(["login,name", *lines])})
    assert answer.status_code == 422
    assert "These lines cannot be used: 30." in answer.text
    for number in (2, 31):
        assert f'<th scope="row" class="number">{number}</th><td><code>a b{number - 2},X</code>' in answer.text


def test_new_tokens_and_links_are_a_file_with_names(course: Course) -> None:
    page = post(course, "/admin/people/import", roster='login,name\nann,"=1+1, Ann"\n', confirmed="1")
    file = re.search(r'download="tokens.csv" href="data:text/csv;base64,([^"]+)"', page)
    assert file is not None
    table = base64.b64decode(file[1]).decode("utf-8-sig")
    assert re.fullmatch(r"login,name,token\nann,\"'=1\+1, Ann\",assay_[\w-]+\n", table)
    assert 'download="links.csv"' in post(course, "/admin/people/links", role="student", days="3")


def test_a_person_is_edited_unless_somebody_else_did(course: Course) -> None:
    post(course, "/admin/people", login="ann", name="Ann", role="student", student_id="B1")
    basis = re.search(r'name="basis" value="(\w+)"', course.get("/admin/people/ann").text)
    assert basis is not None
    form = {"name": "Ann Lin", "role": "ta", "student_id": "", "basis": basis[1]}
    assert course.send("POST", "/admin/people/ann/edit", data=form).status_code == 303
    with course.database.read() as session:
        ann = users.find(session, "ann")
        assert (ann.name, ann.role, ann.student_id) == ("Ann Lin", Role.TA, None)
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert (entry.actor, entry.action, entry.detail["role"]) == ("mia", "user.edit", "ta")
    answer = course.send("POST", "/admin/people/ann/edit", data={**form, "name": "Anne <b>"})
    assert answer.status_code == 409
    assert 'value="Anne &lt;b&gt;"' in answer.text
    assert "Ann Lin" in answer.text
    assert course.send("POST", "/admin/people/ann/edit", data={"name": " ", "role": "ta"}).status_code == 422
    assert course.send("POST", "/admin/people/ann/edit", data={"name": "A", "role": "king"}).status_code == 422
    assert course.send("POST", "/admin/people/nobody/edit", data={"name": "A", "role": "ta"}).status_code == 404


def test_nobody_changes_their_own_role(course: Course) -> None:
    own = {"name": "Mia B", "role": "student"}
    assert course.send("POST", "/admin/people/mia/edit", data=own).status_code == 409
    assert course.send("POST", "/admin/people/mia/edit", data=own | {"role": "admin"}).status_code == 303
    with course.database.read() as session:
        mia = users.find(session, "mia")
        assert (mia.name, mia.role) == ("Mia B", Role.ADMIN)


def test_a_persons_data_is_deleted_after_the_login_was_typed(course: Course) -> None:
    course.enrol(2, 1)
    assert "/admin/people/s00001/delete" in course.get("/admin/people/s00001").text
    page = course.get("/admin/people/s00001/delete").text
    assert "1 parts of 1 submissions" in page
    assert "This cannot be undone." in page
    refused = course.send("POST", "/admin/people/s00001/delete", data={"confirmation": "s00000"})
    assert refused.status_code == 422
    assert "s00001" in logins(course)
    answer = course.send("POST", "/admin/people/s00001/delete", data={"confirmation": "s00001"})
    assert answer.status_code == 303
    assert "s00001" not in logins(course)
    page = course.get(answer.headers["location"]).text
    assert "The data of this person was deleted:" in page
    assert 'name="basis"' not in page
    assert "Deletions of a person&#39;s data that emptied entries" in course.get("/admin/audit").text
    assert "Nobody deletes their own data" in course.get("/admin/people/mia/delete").text
    assert course.send("POST", "/admin/people/mia/delete", data={"confirmation": "mia"}).status_code == 409
    assert course.get("/admin/people/nobody/delete").status_code == 404


def test_only_an_admin_deletes_data(course: Course) -> None:
    course.enrol(2, 1)
    teo = Viewer(course.viewer.user_id, "teo", "Teo", Role.TA)
    course.app.dependency_overrides[optional_viewer] = lambda: teo
    assert course.get("/admin/people/s00001/delete").status_code == 403
    assert course.send("POST", "/admin/people/s00001/delete", data={"confirmation": "s00001"}).status_code == 403


def test_the_audit_log_has_names_filters_and_links(course: Course) -> None:
    post(course, "/admin/people", login="ann", name="Ann <b>", role="student")
    with course.database.write() as session:
        audit.record(session, "mia", "extension.grant", "hw13/ann", deadline="x")
        audit.record(session, "assay users edit", "user.edit", "ann", name="Ann")
        audit.record(session, "mia", "scores.release", "hw13", questions=[])
        for number in range(100):
            audit.record(session, "mia", "lti.send", f"100%_{number}")
    page = course.get("/admin/audit?subject=ann").text
    assert page.count("Ann &lt;b&gt;") == 4
    for address in ("/dashboard/hw13/students/ann", "/admin/people/ann", "/admin/people/mia"):
        assert f'href="{address}"' in page
    assert 'href="/dashboard/hw13/release"' in course.get("/admin/audit?action=scores.release").text
    assert re.findall(r"<code>([\w.]+)</code>", course.get("/admin/audit?actor=assay+users+edit").text) == ["user.edit"]
    page = course.get("/admin/audit?action=lti.send&subject=%25_").text
    assert 'href="?action=lti.send&amp;subject=%25_&amp;before=' in page
    assert "No entry matches." in course.get("/admin/audit?actor=nobody").text
