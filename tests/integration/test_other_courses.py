"""Nobody learns anything of a course that is not theirs: every route of the application, asked by people of another."""

from __future__ import annotations

import io
import re
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.commands import acting
from app.commands.failures import UnusableInput
from app.courses.models import Course
from app.db.base import now
from app.db.engine import Database
from app.http.submit_limit import SubmitLimit
from app.main import create_app
from app.regrade_requests.models import RegradeRequest, RequestState
from app.regrades.models import Kind, Regrade
from app.scores.models import ReviewItem
from app.users import enrolments
from app.users import service as users
from app.users.models import Role
from grader.assignment import bundled
from tests import course_rows
from tests.integration.conftest import MakeSettings
from tests.integration.service import MODEL, Client, ServiceInProcess, Site, assert_problem

COURSE = "ml27"
SLUG = f"{COURSE}.hw13"
OF_A_SUBMISSION = """
GET /api/v1/submissions/{submission_id}
GET /api/v1/submissions/{submission_id}/artefact.onnx
POST /api/v1/submissions/{submission_id}/cancel
GET /api/v1/submissions/{submission_id}/events
GET /api/v1/submissions/{submission_id}/files/{part}
GET /api/v1/submissions/{submission_id}/picture
POST /api/v1/submissions/{submission_id}/questions/{number}/regrade-requests
GET /api/v1/submissions/{submission_id}/regrade-requests
GET /api/v1/submissions/{submission_id}/replay
GET /api/v1/submissions/{submission_id}/results.json
GET /submissions/{submission_id}
POST /submissions/{submission_id}/cancel
POST /submissions/{submission_id}/questions/{number}/requests
GET /submissions/{submission_id}/report
POST /submissions/{submission_id}/requests/{request_id}/withdraw
POST /api/v1/regrade-requests/{request_id}/withdraw
GET /compare
"""
"""Also for the course's students, whose own they are."""
OF_AN_ASSIGNMENT = """
GET /
POST /
POST /check
GET /api/v1/assignments/{slug}
GET /courses/{course}
GET /api/v1/submissions?assignment
GET /api/v1/regrade-requests?assignment
GET /api/v1/courses/{course}
"""
"""For everybody in the course."""
FOR_STAFF = """
GET /api/v1/review-items/{item_id}
PUT /api/v1/review-items/{item_id}
GET /api/v1/review-items/{item_id}/changes
POST /api/v1/review-items/{item_id}/preview
POST /api/v1/review-items/{item_id}/revert
GET /api/v1/assignments/{slug}/extensions
DELETE /api/v1/assignments/{slug}/extensions/{login}
PUT /api/v1/assignments/{slug}/extensions/{login}
GET /courses/{course}/people
GET /courses/{course}/people/{login}
POST /courses/{course}/people/{login}
GET /api/v1/courses/{course}/enrolments
GET /api/v1/courses/{course}/enrolments/{login}
PATCH /api/v1/courses/{course}/enrolments/{login}
DELETE /api/v1/assignments/{slug}/release
GET /api/v1/assignments/{slug}/release
PUT /api/v1/assignments/{slug}/release
GET /api/v1/assignments/{slug}/release/preview
GET /api/v1/scores
GET /api/v1/scores.csv
POST /api/v1/scores/canvas
POST /api/v1/scores/canvas/preview
GET /api/v1/scores/export.jsonl
GET /api/v1/scores/feedback.zip
GET /api/v1/scores/gradescope.csv
GET /api/v1/scores/statistics
DELETE /api/v1/submissions/{submission_id}/questions/{number}/override
PUT /api/v1/submissions/{submission_id}/questions/{number}/override
POST /api/v1/regrade-requests/{request_id}/answer
GET /dashboard/{slug}
GET /dashboard/{slug}/exports
POST /dashboard/{slug}/exports/canvas
PUT /api/v1/submissions/{submission_id}/questions/{number}/confirmation
GET /dashboard/{slug}/extensions
POST /dashboard/{slug}/extensions
POST /dashboard/{slug}/students/{login}/attempts
POST /dashboard/{slug}/students/{login}/excusal
POST /dashboard/{slug}/students/{login}/excusal/remove
POST /dashboard/{slug}/students/{login}/extension
POST /dashboard/{slug}/students/{login}/extension/remove
POST /dashboard/{slug}/students/{login}/notes
POST /dashboard/{slug}/students/{login}/notes/{note_id}/delete
GET /dashboard/{slug}/plots
GET /dashboard/{slug}/plots/decisions/{decision_id}
POST /dashboard/{slug}/plots/decisions/{decision_id}/undo
GET /dashboard/{slug}/plots/{number}/{submission_id}
POST /dashboard/{slug}/plots/{number}/{submission_id}
GET /dashboard/{slug}/students/{login}/view
GET /dashboard/{slug}/students/{login}/view/{submission_id}
GET /api/v1/assignments/{slug}/review-items
POST /api/v1/assignments/{slug}/review-items
PUT /api/v1/submissions/{submission_id}/questions/{number}/review-items
GET /dashboard/{slug}/review-items
POST /dashboard/{slug}/review-items
POST /dashboard/{slug}/review-items/{item_id}
POST /dashboard/{slug}/review-items/{item_id}/revert
POST /dashboard/{slug}/review/claim
POST /dashboard/{slug}/review/names
GET /dashboard/{slug}/second-readings
POST /dashboard/{slug}/second-readings
POST /dashboard/{slug}/second-readings/read
GET /api/v1/assignments/{slug}/saved-comments
POST /api/v1/assignments/{slug}/saved-comments
DELETE /api/v1/assignments/{slug}/saved-comments/{comment_id}
DELETE /api/v1/submissions/{submission_id}/comments/{comment_id}
POST /api/v1/submissions/{submission_id}/questions/{number}/comments
POST /dashboard/{slug}/review-items/saved-comments/{comment_id}
POST /dashboard/{slug}/review/comments/{comment_id}/remove
GET /dashboard/{slug}/lti
POST /dashboard/{slug}/lti
GET /dashboard/{slug}/release
POST /dashboard/{slug}/release
GET /dashboard/{slug}/requests
POST /dashboard/{slug}/requests/{request_id}
GET /dashboard/{slug}/review
POST /dashboard/{slug}/review
POST /dashboard/{slug}/review/undo
GET /dashboard/{slug}/similarity
GET /dashboard/{slug}/similarity/compare
GET /dashboard/{slug}/students/{login}
POST /dashboard/{slug}/submissions/{submission_id}/questions/{number}
GET /dashboard/{slug}/submissions/{submission_id}/report
GET /dashboard/{slug}/submissions/{submission_id}/similar
PATCH /api/v1/courses/{course}
"""
"""403 for the course's students."""
FOR_ADMINS = """
GET /admin/assignments/{slug}
GET /admin/assignments/{slug}/draft
DELETE /api/v1/admin/assignments/{slug}/draft
GET /api/v1/admin/assignments/{slug}/draft
DELETE /api/v1/admin/assignments/{slug}/draft/file
GET /api/v1/admin/assignments/{slug}/draft/file
PUT /api/v1/admin/assignments/{slug}/draft/file
POST /api/v1/admin/assignments/{slug}/draft/preview
POST /api/v1/admin/assignments/{slug}/draft/publish
POST /api/v1/admin/assignments/{slug}/draft/trial
GET /admin/assignments/{slug}/draft/progress
POST /admin/assignments/{slug}/draft/{step}
GET /admin/assignments/{slug}/files
GET /admin/assignments/{slug}/settings
POST /admin/assignments/{slug}/settings
GET /admin/assignments/{slug}/student
GET /admin/regrades/{regrade_id}
GET /admin/regrades/{regrade_id}/progress
POST /admin/regrades/{regrade_id}/{step}
GET /api/v1/admin/regrades/{regrade_id}
POST /api/v1/admin/regrades/{regrade_id}/cancel
GET /api/v1/admin/regrades/{regrade_id}/changes
POST /api/v1/admin/regrades/{regrade_id}/publish
POST /api/v1/admin/regrades/{regrade_id}/revert
GET /courses/{course}/settings
POST /courses/{course}/settings
POST /courses/{course}/archive
GET /courses/{course}/copy
POST /courses/{course}/copy
GET /courses/{course}/delete
POST /courses/{course}/delete
POST /courses/{course}/restore
POST /api/v1/courses/{course}/enrolments
POST /admin/people/{login}/enrolments/{course}
DELETE /api/v1/courses/{course}
GET /api/v1/courses/{course}/export.zip
POST /api/v1/courses/{course}/archive
POST /api/v1/courses/{course}/copy
POST /api/v1/courses/{course}/restore
"""
"""403 for the course's TAs."""
LISTS = """
GET /
GET /dashboard
GET /api/v1/assignments
GET /api/v1/courses
GET /api/v1/regrade-requests
GET /api/v1/submissions
"""
"""Of all of a person's courses: 200 without anything of another course."""
FOR_SITE_ADMINS = """
GET /admin
GET /admin/assignments
GET /admin/audit
GET /admin/courses
POST /admin/courses
GET /admin/lti
POST /admin/lti/keys/rotate
GET /admin/lti/new
POST /admin/lti/new
GET /admin/lti/platforms/{name}
GET /admin/lti/platforms/{name}/contexts
POST /admin/lti/platforms/{name}/contexts
POST /admin/lti/platforms/{name}/contexts/instructors
POST /admin/lti/platforms/{name}/contexts/{context}/link
POST /admin/lti/platforms/{name}/contexts/{context}/unlink
POST /admin/lti/platforms/{name}
POST /admin/lti/platforms/{name}/remove
POST /admin/lti/platforms/{name}/test
GET /admin/new-assignment
POST /admin/new-assignment
GET /admin/people/{login}/delete
POST /admin/people/{login}/delete
POST /admin/upload-assignment
GET /api/v1/admin/users/{login}/data.zip
POST /admin/lti/links
GET /admin/people
POST /admin/people
POST /admin/people/import
POST /admin/people/links
POST /admin/people/links/revoke
GET /admin/people/{login}
POST /admin/people/{login}/edit
POST /admin/people/{login}/enrolments
POST /admin/people/{login}/sessions/end
POST /admin/people/{login}/tokens
POST /admin/people/{login}/tokens/{token_id}/revoke
GET /admin/regrades
POST /admin/regrades
GET /api/v1/admin/audit
POST /api/v1/admin/assignments
DELETE /api/v1/admin/login-links
POST /api/v1/admin/login-links
GET /api/v1/admin/regrades
POST /api/v1/admin/regrades
DELETE /api/v1/admin/tokens/{token_id}
POST /api/v1/admin/users
POST /api/v1/admin/users/import
POST /api/v1/admin/users/{login}/tokens
GET /api/v1/admin/workers
POST /api/v1/courses
"""
"""Of the installation: 403 for everybody else."""
OF_NO_COURSE = """
POST /api/v1/submissions
GET /api/v1/sandbox
GET /check
GET /docs
GET /docs/oauth2-redirect
GET /healthz
GET /login
POST /login
GET /login/link
POST /logout
GET /lti/jwks
POST /lti/launch
GET /lti/login
POST /lti/login
POST /lti/open
POST /lti/pick
GET /lti/register
POST /lti/register
GET /metrics
GET /openapi.json
HEAD /openapi.json
POST /preferences
GET /readyz
"""
"""They answer nothing of a course, or name it in their body, which tests of their own send."""


