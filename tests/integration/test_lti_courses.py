"""A platform with several courses: each is linked to one course here, and gives nobody anything of another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import jwt
import pytest
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.courses import service as courses
from app.db.base import now
from app.db.engine import Database
from app.lti import repository
from app.lti.models import LineItem
from app.lti.registration import register
from app.users import enrolments
from app.users import repository as people
from app.users import service as users
from app.users.models import Role
from grader.assignment import bundled
from tests.integration import lti_platform as sim
from tests.integration.conftest import MakeSettings
from tests.integration.lti_platform import DEPLOYMENT, INSTRUCTOR, LEARNER, LTI, Browser, Platform
from tests.integration.service import Client, ServiceInProcess, Site
from tests.integration.test_lti_launch import assert_refused, registration

OTHER_DEPLOYMENT = "deployment-2"
MAINS, BETAS = "hw13", "ml27.hw13"
Work = Callable[[Session], Any]


class Department:
    """Two courses and a platform. Its context `alpha` was in use before the second course, `beta` is linked to it."""

    def __init__(self, site: Site, platform: Platform) -> None:
        self.site = site
        self.platform = platform
        self.database = Database(site.settings)
        self.browser = Browser(site.url)

    def do(self, work: Work) -> Any:
        """Work in the database."""
        with self.database.write() as session:
            return work(session)

    def launch(
        self, subject: str, role: str, context: str, assignment: str | None = None, **claims: Any
    ) -> httpx.Response:
        """A launch by somebody whose login here is the subject, in a browser of their own."""
        self.browser.http.close()
        self.browser = Browser(self.site.url)
        all_claims = {
            f"{LTI}ext": {"user_username": subject},
            f"{LTI}context": {"id": context, "title": f"Course {context}"},
            f"{LTI}custom": {"assignment": assignment} if assignment else {},
            **claims,
        }
        self.platform.enrol(subject, role, **all_claims)
        return self.browser.launch(self.platform, subject)

    def see(self, path: str) -> int:
        """The status of a page for who launched last."""
        return self.browser.send("GET", path, site="same-origin").status_code

    def roles(self, login: str) -> dict[str, Role]:
        """The courses that a person has a role in."""

        def read(session: Session) -> dict[str, Role]:
            user = people.by_login(session, login)
            rows = user.enrolments if user is not None else []
            return {row.course: row.role for row in rows if row.dropped_at is None}

        roles: dict[str, Role] = self.do(read)
        return roles

    def add(self, login: str, role: Role, course: str) -> None:
        """Somebody of a roster."""
        self.do(
            lambda session: users.create_user(session, login=login, name=login, role=role, actor="test", course=course)
        )

    def linked(self, context: str, deployment: str = DEPLOYMENT) -> str | None:
        """The course that a context is linked to."""

        def read(session: Session) -> str | None:
            (platform,) = repository.platforms(session)
            row = repository.context(session, platform.id, deployment, context)
            return row.course if row is not None else None

        course: str | None = self.do(read)
        return course

    @property
    def admin(self) -> Client:
        """An admin."""
        return self.site.admin

    def page(self, path: str = "", form: dict[str, str] | None = None) -> httpx.Response:
        """The admins' page of the platform's courses, or what a form of it answers."""
        headers = {"Authorization": f"Bearer {self.admin.token}", "Accept": "text/html", "Accept-Language": "en"}
        method = "GET" if form is None else "POST"
        address = f"/admin/lti/platforms/school/contexts{path}"
        return self.site.plain.request(method, address, headers=headers, data=form)

    def row_of(self, context: str) -> int:
        """The number of a context on the page."""

        def read(session: Session) -> int:
            (platform,) = repository.platforms(session)
            row = repository.context(session, platform.id, DEPLOYMENT, context)
            assert row is not None
            return row.id

        number: int = self.do(read)
        return number

    def set_platform(self, **values: Any) -> None:
        """Change what the platform may do."""

        def change(session: Session) -> None:
            (platform,) = repository.platforms(session)
            for name, value in values.items():
                setattr(platform, name, value)

        self.do(change)

    @contextmanager
    def platform_with(self, **values: Any) -> Iterator[None]:
        """The platform may do something else for a while."""
        self.set_platform(**values)
        try:
            yield
        finally:
            self.set_platform(staff=True, instructors_link=False)


@pytest.fixture(scope="module")
def department(make_settings: MakeSettings) -> Iterator[Department]:
    with sim.running() as platform:
        site = ServiceInProcess(make_settings("sqlite").model_copy(update={"lti_allow_local": True}))
        platform.tool = site.url
        made = Department(site, platform)
        wanted = registration(
            platform, deployments=[DEPLOYMENT, OTHER_DEPLOYMENT], staff=True, match="login=ext.user_username"
        )
        made.do(lambda session: register(session, wanted, allow_local=True, actor="test").id)
        # While there is one course only, a launch needs no link, and nobody reads of any.
        assert made.launch("ann", LEARNER, "alpha", MAINS).status_code == 303
        assert made.page().status_code == 404
        assert "Courses of the platform" not in _overview(made)
        made.do(_add_course)
        answer = made.page(form={"context_id": "beta", "deployment": DEPLOYMENT, "course": "ml27"})
        assert answer.status_code == 303, answer.text
        yield made
        made.browser.http.close()
        made.database.close()
        site.close()


def _add_course(session: Session) -> None:
    courses.create(session, "ml27", "Machine learning", actor="test")
    assignments.publish(session, bundled("hw13"), "ml27")


def _overview(department: Department) -> str:
    headers = {"Authorization": f"Bearer {department.admin.token}", "Accept": "text/html", "Accept-Language": "en"}
    return department.site.plain.get("/admin/lti", headers=headers).text


def test_contexts_in_use_stay_those_of_the_first_course(department: Department) -> None:
    column = department.platform.line_item(5)
    url = column[sim.ENDPOINT]["lineitem"]

    def store(session: Session) -> None:
        (platform,) = repository.platforms(session)
        session.add(LineItem(platform_id=platform.id, url=url, slug=MAINS, context="Old"))

    department.do(store)
    assert department.launch("abe", LEARNER, "alpha", MAINS).status_code == 303
    # A version before contexts stored the column, but no id of the context.
    assert department.launch("ada", LEARNER, "before", MAINS, **column).status_code == 303
    assert department.linked("before") == "main"
    assert department.roles("ada") == department.roles("abe") == {"main": Role.STUDENT}
    assert_refused(department.launch("adi", LEARNER, "elsewhere", MAINS, **column), "context")


def test_a_launch_from_a_context_without_a_link_leaves_nothing_but_a_line_for_admins(department: Department) -> None:
    for role in (LEARNER, INSTRUCTOR):
        answer = department.launch("nobody", role, "gamma", BETAS)
        assert_refused(answer, "context")
        assert "Course gamma" in answer.text
    assert department.do(lambda session: people.by_login(session, "nobody")) is None
    assert "Not linked: " in _overview(department)
    page = department.page()
    assert page.status_code == 200
    assert page.text.index("Course gamma") < page.text.index("Course alpha"), "those without a link come first"
    answer = department.page(f"/{department.row_of('gamma')}/link", {"course": "ml27", "former": ""})
    assert answer.status_code == 303
    assert department.launch("nobody", LEARNER, "gamma", BETAS).status_code == 303
    assert department.roles("nobody") == {"ml27": Role.STUDENT}
    # Somebody else's page is older now: its choice is not made, and not lost.
    stale = department.page(f"/{department.row_of('gamma')}/link", {"course": "main", "former": ""})
    assert stale.status_code == 409
    assert re.search(r'<option value="main" selected>', stale.text)
    assert department.linked("gamma") == "ml27"
    assert department.page(f"/{department.row_of('gamma')}/unlink", {"former": "ml27"}).status_code == 303
    assert_refused(department.launch("nobody", LEARNER, "gamma", BETAS), "context")


def test_staff_of_a_context_are_staff_of_its_course_alone(department: Department) -> None:
    answer = department.launch("tim", INSTRUCTOR, "beta", BETAS)
    assert answer.headers["location"] == f"/dashboard/{BETAS}"
    assert department.see(f"/dashboard/{BETAS}") == 200
    assert department.see(f"/dashboard/{MAINS}") == department.see(f"/?assignment={MAINS}") == 404
    assert department.roles("tim") == {"ml27": Role.TA}
    # In the other course the same person studies, and keeps the rights of each.
    assert department.launch("tim", LEARNER, "alpha", MAINS).headers["location"] == f"/?assignment={MAINS}"
    assert department.roles("tim") == {"ml27": Role.TA, "main": Role.STUDENT}
    assert (department.see(f"/dashboard/{MAINS}"), department.see(f"/dashboard/{BETAS}")) == (403, 200)
    department.launch("tim", LEARNER, "beta", BETAS)
    assert department.roles("tim") == {"ml27": Role.STUDENT, "main": Role.STUDENT}


@pytest.mark.parametrize("role", [LEARNER, INSTRUCTOR])
def test_an_assignment_of_another_course_is_no_target(department: Department, role: str) -> None:
    subject = f"target-{role[-5:].lower()}"
    assert_refused(department.launch(subject, role, "beta", MAINS), "assignment")
    assert_refused(department.launch(subject, role, "alpha", BETAS), "assignment")
    assert department.roles(subject) == {}


def test_only_assignments_of_the_context_are_offered_and_picked(department: Department) -> None:
    for context, own, foreign in (("beta", BETAS, MAINS), ("alpha", MAINS, BETAS)):
        for wanted, status in ((foreign, 403), (own, 200)):
            page = department.launch("ines", INSTRUCTOR, context, **sim.deep_linking(department.platform))
            offered = re.findall(r'name="assignment" value="([\w.-]+)"', page.text)
            assert own in offered
            assert not any(("." in slug) is (context == "alpha") for slug in offered)
            choice = {"ticket": sim.ticket(page), "assignment": wanted}
            answer = department.browser.send("POST", "/lti/pick", data=choice, site="same-origin")
            assert answer.status_code == status
            if status == 403:
                assert_refused(answer, "assignment")


def test_a_context_that_the_platform_did_not_sign_opens_nothing(department: Department) -> None:
    beta = {"id": "beta", "title": "Course beta"}
    # What a teacher may set for a link, and the same id in another deployment.
    custom: dict[str, Any] = {f"{LTI}custom": {"assignment": BETAS, "context_id": "beta", "context": "beta"}}
    assert_refused(department.launch("eve", LEARNER, "delta", **custom), "context")
    elsewhere = {f"{LTI}deployment_id": OTHER_DEPLOYMENT}
    assert_refused(department.launch("eve", LEARNER, "beta", BETAS, **elsewhere), "context")
    for odd in ({"id": ["beta"]}, {"id": "x" * 256}, {"id": "beta\n"}):
        assert_refused(department.launch("eve", LEARNER, "", BETAS, **{f"{LTI}context": odd}), "message")
    nothing: list[Any] = [{}, None, "beta"]
    for missing in nothing:
        assert_refused(department.launch("eve", LEARNER, "", BETAS, **{f"{LTI}context": missing}), "context")
    fields = department.browser.authorize(department.browser.begin(department.platform, "eve"))
    claims = jwt.decode(fields["id_token"], options={"verify_signature": False}) | {f"{LTI}context": beta}
    forged = department.platform.sign(claims, key=sim.new_key())
    assert_refused(department.browser.end({**fields, "id_token": forged}), "signature")
    assert department.roles("eve") == {}


def test_only_an_instructor_of_the_course_here_links_by_a_launch(department: Department) -> None:
    department.add("ivy", Role.INSTRUCTOR, "ml27")
    department.add("tad", Role.TA, "ml27")
    assistant = {f"{LTI}roles": [INSTRUCTOR, f"{sim.MEMBERSHIP}/Instructor#TeachingAssistant"]}

    def attempts() -> list[httpx.Response]:
        return [
            department.launch("sid", LEARNER, "epsilon", BETAS),
            department.launch("ivy", LEARNER, "epsilon", BETAS),
            department.launch("ivy", INSTRUCTOR, "epsilon", BETAS, **assistant),
            department.launch("tad", INSTRUCTOR, "epsilon", BETAS),
            department.launch("ned", INSTRUCTOR, "epsilon", BETAS),
            department.launch("ivy", INSTRUCTOR, "epsilon", MAINS),
        ]

    for answer in (*attempts(), department.launch("ivy", INSTRUCTOR, "epsilon", BETAS)):
        assert_refused(answer, "context")
    assert department.page("/instructors", {"allowed": "true"}).status_code == 303
    with department.platform_with(instructors_link=True, staff=False):
        assert_refused(department.launch("ivy", INSTRUCTOR, "epsilon", BETAS), "context")
    with department.platform_with(instructors_link=True):
        for answer in attempts():
            assert_refused(answer, "context")
        assert department.linked("epsilon") is None
        assert department.launch("ivy", INSTRUCTOR, "epsilon", BETAS).headers["location"] == f"/dashboard/{BETAS}"
        assert department.linked("epsilon") == "ml27"
        assert department.roles("ivy") == {"ml27": Role.INSTRUCTOR}
        assert department.launch("sid", LEARNER, "epsilon", BETAS).status_code == 303
        # What an admin unlinked, only an admin links again.
        assert department.page(f"/{department.row_of('epsilon')}/unlink", {"former": "ml27"}).status_code == 303
        assert_refused(department.launch("ivy", INSTRUCTOR, "epsilon", BETAS), "context")


def test_an_instructor_of_several_courses_links_the_one_of_the_assignment(department: Department) -> None:
    department.add("una", Role.INSTRUCTOR, "ml27")
    department.do(lambda session: enrolments.enrol(session, users.find(session, "una"), "main", Role.INSTRUCTOR).course)
    with department.platform_with(instructors_link=True):
        assert_refused(department.launch("una", INSTRUCTOR, "zeta"), "context")
        assert department.launch("una", INSTRUCTOR, "zeta", BETAS).status_code == 303
    assert department.linked("zeta") == "ml27"


def test_who_dropped_stays_out_by_the_roster_and_comes_back_by_the_platform(department: Department) -> None:
    department.add("dan", Role.STUDENT, "ml27")
    department.launch("new", LEARNER, "beta", BETAS)

    def drop(session: Session) -> None:
        for login in ("dan", "new"):
            row = people.enrolment(session, users.find(session, login).id, "ml27")
            assert row is not None
            row.dropped_at = now()

    department.do(drop)
    assert_refused(department.launch("dan", LEARNER, "beta", BETAS), "dropped")
    assert department.launch("new", LEARNER, "beta", BETAS).status_code == 303
    assert department.roles("new") == {"ml27": Role.STUDENT}


def test_an_archived_course_takes_nobody_new_and_still_lets_its_people_in(department: Department) -> None:
    assert department.launch("old", LEARNER, "beta", BETAS).status_code == 303
    department.launch("left", LEARNER, "beta", BETAS)
    department.add("roster", Role.STUDENT, "main")

    def end_course(session: Session) -> None:
        row = people.enrolment(session, users.find(session, "left").id, "ml27")
        assert row is not None
        row.dropped_at = now()
        courses.archive(session, courses.find(session, "ml27"), actor="test")

    department.do(end_course)
    try:
        assert department.launch("old", LEARNER, "beta", BETAS).status_code == 303
        for login in ("fresh", "left", "roster"):
            assert_refused(department.launch(login, LEARNER, "beta", BETAS), "archived")
        assert department.roles("fresh") == department.roles("left") == {}
        assert department.roles("roster") == {"main": Role.STUDENT}
    finally:
        department.do(lambda session: courses.restore(session, courses.find(session, "ml27"), actor="test"))
    assert department.launch("left", LEARNER, "beta", BETAS).status_code == 303


def test_accounts_with_more_rights_than_the_platform_may_give_are_not_opened(department: Department) -> None:
    department.add("ida", Role.INSTRUCTOR, "main")
    department.add("tom", Role.TA, "main")
    department.launch("max", LEARNER, "beta", BETAS)

    def promote(session: Session) -> None:
        users.edit_user(session, users.find(session, "max"), actor="test", role=Role.ADMIN)

    department.do(promote)
    with department.platform_with(staff=False):
        for login in ("ida", "tom", "max"):
            # Also where the launch is of another course than the one in which they are staff.
            for context, slug in (("alpha", MAINS), ("beta", BETAS)):
                assert_refused(department.launch(login, LEARNER, context, slug), "match_privileged")
    assert_refused(department.launch("max", LEARNER, "beta", BETAS), "match_privileged")
    assert department.do(lambda session: users.find(session, "max").role) is Role.ADMIN, "no launch demotes an admin"


@pytest.mark.parametrize(
    "form",
    [
        {"context_id": "", "deployment": DEPLOYMENT, "course": "ml27"},
        {"context_id": "x" * 255, "deployment": "deployment-3", "course": "ml27"},
        {"context_id": "theta", "deployment": DEPLOYMENT, "course": "none"},
        {"context_id": "beta", "deployment": DEPLOYMENT, "course": "main"},
    ],
)
def test_a_link_that_cannot_be_made_is_explained_and_not_lost(department: Department, form: dict[str, str]) -> None:
    answer = department.page(form=form)
    assert answer.status_code in (404, 409, 422)
    assert "Nothing was changed." in answer.text
    assert f'value="{form["context_id"]}"' in answer.text
    assert department.linked("beta") == "ml27"
    assert department.linked("theta") is None
