"""A course at a Moodle that uses the service: what its people do, and what each gradebook shows after it."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, expect

from app.db.engine import Database
from app.lti import delivery_repository
from app.lti.models import Cause, Delivery, Passback
from tests.command_line import assay
from tests.integration.service import Service, example, variables
from tests.integration.test_regrades import ANSWERS, OTHER_KEY, Class
from tests.platforms.answers import Answer, Prober
from tests.platforms.moodle import ADMIN_PASSWORD, PASSWORD, Moodle
from tests.platforms.moodle_pages import Visitor

PEOPLE = {"ann": "student", "bea": "student", "cho": "student", "tim": "editingteacher"}


class Course:
    """The steps, in their order. Each says what it saw."""

    def __init__(self, moodle: Moodle, service: Service, browser: Browser, say: Callable[[str], None]) -> None:
        self.moodle = moodle
        self.service = service
        self.browser = browser
        self.say = say
        self.assignment = Class(service, Database(service.settings))
        self.course = self.activity = 0
        self.reviewed = self.waiting = ""
        self.answers: dict[str, Answer] = {}

    def run(self) -> dict[str, Answer]:
        """Every step. Returns Moodle's answers."""
        self.course = self.moodle.add_course(PEOPLE)
        self.register()
        self.pick()
        self.refuse_teacher()
        self.launch()
        self.pass_back()
        self.wait_for_review()
        self.lock()
        self.move_clock()
        self.register_by_link()
        return self.answers

    def visitor(self, login: str) -> Visitor:
        """Somebody of the course in a browser."""
        return Visitor(self.browser, self.moodle, login, PASSWORD)

    def register(self) -> None:
        """An administrator of Moodle adds the tool as `docs/lti.md` says; the command registers what Moodle shows."""
        admin = Visitor(self.browser, self.moodle, "admin", ADMIN_PASSWORD)
        shown = admin.add_tool(self.service.url)
        admin.close()
        self.say(f"the tool is in Moodle: {shown}")
        options = {
            "issuer": shown["Platform ID"],
            "client-id": shown["Client ID"],
            "deployment-id": shown["Deployment ID"],
            "auth-url": shown["Authentication request URL"],
            "token-url": shown["Access token URL"],
            "jwks-url": shown["Public keyset URL"],
        }
        arguments = [text for name, value in options.items() for text in (f"--{name}", value)]
        self.command("lti", "add", "moodle", *arguments)

    def command(self, *arguments: str) -> str:
        """Run `assay`. Returns what it prints."""
        environment = {**variables(self.service.settings), "ASSAY_LTI_ALLOW_LOCAL": "true"}
        ended = assay(*arguments, **environment)
        assert ended.returncode == 0, f"assay {shlex.join(arguments)}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def pick(self) -> None:
        """A teacher finds the tool in the activity chooser and picks the assignment there."""
        teacher = self.visitor("tim")
        self.activity = teacher.add_activity(self.course, self.assignment.slug)
        teacher.close()
        _, name, maximum = self.moodle.column(self.activity)
        assert maximum == 4.0
        self.say(f"a teacher picked the assignment: the gradebook has {name!r} with {maximum} points")

    def refuse_teacher(self) -> None:
        """A teacher's launch is refused, and the page says what an admin has to allow; then it is allowed."""
        teacher = self.visitor("tim")
        window = teacher.open_activity(self.activity)
        expect(window.get_by_text("Its teachers are staff here")).to_be_visible()
        self.say(f"a teacher is refused: {window.locator('main').inner_text()!r}")
        teacher.close()

    def launch(self) -> None:
        """A student comes in by their own name, which follows a change at Moodle."""
        for name in ("Moodle", "Renamed"):
            self.moodle.rename("ann", name)
            student = self.visitor("ann")
            window = student.open_activity(self.activity)
            expect(window.get_by_text(f"Ann {name}").first).to_be_visible()
            student.close()
            self.say(f"Ann {name} came in from Moodle: {window.url}")
        for login in ("bea", "cho"):
            student = self.visitor(login)
            expect(
                student.open_activity(self.activity).get_by_text(f"{login.capitalize()} Moodle").first
            ).to_be_visible()
            student.close()

    def login_of(self, login: str) -> str:
        """The login here of somebody there."""
        ((first, last),) = self.moodle.rows("SELECT firstname, lastname FROM mdl_user WHERE username = %s", login)
        rows = self.service.admin.get("/scores", params={"assignment": self.assignment.slug}).json()
        (found,) = [row["student"] for row in rows if row["name"] == f"{first} {last}"]
        return str(found)

    def submit(self, login: str, **parts: Any) -> str:
        """Submit for somebody and wait for the score."""
        admin = self.service.admin
        submission = admin.submit(assignment=self.assignment.slug, student=self.login_of(login), **parts)
        admin.wait_for_state(submission, "graded", seconds=300)
        return submission

    def set_points(self, submission: str, question: str, score: float) -> None:
        """Set the points of a question by hand."""
        body = {"score": score, "reason": "looked at"}
        answer = self.service.admin.http.put(f"/submissions/{submission}/questions/{question}/override", json=body)
        assert answer.status_code == 200, answer.text

    def wait_for_grade(self, login: str, grade: float | None, seconds: float = 60) -> None:
        """Wait until Moodle's gradebook shows this grade."""
        until = time.monotonic() + seconds
        while (shown := self.moodle.grade(self.activity, login)) != grade:
            assert time.monotonic() < until, f"{login}: Moodle shows {shown}, not {grade}: {self.deliveries()}"
            time.sleep(0.2)

    def deliveries(self) -> str:
        """The staff's page of what arrived, as text."""
        headers = {
            "Authorization": f"Bearer {self.service.admin.token}",
            "Accept": "text/html",
            "Accept-Language": "en",
        }
        page = self.service.plain.get(f"/dashboard/{self.assignment.slug}/lti", headers=headers)
        assert page.status_code == 200, page.text
        return page.text

    def pass_back(self) -> None:
        """Points follow a submission, points by hand, a published regrade and its reversal."""
        submission = self.submit("ann", answers=ANSWERS)
        self.wait_for_grade("ann", 1.5)
        self.set_points(submission, "2.2", 0.25)
        self.wait_for_grade("ann", 1.25)
        self.service.admin.http.delete(f"/submissions/{submission}/questions/2.2/override")
        self.wait_for_grade("ann", 1.5)
        self.assignment.publish(OTHER_KEY)
        regrade = self.assignment.preview(questions=["2.2"])["id"]
        self.assignment.now(regrade, "publish")
        self.wait_for_grade("ann", 1.0)
        self.assignment.now(regrade, "revert")
        self.wait_for_grade("ann", 1.5)
        self.say("a submission, points by hand, a regrade and its reversal all arrived in Moodle's gradebook")

    def wait_for_review(self) -> None:
        """Moodle empties the grade of a score that waits for review; the last final one stays."""
        plot = {"pruning_plot": ("curve.png", example("pruning.png"))}
        self.reviewed = self.submit("bea", answers=ANSWERS, **plot)
        self.wait_for("bea", Delivery.SENT)
        assert self.moodle.grade(self.activity, "bea") is None
        self.set_points(self.reviewed, "3.1", 1.0)
        # The version that the regrade published has another key for one answer.
        self.wait_for_grade("bea", 2.0)
        self.say("a first score that waits for review is empty in Moodle, and there once it is reviewed")
        self.waiting = self.submit("ann", answers=ANSWERS, **plot)
        time.sleep(5)
        assert self.moodle.grade(self.activity, "ann") == 1.5, self.moodle.grade(self.activity, "ann")
        self.say("a better attempt that waits for review leaves the last final grade")
        prober = self.prober("bea")
        self.answer("final", prober.score(1.0, "FullyGraded"))
        self.answer("not newer", prober.score(1.0, "FullyGraded", -30))
        self.answer("pending", prober.score(3.0, "PendingManual", 2))
        self.answer("withheld", prober.score(3.0, "Pending", 3))

    def lock(self) -> None:
        """A locked grade is refused alone, staff read what to do, and it arrives once it is unlocked."""
        submission = self.submit("cho", answers=ANSWERS)
        self.wait_for_grade("cho", 1.0)
        teacher = self.visitor("tim")
        teacher.lock_grade(self.course, self.activity, "cho", locked=True)
        self.answer("locked", self.prober("cho").score(1.0, "FullyGraded"))
        self.set_points(submission, "2.2", 0.25)
        refused = self.wait_for("cho", Delivery.WAITING, failed=True)
        assert (refused.refusal_status, refused.cause) == (500, Cause.LOCKED), refused.error
        self.say(f"a locked grade: {refused.error}")
        assert "It may be locked" in self.deliveries()
        self.set_points(self.reviewed, "2.2", 0.25)
        self.wait_for_grade("bea", 2.25)
        self.say("other scores arrive meanwhile")
        teacher.lock_grade(self.course, self.activity, "cho", locked=False)
        teacher.close()
        self.send_again()
        self.wait_for_grade("cho", 1.25)
        self.say("the grade that was locked arrives after it was unlocked and sent again")
        self.moodle.leave("cho")
        self.answer("left", self.prober("cho").score(1.0, "FullyGraded"))
        self.set_points(submission, "2.2", 0.4)
        refused = self.wait_for("cho", Delivery.WAITING, failed=True)
        assert refused.cause is Cause.STUDENT_UNKNOWN, refused.error
        self.say(f"a student who left the course: {refused.error}")

    def move_clock(self) -> None:
        """A clock at Moodle that is nearly a minute off changes nothing; more of it is refused with its reason."""
        for number, ahead in enumerate((59, -59)):
            self.moodle.set_clock(ahead)
            self.moodle.forget_tokens()
            student = self.visitor("ann")
            expect(student.open_activity(self.activity).get_by_text("Ann Renamed").first).to_be_visible()
            student.close()
            score = 0.75 + 0.25 * number
            self.set_points(self.waiting, "3.1", score)
            self.wait_for_grade("ann", 1.0 + score)
            teacher = self.visitor("tim")
            teacher.add_activity(self.course, self.assignment.slug)
            teacher.close()
            self.say(f"Moodle's clock {ahead:+d} s: a launch, a choice and a score arrive")
        self.moodle.set_clock(-75)
        self.answer("token from the future", self.prober("ann").token_answer())
        self.moodle.set_clock(-150)
        student = self.visitor("ann")
        expect(student.open_activity(self.activity).get_by_text("expired")).to_be_visible()
        self.say("Moodle's clock -150 s: the launch is refused as expired")
        self.moodle.set_clock(0)
        student.close()

    def register_by_link(self) -> None:
        """Moodle and the service register each other with a link of an admin, and the connection works."""
        headers = {"Authorization": f"Bearer {self.service.admin.token}", "Accept-Language": "en"}
        made = self.service.plain.post("/admin/lti/links", headers=headers, data={"name": "itself"})
        (link,) = re.findall(r"http://\S+/lti/register\?link=[\w-]+", made.text)
        admin = Visitor(self.browser, self.moodle, "admin", ADMIN_PASSWORD)
        admin.add_tool_by_link(str(link))
        admin.close()
        tested = self.service.plain.post("/admin/lti/platforms/itself/test", headers=headers)
        assert tested.text.count("Passed.") == 3, tested.text
        self.say("Moodle and the service registered each other with a link; keys, clock and token are right")

    def prober(self, login: str) -> Prober:
        """Sends scores of somebody one by one."""
        return Prober(self.moodle, self.assignment.database, self.activity, login)

    def answer(self, kind: str, answer: Answer) -> None:
        """Keep an answer of Moodle."""
        self.answers[kind] = answer
        self.say(f"{kind}: {answer}")

    def send_again(self) -> None:
        """Staff send everything again that did not arrive."""
        headers = {"Authorization": f"Bearer {self.service.admin.token}"}
        answer = self.service.plain.post(f"/dashboard/{self.assignment.slug}/lti", headers=headers)
        assert answer.status_code == 303, answer.text

    def wait_for(self, login: str, state: Delivery, *, failed: bool = False, seconds: float = 60) -> Passback:
        """The score of somebody on its way, once it is in this state."""
        until = time.monotonic() + seconds
        person = self.login_of(login)
        while True:
            with self.assignment.database.read() as session:
                rows = delivery_repository.of_assignment(session, self.assignment.slug)
                (found,) = [row for row in rows if row.user.login == person]
            if found.state is state and (found.error is not None) is failed:
                return found
            assert time.monotonic() < until, (found.state, found.error)
            time.sleep(0.2)
