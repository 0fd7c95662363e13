"""Results that are told later: until then no view of a student shows whether an answer is right."""

from __future__ import annotations

import io
import json
import random
import re
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from difflib import unified_diff
from typing import Any

import pytest
import structlog

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.db.base import now
from app.db.engine import Database
from app.grading.recorder import Recorder
from app.grading.stages import FirstStage
from app.lti.models import LineItem, Passback, Platform
from app.lti.sender import Sender
from app.queue.dbos_engine import DbosJobs
from app.regrades import service as regrades
from app.regrades.models import Kind
from app.regrades.preview import Previewer
from app.regrades.publishing import RegradeTellsResults
from app.regrades.schemas import RegradeWish
from app.regrades.selection import Condition
from app.scores import withholding
from app.users import service as users
from grader.assignment import bundled, from_files
from grader.checks.choice.evidence import ChoiceEvidence
from grader.checks.kd_loss.evidence import KDLossEvidence, TermEvidence
from grader.evidence import Evidence
from grader.pipeline import Grading
from tests import class_rows
from tests.integration.conftest import MakeSettings
from tests.integration.service import Client, ServiceInProcess, Site, assert_problem, example
from tests.integration.student_views import StudentViews, text_of
from tests.integration.test_jobs import BrokenSandbox, Course, grader

SLUG = "told-later"
LATER = {"2.1": "when released", "2.2": "after the deadline", "3.2": "when released"}
MOST_DAYS = timedelta(days=3)
DEADLINE = now().replace(microsecond=0) + timedelta(hours=1)
EXTENDED = DEADLINE + timedelta(days=10)
CLOSES = EXTENDED + MOST_DAYS
"""A third student may still submit so long."""
RIGHT, WRONG = {"2.2": "softer", "3.2": "no "}, {"2.2": "harder", "3.2": "yes"}
COMMENT = "You almost had it."
VARYING = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}", "ID"),
    (r"\b([0-9a-f]{64}|[0-9a-f]{12})\b", "SHA-256"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?", "TIME"),
    (r"(?i)student-[0-9a-f]{8}", "LOGIN"),
    (r'name="once" value="[\w-]+"', "ONCE"),
    (r"\"id\":\d+|/requests/\d+/", "REQUEST"),
    (r"\"(execution_time|queued|total|\d\.\d)\":\d+(\.\d+)?", "SECONDS"),
    (r"\b\d+\.\d{3,}(e-\d+)?\b", "SECONDS"),
    (r"took \d+\.\d s|\d+\.\d s(?=[^a-z])", "SECONDS"),
    (r"(&#34;|\")(softer|harder|yes|no )(&#34;|\")", "ANSWER"),
]
"""Ids, times, the name of a form that is sent once, and the student's own upload, which may differ."""


def published(version: int, key: str = "softer", points: Mapping[str, float] | None = None) -> dict[str, str]:
    """The files of a version of hw13 with a deadline, late days and results that are told later.

    ``points`` are those of questions that have others than in hw13.
    """
    files = dict(bundled("hw13").files)
    text = files["assignment.toml"].replace('slug = "hw13"\nversion = 1', f'slug = "{SLUG}"\nversion = {version}')
    text = text.replace("[schedule]", f"[schedule]\ndeadline = {DEADLINE.isoformat()}")
    text = text.replace("[sandbox]", "[schedule.late]\npercent_per_day = 10\nmost_days = 3\n\n[sandbox]")
    for number in ("2.1", "3.2"):
        text = text.replace(f'number = "{number}"', f'number = "{number}"\ntell = "{LATER[number]}"')
    for number, worth in (points or {}).items():
        pattern = rf'(number = "{re.escape(number)}"(?:(?!\[\[questions).)*?\npoints = )[\d.]+'
        text, count = re.subn(pattern, rf"\g<1>{worth}", text, flags=re.DOTALL)
        assert count == 1
    return files | {"assignment.toml": text.replace('key = "softer"', f'key = "{key}"')}


