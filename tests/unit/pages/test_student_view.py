"""The student's own view for the staff: exactly what the student reads, and no way to act."""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.auth.viewer import Viewer
from app.http.authentication import optional_viewer
from app.submissions.models import Submission
from app.users import service as users
from app.users.models import Role
from tests.unit.pages.conftest import Course
from tests.unit.pages.test_release import publish, with_rules

VIEW = "/dashboard/hw13/students/s00000/view"


@pytest.fixture
def withheld(course: Course) -> Course:
    """Two students with two attempts; the result of 2.2 is not released."""
    course.enrol(2, 2)
    publish(course, with_rules(q2_2="when released"))
    return course


def reports(course: Course, login: str) -> list[str]:
    """The ids of a student's submissions."""
    with course.database.read() as session:
        user = users.find(session, login)
        query = select(Submission.id).where(Submission.user_id == user.id).order_by(Submission.attempt)
        return [str(one) for one in session.scalars(query)]


def log_in(course: Course, login: str) -> None:
    with course.database.read() as session:
        viewer = Viewer.of(users.find(session, login))
    course.app.dependency_overrides[optional_viewer] = lambda: viewer


def words(page: str) -> str:
    """What a reader reads in the content of a page."""
    content = re.search(r"<main.*</main>", page, re.DOTALL)
    assert content is not None
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", content[0]).split()))


def test_the_view_is_what_the_student_reads_with_withheld_results_withheld(withheld: Course) -> None:
    first, second = reports(withheld, "s00000")
    own = withheld.get(f"/submissions/{first}").text
    seen = {"": withheld.get(VIEW), f"/{first}": withheld.get(f"{VIEW}/{first}")}
    log_in(withheld, "s00000")
    assert words(seen[""].text) == words(withheld.get("/?assignment=hw13").text)
    assert words(seen[f"/{first}"].text) == words(withheld.get(f"/submissions/{first}").text)
    assert "result follows" in words(seen[f"/{first}"].text)
    assert "result follows" not in words(own)  # the staff's own page tells it
    assert f'href="{VIEW}/{second}"' in seen[""].text


def test_nothing_on_the_view_acts_or_leads_out_of_it(withheld: Course) -> None:
    first, _ = reports(withheld, "s00000")
    for path in ("", f"/{first}"):
        answer = withheld.get(VIEW + path)
        policy = answer.headers["content-security-policy"]
        assert "form-action 'none'" in policy
        assert "connect-src" not in policy  # default-src 'none' holds for it
        page = answer.text
        fields = re.findall(r"<(?:input|button|select|textarea)\b[^>]*", page)
        assert fields
        assert [field for field in fields if " disabled" not in field] == []
        assert not re.findall(r"\s(?:action|formaction|hx-\w+|sse-connect)=", page)
        assert "draft.js" not in page
        assert "form.js" not in page
        assert "data-person" not in page
        addresses = set(re.findall(r'href="([^"#][^"]*)"', page))
        outside = {one for one in addresses if not one.startswith(("/static/", VIEW.removesuffix("/view")))}
        assert outside == set()
        # A form that somebody sends all the same meets no route.
        assert withheld.send("POST", VIEW + path).status_code == 405


def test_each_opening_is_in_the_audit_log(withheld: Course) -> None:
    first, _ = reports(withheld, "s00000")
    withheld.get(VIEW)
    withheld.get(f"{VIEW}/{first}")
    with withheld.database.read() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.action == "student.view")).all()
    assert [(row.actor, row.subject, row.detail["path"]) for row in rows] == [
        ("mia", "hw13/s00000", VIEW),
        ("mia", "hw13/s00000", f"{VIEW}/{first}"),
    ]


def test_the_view_has_no_rights_beyond_a_students(withheld: Course) -> None:
    other, _ = reports(withheld, "s00001")
    assert withheld.get(f"{VIEW}/{other}").status_code == 404
    assert (
        withheld.get("/dashboard/prune-quantize/students/s00000/view/" + reports(withheld, "s00000")[0]).status_code
        == 404
    )
    assert withheld.get("/dashboard/hw13/students/nobody/view").status_code == 404
    # An admin's page for students is one without the rights of an admin.
    assert "/dashboard/hw13/students/s00000" not in withheld.get("/dashboard/hw13/students/mia/view").text
    with withheld.database.write() as session:
        ta = Viewer.of(users.create_user(session, login="teo", name="Teo", role=Role.TA, actor="test"))
    withheld.app.dependency_overrides[optional_viewer] = lambda: ta
    assert withheld.get(f"/dashboard/hw13/students/mia/view/{other}").status_code == 404
    log_in(withheld, "s00001")
    assert withheld.get(VIEW).status_code == 403