def lines(table: str) -> list[str]:
    """The routes of a table, each a method and a path."""
    return [line for line in table.split("\n") if line]


@dataclass(frozen=True)
class Department:
    """Two courses: the first one, whose people ask, and one that they must not see, with a submission and a regrade."""

    site: Site
    strangers: dict[str, Client]
    student: Client
    ta: Client
    submission: str
    request: int
    item: int
    regrade: str

    def ask(self, client: Client, route: str, **body: Any) -> httpx.Response:
        """Send a request for the things of the further course."""
        method, _, path = route.partition(" ")
        values = {
            "slug": SLUG, "course": COURSE, "submission_id": self.submission, "request_id": self.request,
            "regrade_id": self.regrade, "item_id": self.item, "login": self.student.login, "number": "2.1",
            "part": "model", "step": "publish",
        }  # fmt: skip
        path, _, asked = re.sub(r"{(\w+)}", lambda name: str(values.get(name[1], 1)), path).partition("?")
        query = dict(httpx.QueryParams(asked)) if "=" in asked else {}
        if path.endswith("/compare"):
            query = {"first": self.submission, "second": self.submission}
        elif (
            not query
            and not body
            and SLUG not in path
            and self.submission not in path
            and route not in lines(FOR_ADMINS)
        ):
            query = {"assignment": SLUG}
        return client.http.request(method, f"{self.site.url}{path}", params=query, **body)