class ToldLater(Course):
    """A class whose attempts are graded from given evidence, as the worker records it."""

    def __init__(self, site: Site, database: Database, jobs: DbosJobs) -> None:
        super().__init__(database, jobs)
        self.site = site
        self.version = 0
        self.publish()
        extended = site.person()
        wish = {"deadline": EXTENDED.isoformat(), "reason": "ill"}
        path = f"/assignments/{SLUG}/extensions/{extended.login}"
        assert site.admin.http.put(path, json=wish).status_code == 200

    def publish(self, key: str = "softer", points: Mapping[str, float] | None = None) -> None:
        """Publish the next version."""
        self.version += 1
        with self.database.write() as session:
            assignments.publish_version(session, from_files(published(self.version, key, points)), "test")

    def attempt(self, client: Client, answers: dict[str, str] | None, is_right: bool = True) -> str:
        """A graded attempt; the evidence of the loss says whether it is right."""
        parts = {"model": example("model.py"), "loss": example("loss.py"), "summary": example("summary.txt")}
        if answers is not None:
            parts["answers"] = json.dumps(answers).encode()
        submission = client.submit(assignment=SLUG, **parts)
        job = FirstStage(grader(self, BrokenSandbox()), uuid.UUID(submission))
        with self.database.write() as session:
            claim = job.claim(session)
        assert claim is not None
        recorder = Recorder(job, claim.run_id, claim.try_id, structlog.get_logger())
        for number, evidence in _evidence(answers, is_right).items():
            recorder.question(number, evidence)
        with recorder.held() as held:
            assert held is not None
            job.finish(held, Grading())
        return submission


def _evidence(answers: dict[str, str] | None, is_right: bool) -> dict[str, Evidence]:
    right, wrong = TermEvidence(agrees=True, cases=4), TermEvidence(cases=4, failed=4)
    terms = {"hard_term": right, "soft_term": right if is_right else wrong}
    terms |= {"mixture": terms["soft_term"], "gradient": terms["soft_term"]}
    diagnosis = None if is_right else "kd.temperature_ignored"
    evidence = class_rows.evidence_of_attempt(random.Random(1))
    evidence["2.1"] = KDLossEvidence(**terms, diagnosis=diagnosis)
    for number in ("2.2", "3.2"):
        answer = (answers or {}).get(number, "").strip()
        times = {"seconds_unpruned": 0.0123, "seconds_pruned_90": 0.0122} if number == "3.2" else {}
        evidence[number] = ChoiceEvidence(answer=answer, **times) if answer else ChoiceEvidence(submitted=False)
    return evidence


@pytest.fixture(scope="module")
def site(make_settings: MakeSettings) -> Iterator[Site]:
    service = ServiceInProcess(make_settings("sqlite"))
    yield service
    service.close()


@pytest.fixture(scope="module")
def course(site: Site) -> Iterator[ToldLater]:
    database, jobs = Database(site.settings), DbosJobs(site.settings)
    yield ToldLater(site, database, jobs)
    jobs.close()
    database.close()


class Person:
    """A student with two attempts: one without answers, and one with answers and a loss."""

    def __init__(self, course: ToldLater, answers: dict[str, str], is_right: bool) -> None:
        self.client = course.site.person()
        self.first = course.attempt(self.client, None)
        self.submission = course.attempt(self.client, answers, is_right)

    def report(self) -> dict[str, tuple[str, float | None]]:
        """Verdict and points by question."""
        questions = self.client.report(self.submission)["questions"]
        return {question["number"]: (question["verdict"], question["score"]) for question in questions}

    def views(self, site: Site) -> dict[str, str]:
        """Everything that every route answers to this student, without what may differ."""
        views = StudentViews(self.client, SLUG, self.first, self.submission, list(LATER), ["model", "loss", "summary"])
        return {_plain(name): _plain(view) for name, view in views.every(site).items()}


def _plain(text: str) -> str:
    for pattern, name in VARYING:
        text = re.sub(pattern, name, text)
    return re.sub(r"'content-length': '\d+'", "", text)


def differing_views(site: Site, one: Person, other: Person) -> list[str]:
    """The views that differ."""
    ours, theirs = one.views(site), other.views(site)
    assert ours.keys() == theirs.keys()
    differing = [name for name in ours if ours[name] != theirs[name]]
    for name in differing:
        print(name, *unified_diff(ours[name].splitlines(), theirs[name].splitlines(), lineterm="", n=0), sep="\n")  # noqa: T201 - why a test failed
    return differing


def test_no_view_of_a_student_tells_what_is_told_later(
    course: ToldLater, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = Person(course, RIGHT, is_right=True), Person(course, WRONG, is_right=False)
    passback = _Passbacks(course, right, wrong)
    at(monkeypatch, now())
    assert {number: right.report()[number] for number in LATER} == dict.fromkeys(LATER, ("withheld", None))
    assert differing_views(site, right, wrong) == []
    for number in LATER:
        path = f"/submissions/{right.submission}/questions/{number}/regrade-requests"
        assert_problem(right.client.post(path, json={"reason": "Why?"}), 409, "not-told-yet")
    assert passback.differ() is False
    staff = [site.admin.report(person.submission) for person in (right, wrong)]
    assert [[question["score"] for question in report["questions"]][2:4] for report in staff] == [[0.5, 0.5], [0.25, 0]]
    assert staff[0]["questions"][5]["evidence"]["seconds_unpruned"] == 0.0123

    # A regrade with the other key exchanges right and wrong, and staff set points by hand.
    course.publish(key="harder")
    _regrade(course)
    for person, score in ((right, 0.25), (wrong, 1.0)):
        override = {"score": score, "reason": f"worth {score}"}
        path = f"/submissions/{person.submission}/questions/3.2/override"
        assert site.admin.http.put(path, json=override).status_code == 200
    # A comment on one of them tells nothing either, on no page, in no event and in no file that staff hand out.
    for number in LATER:
        path = f"/submissions/{right.submission}/questions/{number}/comments"
        assert site.admin.http.post(path, json={"text": COMMENT}).status_code == 201
    assert differing_views(site, right, wrong) == []
    assert COMMENT not in feedback(site)
    assert site.admin.http.get(f"/submissions/{right.submission}").text.count(COMMENT) == 3
    assert passback.differ() is False

    at(monkeypatch, CLOSES)
    assert right.report()["2.2"] == ("withheld", None)
    at(monkeypatch, CLOSES + timedelta(seconds=1))
    assert (right.report()["2.2"], wrong.report()["2.2"]) == (("none", 0.0), ("full", 0.5))
    assert (right.report()["3.2"], right.report()["2.1"]) == (("withheld", None), ("withheld", None))
    assert passback.differ() is True
    # 2.2 is told, so only the others may differ, which wait for the release.
    people = Person(course, RIGHT, is_right=True), Person(course, {**WRONG, "2.2": RIGHT["2.2"]}, is_right=False)
    assert differing_views(site, *people) == []

    assert site.admin.http.put(f"/assignments/{SLUG}/release").json()["by"]
    assert right.report()["3.2"] == ("partial", 0.25)
    assert right.client.http.get(f"/submissions/{right.submission}").text.count(COMMENT) == 3
    assert feedback(site).count(COMMENT) == 3
    assert (right.report()["2.1"], wrong.report()["2.1"]) == (("full", 0.5), ("partial", 0.25))
    differing = " ".join(differing_views(site, *people))
    for path in ("", "/report", "/results.json", "/replay", "/events"):
        assert f"/submissions/{{submission_id}}{path} " in differing
    assert site.admin.http.delete(f"/assignments/{SLUG}/release").status_code == 204
    assert right.report()["2.1"] == ("withheld", None)


def feedback(site: Site) -> str:
    """The pages of feedback that staff download for their students."""
    return text_of(site.admin.http.get("/scores/feedback.zip", params={"assignment": SLUG}))


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Let it be this moment for what is told."""
    monkeypatch.setattr(withholding, "now", lambda: moment)


def _regrade(course: ToldLater, questions: Sequence[str] = (), **where: str) -> int:
    """Publish a regrade of the submissions that ``where`` selects. Returns how many these are."""
    with course.database.write() as session:
        admin = Viewer.of(users.find(session, "admin"))
        condition = Condition.model_validate(where)
        wish = RegradeWish(assignment=SLUG, kind=Kind.RESCORE, where=condition, questions=list(questions))
        regrade = regrades.create(session, course.jobs, admin, wish)
        identifier, total = regrade.id, regrade.total
    Previewer(course.database, course.jobs, lambda: False).run(identifier)
    try:
        with course.database.write() as session:
            regrades.publish(session, admin, identifier)
    except RegradeTellsResults:
        with course.database.write() as session:
            regrades.cancel(session, admin, identifier)
        raise
    return total


def staff_points(course: ToldLater, person: Person, number: str) -> float:
    """The points of a question as the staff read them."""
    report = course.site.admin.report(person.submission)
    points: float = {question["number"]: question["score"] for question in report["questions"]}[number]
    return points


@pytest.mark.parametrize(
    ("questions", "where"),
    [
        ((), {"question": "2.2", "message": "choice.right"}),
        ((), {"question": "2.2", "verdict": "full"}),
        ((), {"message": "choice.right"}),
        (("2.2",), {"verdict": "full"}),
    ],
    ids=["message", "verdict", "message-of-any-question", "some-questions"],
)
def test_regrade_selected_by_a_withheld_result_shows_students_nothing(
    course: ToldLater,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    questions: Sequence[str],
    where: Mapping[str, str],
) -> None:
    at(monkeypatch, now())
    course.publish()
    right, wrong = Person(course, {"2.2": "softer"}, is_right=True), Person(course, {"2.2": "harder"}, is_right=True)
    course.publish(points={"2.2": 1.5})
    assert _regrade(course, questions, **where) > 0
    assert [staff_points(course, person, "2.2") for person in (right, wrong)] == [1.5, 0]
    assert differing_views(site, right, wrong) == []


def test_regrade_selected_by_a_withheld_result_is_refused_where_students_would_see_it(
    course: ToldLater, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, now())
    course.publish()
    right, wrong = Person(course, {"2.2": "softer"}, is_right=True), Person(course, {"2.2": "harder"}, is_right=True)
    course.publish(points={"1.1": 0.75})
    by_result = {"question": "2.2", "message": "choice.right"}
    with pytest.raises(RegradeTellsResults, match=r"change of 1\.1"):
        _regrade(course, **by_result)
    assert differing_views(site, right, wrong) == []
    # All submissions together, or those with a result that students read, tell nothing about the others.
    assert _regrade(course, question="1.2", verdict="full") > 0
    assert differing_views(site, right, wrong) == []
    assert right.client.report(right.submission)["assignment_version"] == course.version
    course.publish(points={"1.1": 0.25})
    at(monkeypatch, CLOSES + timedelta(seconds=1))
    assert _regrade(course, **by_result) > 0
    assert right.client.report(right.submission)["assignment_version"] == course.version


def test_answer_to_a_regrade_request_waits_with_the_result(
    course: ToldLater, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = Person(course, RIGHT, is_right=True), Person(course, RIGHT, is_right=True)
    at(monkeypatch, CLOSES + timedelta(seconds=1))
    requests = []
    for person in people:
        for number in ("2.2", "1.1"):
            path = f"/submissions/{person.submission}/questions/{number}/regrade-requests"
            asked = person.client.post(path, json={"reason": "Why?"})
            assert asked.status_code == 201
            requests.append(asked.json()["id"])
    answer = {"answer": "You are right.", "score": 0.25}
    assert site.admin.post(f"/regrade-requests/{requests[0]}/answer", json=answer).status_code == 200
    lists = ["/regrade-requests", "/regrade-requests?open=true"]
    told = [[_plain(person.client.http.get(path).text) for path in lists] for person in people]
    assert [ours == theirs for ours, theirs in zip(*told, strict=True)] == [False, False]
    # A later extension withholds the result again.
    at(monkeypatch, now())
    withheld = [[_plain(person.client.http.get(path).text) for path in lists] for person in people]
    assert withheld[0] == withheld[1]
    for request in (requests[0], requests[2]):
        client = people[request == requests[2]].client
        assert_problem(client.post(f"/regrade-requests/{request}/withdraw"), 409, "not-told-yet")
    assert differing_views(site, *people) == []


def test_files_for_students_and_platforms_follow_a_release_and_its_withdrawal(
    course: ToldLater, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, now())
    course.publish()
    right, wrong = Person(course, RIGHT, is_right=True), Person(course, WRONG, is_right=False)
    passbacks = _Passbacks(course, right, wrong)
    before = passbacks.scores()
    assert (_differing_files(site, right, wrong), passbacks.differ()) == ([], False)
    assert all(score["withheld"] for score in before)
    assert site.admin.http.put(f"/assignments/{SLUG}/release").status_code == 200
    at(monkeypatch, now())
    assert (_differing_files(site, right, wrong), passbacks.differ()) == (["feedback", "canvas"], True)
    assert site.admin.http.delete(f"/assignments/{SLUG}/release").status_code == 204
    assert (_differing_files(site, right, wrong), passbacks.scores()) == ([], before)


def _differing_files(site: Site, *people: Person) -> list[str]:
    """The files that students or their platform get in which these two differ."""
    archive = site.admin.http.get("/scores/feedback.zip", params={"assignment": SLUG})
    with zipfile.ZipFile(io.BytesIO(archive.content)) as pages:
        feedback = {_plain(pages.read(f"{person.client.login}.html").decode()) for person in people}
    rows = "".join(f"S,{person.client.login},\r\n" for person in people)
    gradebook = f"Student,SIS Login ID,Told (77)\r\n{rows}".encode()
    fields = {"assignment": SLUG, "column": "Told"}
    url = "/scores/canvas?preview=1"
    answer = site.admin.http.post(url, data=fields, files={"file": ("grades.csv", gradebook)})
    points = {difference["new"] for difference in answer.json()["differences"]}
    return [name for name, views in (("feedback", feedback), ("canvas", points)) if len(views) > 1]


def test_key_is_not_found_by_trying_digests(course: ToldLater, monkeypatch: pytest.MonkeyPatch) -> None:
    """A student may know every file of the assignment but the key."""
    at(monkeypatch, now())
    course.publish()
    person = Person(course, RIGHT, is_right=True)
    digest = from_files(published(course.version)).digest
    paths = [f"/submissions/{person.submission}{path}" for path in ("", "/replay", "/results.json", "/events")]
    paths += [f"/assignments/{SLUG}", "/assignments"]
    answers = [text_of(person.client.http.get(path)) for path in paths]
    assert [path for path, text in zip(paths, answers, strict=True) if digest[:12] in text] == []


class _Passbacks:
    """The scores of two students for a platform, as the sender compares them."""

    def __init__(self, course: ToldLater, *people: Person) -> None:
        self.course, self.people = course, people
        self.sender = Sender(course.site.settings, course.database)
        urls = dict.fromkeys(("auth_url", "token_url", "token_audience", "jwks_url"), "https://lms.test")
        with course.database.write() as session:
            name = f"lms-{people[0].client.login}"
            platform = Platform(
                name=name, issuer=name, client_id="1", deployments=[], hosts=[], staff=False, match_claim=None, **urls
            )
            session.add(platform)
            session.flush()
            item = LineItem(platform_id=platform.id, url=f"https://lms.test/{name}", slug=SLUG, context="")
            session.add(item)
            session.flush()
            for person in people:
                user = users.find(session, person.client.login)
                session.add(Passback(line_item_id=item.id, user_id=user.id, subject=user.login))

    def scores(self) -> list[dict[str, Any]]:
        """What the platform is to show of each student now."""
        self.sender._compare(SLUG)
        with self.course.database.read() as session:
            rows = {row.user.login: row.wanted for row in session.query(Passback)}
        scores = [rows[person.client.login] for person in self.people]
        return [score for score in scores if score is not None]

    def differ(self) -> bool:
        """Whether the platform would see a difference now."""
        ours, theirs = self.scores()
        return any(ours[name] != theirs[name] for name in ours if name not in ("submission", "submitted_at"))