@pytest.fixture(scope="module")
def department(make_settings: MakeSettings) -> Iterator[Department]:
    settings = make_settings("sqlite")
    site = ServiceInProcess(settings)
    database = Database(settings)
    with database.write() as session:
        session.add(Course(slug=COURSE, title="Machine learning", term="2027"))
        session.flush()
        published = assignments.publish(session, bundled("hw13"), COURSE)
        people = {}
        for login, role in (("zora", Role.STUDENT), ("zoltan", Role.TA)):
            user = users.create_user(session, login=login, name=login.title(), role=role, actor="test", course=COURSE)
            people[login] = users.create_token(session, user, actor="test").secret
        target = published.id
    student, ta = (site.client(secret) for secret in people.values())
    student.login, ta.login = people
    submission = student.submit(assignment=SLUG, model=MODEL)
    with database.write() as session:
        request = RegradeRequest(
            submission_id=uuid.UUID(submission), question="2.1", reason="Look", state=RequestState.OPEN, points_before=0
        )
        admin = users.find(session, "admin")
        regrade = Regrade(
            slug=SLUG, target_id=target, kind=Kind.RESCORE, condition={}, questions=[], grader_version="1", total=0,
            created_by_id=admin.id,
        )  # fmt: skip
        item = ReviewItem(slug=SLUG, question="2.1", text={"en": "No temperature"}, deduction=0.25, key=1)
        session.add_all([request, regrade, item])
        session.flush()
        request_id, item_id, regrade_id = request.id, item.id, str(regrade.id)
    strangers = {role: site.person(role) for role in ("student", "ta", "instructor")}
    yield Department(site, strangers, student, ta, submission, request_id, item_id, regrade_id)
    database.close()
    site.close()


def test_every_route_is_on_a_list(department: Department) -> None:
    routes = iter_route_contexts(create_app(department.site.settings).routes)
    every = {f"{method} {route.path}" for route in routes for method in route.methods or () if route.path}
    tables = (OF_A_SUBMISSION, OF_AN_ASSIGNMENT, FOR_STAFF, FOR_ADMINS, LISTS, FOR_SITE_ADMINS, OF_NO_COURSE)
    listed = {route.partition("?")[0] for table in tables for route in lines(table)}
    assert every - listed == set(), "add the new routes to a list of this file; app/auth/access.py says how they ask"
    assert listed - every == set(), "these routes are gone"


@pytest.mark.parametrize("route", lines(OF_A_SUBMISSION + OF_AN_ASSIGNMENT + FOR_STAFF + FOR_ADMINS))
def test_a_thing_of_another_course_does_not_exist(department: Department, route: str) -> None:
    answers = {role: department.ask(client, route) for role, client in department.strangers.items()}
    assert {role: answer.status_code for role, answer in answers.items()} == dict.fromkeys(answers, 404)
    assert not any(mark in answer.text for answer in answers.values() for mark in ("Zora", "zora", "Machine learning"))


@pytest.mark.parametrize("route", lines(FOR_STAFF))
def test_a_student_of_the_course_is_no_staff(department: Department, route: str) -> None:
    assert department.ask(department.student, route).status_code == 403


@pytest.mark.parametrize("route", lines(FOR_ADMINS))
def test_a_ta_of_the_course_is_no_admin(department: Department, route: str) -> None:
    assert department.ask(department.ta, route).status_code == 403


def packed(files: Mapping[str, str]) -> bytes:
    """The files of an assignment as a ZIP."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        for name, text in files.items():
            out.writestr(name, text)
    return archive.getvalue()


READING = """
POST /api/v1/review-items/{item_id}/preview
POST /api/v1/scores/canvas
POST /api/v1/scores/canvas/preview
POST /dashboard/{slug}/exports/canvas
"""
"""Something is sent to them, and nothing changes."""
OF_THE_WHOLE_COURSE = """
POST /courses/{course}/archive
POST /courses/{course}/copy
POST /courses/{course}/delete
POST /courses/{course}/restore
DELETE /api/v1/courses/{course}
POST /api/v1/courses/{course}/archive
POST /api/v1/courses/{course}/copy
POST /api/v1/courses/{course}/restore
"""
"""What an admin does to an archived course, too."""
NEW_PERSON = {"login": "new", "name": "New", "role": "student"}
WRITES: dict[str, dict[str, Any]] = {
    **{
        route: {}
        for route in lines(OF_A_SUBMISSION + OF_AN_ASSIGNMENT + FOR_STAFF + FOR_ADMINS)
        if not route.startswith("GET") and route not in lines(READING + OF_THE_WHOLE_COURSE)
    },
    "PATCH /api/v1/courses/{course}": {"json": {"term": "2028"}},
    "PATCH /api/v1/courses/{course}/enrolments/{login}": {"json": {"section": "Z"}},
    "POST /api/v1/courses/{course}/enrolments": {"json": {"login": "admin"}},
    "POST /courses/{course}/settings": {"data": {"title": "Mine", "time_zone": "UTC"}},
    "POST /courses/{course}/people/{login}": {"data": {"dropped": "yes"}},
    "POST /admin/people/{login}/enrolments/{course}": {"data": {"dropped": "yes"}},
    # The course or its assignment stands in the body or the query alone.
    f"POST /api/v1/admin/users?course={COURSE}": {"json": NEW_PERSON},
    f"POST /api/v1/admin/users/import?course={COURSE}": {"content": b"login,name\nnew,New\n"},
    "POST /admin/people": {"data": {**NEW_PERSON, "course": COURSE}},
    "POST /admin/people/import": {"data": {"roster": "login,name\nnew,New\n", "confirmed": "1", "course": COURSE}},
    "POST /admin/people/admin/enrolments": {"data": {"role": "ta", "course": COURSE}},
    "POST /admin/new-assignment": {"data": {"template": "hw13", "slug": "x", "title": "X", "course": COURSE}},
    "POST /admin/upload-assignment": {"data": {"course": COURSE}, "files": {"file": packed(bundled("hw13").files)}},
    f"POST /api/v1/admin/assignments?course={COURSE}": {"files": {"file": packed(bundled("hw13").files)}},
    "POST /admin/regrades": {"data": {"assignment": SLUG, "kind": "rescore"}},
    "POST /api/v1/admin/regrades": {"json": {"assignment": SLUG, "kind": "rescore"}},
    "POST /api/v1/submissions": {"files": {"assignment": (None, SLUG), "model": (None, MODEL)}},
    # Logins that end an address as one of READING does.
    "PUT /api/v1/assignments/{slug}/extensions/canvas": {"json": {"deadline": "2031-01-01T00:00:00Z", "reason": "Ill"}},
    "DELETE /api/v1/assignments/{slug}/extensions/preview": {},
}


def test_an_archived_course_is_read_only(department: Department) -> None:
    """Every route that changes something of a course refuses, also an admin."""
    database = Database(department.site.settings)
    with database.write() as session:
        for login in ("canvas", "preview"):
            users.create_user(session, login=login, name=login, role=Role.STUDENT, actor="test", course=COURSE)
    set_archived(department, now())
    with database.read() as session:
        before = course_rows.contents(session)
    try:
        answers = {route: department.ask(department.site.admin, route, **body) for route, body in WRITES.items()}
        assert {route: (one.status_code, "archived" in one.text) for route, one in answers.items()} == dict.fromkeys(
            WRITES, (409, True)
        )
        for route in lines(READING):
            assert department.ask(department.site.admin, route).status_code == 422, "asks for its file or its values"
        with database.read() as session:
            assert course_rows.contents(session) == before
        assert department.ask(department.ta, "GET /dashboard/{slug}").status_code == 200
    finally:
        set_archived(department, None)
        database.close()
    open_again = department.ask(department.site.admin, "POST /api/v1/assignments/{slug}/saved-comments")
    assert open_again.status_code == 422


def set_archived(department: Department, moment: datetime | None) -> None:
    database = Database(department.site.settings)
    with database.write() as session:
        session.get_one(Course, COURSE).archived_at = moment
    database.close()


NOT_THERE = """
GET /api/v1/assignments/{slug}/release
GET /dashboard/{slug}/plots/decisions/{decision_id}
GET /dashboard/{slug}/plots/{number}/{submission_id}
"""
"""Of things that this course does not have."""


@pytest.mark.parametrize(
    "route",
    [
        route
        for route in lines(OF_AN_ASSIGNMENT + FOR_STAFF)
        if route.startswith("GET") and route not in lines(NOT_THERE)
    ],
)
def test_the_staff_of_the_course_see_it(department: Department, route: str) -> None:
    assert department.ask(department.ta, route).status_code in (200, 302, 303)


@pytest.mark.parametrize("route", lines(FOR_SITE_ADMINS))
def test_the_installation_is_the_admins(department: Department, route: str) -> None:
    path = re.sub(r"{\w+}", "1", route.partition(" ")[2])
    for client in (department.ta, department.strangers["instructor"]):
        assert client.http.request(route.partition(" ")[0], f"{department.site.url}{path}").status_code == 403


@pytest.mark.parametrize("route", lines(LISTS))
def test_a_list_shows_the_own_courses_alone(department: Department, route: str) -> None:
    address = department.site.url + route.partition(" ")[2]
    for client in department.strangers.values():
        text = client.http.get(address, follow_redirects=True).text
        assert not any(mark in text for mark in (COURSE, department.submission, "zora"))
    own = department.ta.http.get(address, follow_redirects=True).text
    assert "hw13" in own.replace(SLUG, "") or SLUG in own or route.endswith(("regrade-requests", "courses"))
    assert '"hw13"' not in own


def test_no_address_of_the_own_course_leads_into_another(department: Department) -> None:
    ta, site = department.strangers["ta"], department.site.url
    submission, request = department.submission, department.request
    for method, path in [
        ("GET", "/dashboard/hw13/students/zora"),
        ("GET", f"/dashboard/hw13/submissions/{submission}/report"),
        ("GET", f"/dashboard/hw13/submissions/{submission}/similar"),
        ("GET", f"/dashboard/hw13/review?submission={submission}&question=2.1"),
        ("GET", f"/dashboard/hw13/similarity/compare?first={submission}&second={submission}"),
        ("POST", f"/dashboard/hw13/submissions/{submission}/questions/2.1"),
        ("POST", f"/dashboard/hw13/requests/{request}"),
    ]:
        assert ta.http.request(method, f"{site}{path}").status_code == 404, path
    decision = {"submission": submission, "question": "2.1", "score": "0.5", "reason": "Right"}
    for path in ("/dashboard/hw13/review", "/dashboard/hw13/review/undo"):
        answer = ta.http.post(f"{site}{path}", data=decision)
        assert answer.status_code in (404, 422), path
        assert "zora" not in answer.text
    extension = {"deadline": "2031-01-01T00:00:00Z", "reason": "Ill"}
    assert ta.http.put("/assignments/hw13/extensions/zora", json=extension).status_code == 404


def other_spellings(number: int) -> list[str]:
    """An id as Pydantic reads it, too."""
    return [f"+{number}", f"0{number}", f"{number:010}", f"{number}.0", f"%20{number}"]


def test_no_other_spelling_of_an_id_leads_into_another_course(department: Department) -> None:
    values = {"text": {"en": "Stolen"}, "deduction": 0.5}
    routes = [
        ("GET", "review-items/{}"), ("GET", "review-items/{}/changes"), ("POST", "review-items/{}/preview"),
        ("PUT", "review-items/{}"), ("POST", "review-items/{}/revert"),
        ("POST", "regrade-requests/{}/answer"), ("POST", "regrade-requests/{}/withdraw"),
    ]  # fmt: skip
    for method, path in routes:
        number = department.item if path.startswith("review") else department.request
        for spelling in other_spellings(number):
            body = {"answer": "No"} if "answer" in path else values
            for role in ("ta", "instructor"):
                stranger = department.strangers[role]
                answer = stranger.http.request(method, f"/{path.format(spelling)}", json=body)
                assert answer.status_code == 404, (method, path, spelling)
                assert "No temperature" not in answer.text
    for spelling in (
        f"urn:uuid:{department.submission}",
        f"{{{department.submission}}}",
        department.submission.upper(),
    ):
        assert department.strangers["ta"].get(f"/submissions/{spelling}").status_code == 404, spelling
    assert department.ta.get(f"/review-items/{department.item}").json()["text"] == {"en": "No temperature"}


def test_two_names_in_one_request_do_not_add_up(department: Department) -> None:
    """Whoever names a thing of the own course beside one of another gets neither."""
    ta, site = department.strangers["ta"], department.site.url
    own = department.strangers["student"].submit(model=MODEL)
    for path in [
        f"/compare?first={own}&second={department.submission}",
        f"/compare?first={department.submission}&second={own}",
        f"/?assignment=hw13&done={department.submission}",
        f"/dashboard/hw13?course={COURSE}",
        f"/dashboard/{SLUG}?course=main",
        f"/dashboard/hw13?assignment={SLUG}",
        f"/dashboard/{SLUG}?assignment=hw13",
        f"/dashboard/hw13/similarity/compare?first={own}&second={department.submission}",
        f"/courses/main/people?course={COURSE}",
        f"/courses/{COURSE}/people?course=main",
        f"/courses/{COURSE}/people?assignment=hw13",
        f"/submissions/{department.submission}?course=main",
        f"/submissions/{department.submission}?assignment=hw13",
        f"/submissions/{own}?course={COURSE}",
        f"/api/v1/scores?assignment={SLUG}&course=main",
        f"/api/v1/scores?assignment=hw13&course={COURSE}",
        f"/api/v1/scores.csv?assignment=hw13&assignment={SLUG}",
        f"/api/v1/scores.csv?assignment={SLUG}&course=main&assignment={SLUG}",
        f"/api/v1/submissions?assignment=hw13&course={COURSE}",
        f"/api/v1/submissions?assignment={SLUG}&course=main",
        f"/api/v1/submissions/{department.submission}/events?course=main",
        f"/api/v1/submissions/{department.submission}/files/model?assignment=hw13",
        f"/api/v1/regrade-requests?assignment={SLUG}&course=main",
        f"/api/v1/courses/main/enrolments?course={COURSE}",
        f"/api/v1/courses/{COURSE}/enrolments?course=main",
        f"/api/v1/assignments/{SLUG}?course=main",
        f"/api/v1/review-items/{department.item}?assignment=hw13",
    ]:
        answer = ta.http.get(f"{site}{path}")
        assert answer.status_code == 404, path
        assert not any(mark in answer.text for mark in ("Zora", "zora", "Machine learning", "No temperature")), path
    # A TA of one course who studies in the other is staff there by no parameter.
    both = department.site.person("ta")
    database = Database(department.site.settings)
    with database.write() as session:
        enrolments.enrol(session, users.find(session, both.login), COURSE, Role.STUDENT)
    database.close()
    for path in [
        f"/dashboard/{SLUG}?course=main",
        f"/dashboard/{SLUG}/students/zora?course=main",
        f"/courses/{COURSE}/people?course=main",
        f"/submissions/{department.submission}?course=main",
        f"/api/v1/scores?assignment={SLUG}&course=main",
        f"/api/v1/scores.csv?course=main&assignment={SLUG}",
        f"/api/v1/review-items/{department.item}?assignment=hw13",
        f"/api/v1/submissions/{department.submission}?assignment=hw13",
    ]:
        answer = both.http.get(f"{site}{path}")
        assert answer.status_code == 404, path
        assert not any(mark in answer.text for mark in ("Zora", "zora", "No temperature")), path
    twice = ta.get(f"/scores.csv?assignment={SLUG}&assignment=hw13")
    assert 'filename="hw13-scores.csv"' in twice.headers["content-disposition"], "what was checked is what is read"
    assert ta.get("/submissions?student=zora").json()["items"] == []
    assert ta.get("/regrade-requests?student=zora").json() == []


def test_the_things_of_an_assignment_are_not_reached_by_another(department: Department) -> None:
    """Ids in a path behind the own assignment, or in a form of its pages."""
    site = department.site
    comment = department.ta.post(f"/assignments/{SLUG}/saved-comments", json={"question": "2.1", "text": "Nearly"})
    saved = comment.json()["id"]
    said = department.ta.post(f"/submissions/{department.submission}/questions/2.1/comments", json={"text": "See me"})
    ta, own = department.strangers["ta"], department.strangers["student"].submit(model=MODEL)
    page = f"{site.url}/dashboard/hw13"
    assert ta.http.delete(f"/assignments/hw13/saved-comments/{saved}").status_code == 404
    assert ta.http.delete(f"/submissions/{own}/comments/{said.json()['id']}").status_code == 404
    assert ta.http.post(f"{page}/review-items/saved-comments/{saved}").status_code == 404
    answers = [
        ta.http.post(f"{page}/review/comments/{said.json()['id']}/remove", data={"submission": department.submission}),
        ta.http.post(f"{page}/review/claim", data={"submission": department.submission, "question": "2.1"}),
        ta.http.post(f"{page}/second-readings/read", data={"submission": department.submission, "question": "2.1"}),
        ta.http.post(f"{page}/review-items/{department.item}", data={"action": "publish", "english": "Stolen"}),
        ta.http.put(f"/submissions/{own}/questions/2.1/review-items", json={"items": [department.item]}),
    ]
    for answer in answers:
        assert answer.status_code in (404, 422), (answer.url, answer.text[:300])
        assert not any(mark in answer.text for mark in ("Zora", "zora", "No temperature", "See me")), answer.url
    assert [row["text"] for row in department.ta.get(f"/assignments/{SLUG}/saved-comments").json()] == ["Nearly"]
    report = department.ta.report(department.submission)
    (question,) = (one for one in report["questions"] if one["number"] == "2.1")
    assert [one["text"] for one in question["comments"]] == ["See me"]


def test_metrics_of_several_courses_are_the_admins(department: Department) -> None:
    proxied = {"X-Forwarded-For": "192.0.2.1"}
    statuses = {
        role: client.http.get(f"{department.site.url}/metrics", headers=proxied).status_code
        for role, client in {**department.strangers, "admin": department.site.admin}.items()
    }
    assert statuses == {"student": 403, "ta": 403, "instructor": 403, "admin": 200}


def test_nobody_submits_to_another_course(department: Department) -> None:
    for stranger in department.strangers.values():
        assert stranger.post_submission(assignment=SLUG, model=MODEL).status_code == 404
    assert department.strangers["ta"].post_submission(student="zora", model=MODEL).status_code == 404
    assert department.ta.post_submission(model=MODEL).status_code == 404


def test_a_ta_who_studies_elsewhere_is_a_student_there(department: Department) -> None:
    """Roles hold for their course alone, in both directions."""
    person = department.site.person("ta")
    database = Database(department.site.settings)
    with database.write() as session:
        enrolments.enrol(session, users.find(session, person.login), COURSE, Role.STUDENT)
    database.close()
    own = person.submit(assignment=SLUG, model=MODEL)
    assert person.report(own)["student"] == person.login
    assert person.get(f"/submissions/{department.submission}").status_code == 404
    assert department.ask(person, "GET /dashboard/{slug}").status_code == 403
    assert person.http.get(f"{department.site.url}/dashboard/hw13").status_code == 200
    # Within the class that the person teaches, their own submission of the other course is no submission.
    page = f"/dashboard/hw13/review?submission={own}&question=2.1"
    assert person.http.get(department.site.url + page).status_code == 404
    visible = person.get("/submissions").json()["items"]
    assert [row["id"] for row in visible if row["assignment"] == SLUG] == [own]


def test_a_command_acts_for_the_staff_of_the_assignments_course_alone(department: Department) -> None:
    person = department.site.person("student")
    database = Database(department.site.settings)
    with database.write() as session:
        enrolments.enrol(session, users.find(session, person.login), COURSE, Role.TA)
    with database.read() as session:
        assert acting.staff(session, person.login, SLUG).role is Role.TA
        assert acting.staff(session, "admin", SLUG).is_admin
        for login in (person.login, department.ta.login):
            with pytest.raises(UnusableInput, match="--by names the member of the staff"):
                acting.staff(session, login, "hw13")
        viewer = Viewer.of(users.find(session, person.login))
    database.close()
    limit = SubmitLimit(allowed=1)
    for _ in range(2):
        # A TA who studies elsewhere submits for others.
        limit.check(viewer)


def test_an_instructor_changes_the_people_of_the_own_course(department: Department) -> None:
    """But neither who is an instructor, nor anybody's account, nor what another course has."""
    admin, person = department.site.admin, department.site.person("student")
    enrolments = f"/courses/{COURSE}/enrolments"
    assert admin.post(enrolments, json={"login": person.login, "role": "instructor"}).status_code == 201
    tag = person.get(f"{enrolments}/zora").headers["ETag"]
    headers = {"If-Match": tag}
    changed = person.http.patch(f"{enrolments}/zora", json={"section": "A"}, headers=headers)
    assert (changed.status_code, changed.headers["ETag"] != tag) == (200, True)
    late = admin.http.patch(f"{enrolments}/zora", json={"section": "Q"}, headers=headers)
    assert_problem(late, 412, "enrolment-changed")
    assert late.headers["ETag"] == changed.headers["ETag"] == admin.get(f"{enrolments}/zora").headers["ETag"]
    assert admin.get(f"{enrolments}/zora").json()["section"] == "A"
    assert admin.post(enrolments, json={"login": person.login}).status_code == 409
    assert admin.post(enrolments, json={"login": "admin"}).status_code == 409
    assert admin.post("/courses/nowhere/enrolments", json={"login": person.login}).status_code == 404

    def edit(client: Client, login: str, **change: object) -> httpx.Response:
        return client.http.patch(f"{enrolments}/{login}", json=change)

    zora = department.student.login
    assert edit(department.ta, zora, section="B").status_code == 403
    assert edit(person, zora, section="B", role="ta").json()["section"] == "B"
    assert department.student.get(f"/scores?assignment={SLUG}").status_code == 200
    assert edit(person, zora, role="student").status_code == 200
    assert edit(person, zora, role="instructor").status_code == 403
    assert edit(person, person.login, role="ta").status_code == 409
    assert edit(person, person.login, dropped=True).status_code == 409
    assert edit(person, department.strangers["student"].login, section="B").status_code == 404
    assert person.post(enrolments, json={"login": department.strangers["student"].login}).status_code == 403
    own = person.http.patch(f"/courses/main/enrolments/{person.login}", json={"role": "ta"})
    assert own.status_code == 403, "a student there"

    before = person.get(f"/scores/statistics?assignment={SLUG}").json()
    assert edit(person, zora, dropped=True).json()["dropped_at"]
    assert department.student.get(f"/submissions/{department.submission}").status_code == 404
    assert department.student.post_submission(assignment=SLUG, model=MODEL).status_code == 404
    rows = {row["login"]: row for row in person.get(enrolments).json()}
    assert (rows["zora"]["section"], rows["zoltan"]["role"]) == ("B", "ta")
    (row,) = (row for row in person.get(f"/scores?assignment={SLUG}&section=B").json() if row["student"] == zora)
    assert (row["dropped"], row["section"], row["submission"]) == (True, "B", department.submission)
    unknown = person.get(f"/scores?assignment={SLUG}&section=A")
    assert "The sections are B." in assert_problem(unknown, 404, "section-not-found")["detail"]
    after = person.get(f"/scores/statistics?assignment={SLUG}").json()
    assert after["dropped"] == 1
    for name in ("students", "handed_in"):
        assert after[name] == before[name] - 1
    assert edit(person, zora, dropped=False).json()["dropped_at"] is None
    assert department.student.get(f"/submissions/{department.submission}").status_code == 200
