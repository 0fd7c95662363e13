"""Regrades over HTTP, on both databases, with real workers: looked at first, published at once, taken back exactly."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import select

from app.assignments import service as assignments
from app.audit import service as audit
from app.db.engine import Database
from app.grading.stages import FirstStage
from app.regrades.models import RegradeEntry
from app.scores.models import StoredScore
from app.submissions.models import Run, StoredEvidence, Submission
from app.users.models import User
from grader.assignment import bundled, from_files
from tests.integration.service import MODEL, PATIENCE, Client, Site, assert_problem, example, questions
from tests.integration.test_grading import SLEEPY

ANSWERS = '{"2.2": "softer", "3.2": "no"}'
ONE_MISTAKE = "default = { points = 0.25 }"
OTHER_KEY = {'key = "softer"': 'key = "harder"'}


class Class:
    """An assignment of its own, whose versions a test publishes, with its students."""

    def __init__(self, service: Site, database: Database) -> None:
        self.service = service
        self.database = database
        self.slug = f"hw{uuid.uuid4().hex[:8]}"
        self.version = 0
        self.publish()

    def publish(self, changes: Mapping[str, str] | None = None, *, measured_otherwise: bool = False) -> int:
        """Publish the next version: the worked assignment with these texts replaced."""
        self.version += 1
        files = dict(bundled("hw13").files)
        text = files["assignment.toml"]
        named = {'slug = "hw13"': f'slug = "{self.slug}"', "version = 1\n": f"version = {self.version}\n"}
        # The later stage of a grading, in a moment.
        named |= {"sweep_flops = 5e11": "sweep_flops = 1e9", "distillation_flops = 8e11": "distillation_flops = 1e9"}
        named |= {"own_loss_flops = 8e11": "own_loss_flops = 0"}
        for old, new in (named | dict(changes or {})).items():
            assert old in text, old
            text = text.replace(old, new)
        if measured_otherwise:
            text = text.replace("[questions.options]\n", f"[questions.options]\nedition = {self.version}\n")
        with self.database.write() as session:
            row = assignments.publish_version(session, from_files(files | {"assignment.toml": text}), "test")
            return row.id

    def submit(self, student: Client, **parts: Any) -> str:
        """Hand in and wait for the end."""
        submission = student.submit(assignment=self.slug, **parts)
        student.wait_for_state(submission, "graded", seconds=120)
        return submission

    def begin(self, kind: str = "rescore", **wish: Any) -> Any:
        """The answer to the wish for a regrade."""
        return self.service.admin.post("/admin/regrades", json={"assignment": self.slug, "kind": kind, **wish})

    def preview(self, kind: str = "rescore", **wish: Any) -> dict[str, Any]:
        """A regrade that has come to its preview."""
        answer = self.begin(kind, **wish)
        assert answer.status_code == 202, answer.text
        assert answer.headers["location"] == f"/api/v1/admin/regrades/{answer.json()['id']}"
        return self.wait(answer.json()["id"])

    def wait(self, regrade: str, state: str = "preview") -> dict[str, Any]:
        """The regrade once it has this state."""
        until = time.monotonic() + 120
        while (seen := self.get(regrade))["state"] != state:
            assert seen["state"] == "running", seen
            assert time.monotonic() < until, seen
            time.sleep(0.05)
        return seen

    def get(self, regrade: str) -> dict[str, Any]:
        """A regrade as it is."""
        answer = self.service.admin.get(f"/admin/regrades/{regrade}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def changes(self, regrade: str) -> list[dict[str, Any]]:
        """What a regrade changes."""
        found: list[dict[str, Any]] = self.service.admin.get(f"/admin/regrades/{regrade}/changes").json()
        return found

    def do(self, regrade: str, verb: str) -> Any:
        """The answer to a verb."""
        return self.service.admin.post(f"/admin/regrades/{regrade}/{verb}")

    def now(self, regrade: str, verb: str) -> dict[str, Any]:
        """The regrade after a verb that must work."""
        answer = self.do(regrade, verb)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def course(service: Site) -> Iterator[Class]:
    database = Database(service.settings)
    yield Class(service, database)
    database.close()


def everything(service: Site, students: Mapping[str, Client], slug: str) -> list[bytes]:
    """All that anybody sees of these submissions, byte for byte."""
    seen = []
    for submission, student in students.items():
        for path in (f"/submissions/{submission}", f"/submissions/{submission}/results.json"):
            seen.append(student.get(path).content)
            seen.append(student.get(path, params={"lang": "zh-Hant"}).content)
        seen.append(student.get("/submissions", params={"assignment": slug}).content)
    tables = ("/scores", "/scores.csv", "/scores/statistics")
    return seen + [service.admin.get(path, params={"assignment": slug}).content for path in tables]


def stored(course: Class, students: Mapping[str, Client]) -> list[dict[str, Any]]:
    """What the database holds of these submissions' results."""
    ids = [uuid.UUID(submission) for submission in students]
    with course.database.read() as session:
        rows = session.scalars(select(Submission).where(Submission.id.in_(ids)).order_by(Submission.id)).all()
        scores = session.scalars(
            select(StoredScore)
            .where(StoredScore.submission_id.in_(ids))
            .order_by(StoredScore.submission_id, StoredScore.question)
        ).all()
        return [
            {column.key: getattr(row, column.key) for column in type(row).__table__.columns if column.key != "revision"}
            for row in (*rows, *scores)
        ]


@pytest.mark.quick
def test_a_rescore_is_looked_at_published_and_taken_back_exactly(course: Class) -> None:
    service = course.service
    right, wrong, decided = (service.person() for _ in range(3))
    ta = service.person("ta")
    students = {
        course.submit(right, answers=ANSWERS, loss=example("loss.py")): right,
        course.submit(wrong, answers='{"2.2": "harder"}'): wrong,
        course.submit(decided, answers=ANSWERS): decided,
    }
    first, second, third = students
    override = f"/submissions/{third}/questions/2.2/override"
    assert ta.http.put(override, json={"score": 0.25, "reason": "explained in person"}).status_code == 200
    before, held = everything(service, students, course.slug), stored(course, students)

    other_points = f'{ONE_MISTAKE}\n"kd.soft_term.probabilities_not_log" = {{ points = 0.3 }}'
    course.publish({**OTHER_KEY, ONE_MISTAKE: other_points})
    regrade = course.preview()
    assert everything(service, students, course.slug) == before
    assert (regrade["done"], regrade["total"], regrade["changed"], regrade["faults"]) == (3, 3, 4, [])
    assert (regrade["version"], regrade["rate"] > 0, regrade["seconds_left"]) == (2, True, None)
    changes = {(row["submission"], row["question"]): row for row in course.changes(regrade["id"])}
    assert {key: (row["old"], row["new"], row["override"]) for key, row in changes.items()} == {
        (first, "2.1"): (0.25, 0.3, None),
        (first, "2.2"): (0.5, 0.0, None),
        (second, "2.2"): (0.0, 0.5, None),
        (third, "2.2"): (0.5, 0.0, 0.25),
    }
    assert changes[second, "2.2"]["student"] == wrong.login
    reason = changes[second, "2.2"]["reason"]
    assert "version 2" in reason
    assert "verdict none becomes full" in reason
    assert "without choice.wrong, with choice.right" in reason

    assert course.now(regrade["id"], "publish")["state"] == "published"
    after = {submission: student.report(submission) for submission, student in students.items()}
    assert [after[submission]["score"] for submission in students] == [1.3, 0.5, 1.25]
    assert {report["assignment_version"] for report in after.values()} == {2}
    told = questions(after[second])["2.2"]
    assert (told["regraded"]["old"], told["regraded"]["new"]) == (0.0, 0.5)
    assert told["messages"][0]["id"] == "score.regraded"
    assert "0 points became 0.5" in told["messages"][0]["text"]
    chinese = questions(wrong.get(f"/submissions/{second}", params={"lang": "zh-Hant"}).json())["2.2"]
    assert "0 分改為 0.5 分" in chinese["messages"][0]["text"]
    kept = questions(after[third])["2.2"]
    assert (kept["score"], kept["override"]["reason"], kept["regraded"]) == (0.25, "explained in person", None)
    assert questions(after[first])["3.2"]["regraded"] is None
    rows = {row["student"]: row for row in service.admin.get("/scores", params={"assignment": course.slug}).json()}
    assert rows[wrong.login]["score"] == 0.5

    assert course.now(regrade["id"], "publish")["state"] == "published"
    assert stored(course, students) != held
    assert course.now(regrade["id"], "revert")["state"] == "reverted"
    assert everything(service, students, course.slug) == before
    assert stored(course, students) == held
    assert course.now(regrade["id"], "revert")["state"] == "reverted"
    # What stood under the decision of a person is there again when that goes.
    assert ta.http.delete(override).status_code == 204
    assert questions(decided.report(third))["2.2"]["score"] == 0.5


def test_a_rescore_without_a_new_version_changes_nothing(course: Class) -> None:
    student = course.service.person()
    students = {course.submit(student, model=MODEL, loss=example("loss.py"), answers=ANSWERS): student}
    before = everything(course.service, students, course.slug)
    regrade = course.preview()
    assert (regrade["total"], regrade["changed"]) == (1, 0)
    assert course.changes(regrade["id"]) == []
    course.now(regrade["id"], "publish")
    assert everything(course.service, students, course.slug) == before
    course.now(regrade["id"], "revert")
    assert everything(course.service, students, course.slug) == before


def test_only_the_chosen_questions_move(course: Class) -> None:
    student = course.service.person()
    submission = course.submit(student, answers=ANSWERS)
    course.publish(
        {
            **OTHER_KEY,
            'key = "no"': 'key = "yes"',
            'points = 1.0\nparts = ["answers"]': 'points = 2.0\nparts = ["answers"]',
        }
    )
    regrade = course.preview(questions=["3.2"])
    assert [(row["question"], row["old"], row["new"]) for row in course.changes(regrade["id"])] == [("3.2", 1.0, 0.0)]
    course.now(regrade["id"], "publish")
    report = student.report(submission)
    assert (report["score"], report["max_score"], report["assignment_version"]) == (0.5, 5.0, 1)
    assert questions(report)["3.2"]["max_score"] == 2.0
    ta = course.service.person("ta")
    path = f"/submissions/{submission}/questions/3.2/override"
    assert ta.http.put(path, json={"score": 2.0, "reason": "new worth"}).status_code == 200
    assert_problem(ta.http.put(path, json={"score": 2.5, "reason": "more"}), 422, "points-out-of-range")


def test_a_question_that_is_dropped_and_one_that_was_never_measured(course: Class) -> None:
    student = course.service.person()
    submission = course.submit(student, answers=ANSWERS)
    before = student.get(f"/submissions/{submission}").content
    text = bundled("hw13").files["assignment.toml"]
    begin, end = text.index('[[questions]]\nnumber = "2.2"'), text.index('[[questions]]\nnumber = "3.1"')
    course.publish({text[begin:end]: ""})
    regrade = course.preview()
    (change,) = course.changes(regrade["id"])
    assert (change["question"], change["old"], change["new"]) == ("2.2", 0.5, None)
    course.now(regrade["id"], "publish")
    assert (student.report(submission)["score"], student.report(submission)["max_score"]) == (1.0, 3.5)
    course.now(regrade["id"], "revert")
    assert student.get(f"/submissions/{submission}").content == before

    course.publish({text[begin:end]: text[begin:end] + text[begin:end].replace('"2.2"', '"2.3"')})
    regrade = course.preview()
    (fault,) = regrade["faults"]
    assert (fault["submission"], fault["student"]) == (submission, student.login)
    assert "2.3 was never measured" in fault["reason"]
    assert "remeasure" in fault["reason"]
    course.now(regrade["id"], "cancel")


ChosenFrom = tuple[Class, dict[str, Client]]


@pytest.fixture(scope="module")
def chosen_from(service: Site) -> Iterator[ChosenFrom]:
    """Three students: one right in 2.2, one wrong, one right in both."""
    database = Database(service.settings)
    course = Class(service, database)
    students = {name: service.person() for name in "abc"}
    for name, answers in zip("abc", ('{"2.2": "softer"}', '{"2.2": "harder"}', ANSWERS), strict=True):
        course.submit(students[name], answers=answers)
    yield course, students
    database.close()


def moment_of(course: Class, student: Client) -> str:
    """When somebody submitted, to the microsecond."""
    with course.database.read() as session:
        query = select(Submission.submitted_at).join(User, Submission.user_id == User.id)
        moment = session.scalars(query.where(User.login == student.login)).one()
    return moment.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ({}, "abc"),
        ({"verdict": "none"}, "b"),
        ({"question": "2.2", "verdict": "full"}, "ac"),
        ({"question": "3.2", "verdict": "full"}, "c"),
        ({"message": "choice.wrong"}, "b"),
        ({"message": "choice"}, ""),
        ({"question": "3.2", "message": "choice.wrong"}, ""),
        ({"grader_version": "no such version"}, ""),
        ({"submitted_since": "2020-01-01T00:00:00Z"}, "abc"),
        ({"submitted_until": "2020-01-01T00:00:00Z"}, ""),
        ({"submitted_since": "b"}, "bc"),
        ({"submitted_until": "b"}, "a"),
        ({"student": "a"}, "a"),
        ({"student": "a", "verdict": "none"}, ""),
    ],
)
def test_a_regrade_covers_what_is_asked_for(chosen_from: ChosenFrom, where: dict[str, Any], chosen: str) -> None:
    course, students = chosen_from
    if "student" in where:
        where = where | {"student": students[where["student"]].login}
    where = {name: moment_of(course, students[value]) if value == "b" else value for name, value in where.items()}
    regrade = course.preview(where=where)
    assert regrade["total"] == len(chosen)
    assert {name: value for name, value in regrade["where"].items() if value is not None} == where
    with course.database.read() as session:
        logins = session.scalars(
            select(User.login)
            .join(Submission, Submission.user_id == User.id)
            .join(RegradeEntry, RegradeEntry.submission_id == Submission.id)
            .where(RegradeEntry.regrade_id == uuid.UUID(regrade["id"]))
        ).all()
    course.now(regrade["id"], "cancel")
    assert sorted(logins) == sorted(students[name].login for name in chosen)


def test_two_regrades_of_one_assignment_are_never_open_together(course: Class) -> None:
    student = course.service.person()
    course.submit(student, answers=ANSWERS)
    first = course.preview()
    problem = assert_problem(course.begin(), 409, "regrade-open")
    assert problem["regrade"] == first["id"]
    assert first["id"] in problem["detail"]
    course.now(first["id"], "cancel")
    second = course.preview("remeasure")
    assert_problem(course.begin(), 409, "regrade-open")
    course.now(second["id"], "publish")
    third = course.preview()
    listed = [row["id"] for row in course.service.admin.get("/admin/regrades").json()]
    assert listed[:3] == [third["id"], second["id"], first["id"]]


def test_a_regrade_that_makes_no_sense_is_refused(course: Class) -> None:
    admin = course.service.admin
    known = {"assignment": course.slug, "kind": "rescore"}
    for body, status, slug in [
        (known | {"assignment": "hw-none"}, 404, "assignment-not-found"),
        (known | {"kind": "again"}, 422, "invalid-request"),
        (known | {"more": 1}, 422, "invalid-request"),
        (known | {"where": {"colour": "red"}}, 422, "invalid-request"),
        (known | {"where": {"verdict": "good"}}, 422, "invalid-request"),
        (known | {"where": {"submitted_since": "2026-01-01T00:00:00"}}, 422, "invalid-request"),
        (known | {"where": {"question": "9.9"}}, 422, "unknown-question"),
        (known | {"where": {"student": "nobody-here"}}, 404, "user-not-found"),
        (known | {"questions": ["2.2", "9.9"]}, 422, "unknown-question"),
        (known | {"questions": ["\x00"]}, 422, "invalid-request"),
        ({"kind": "rescore"}, 422, "invalid-request"),
    ]:
        assert_problem(admin.post("/admin/regrades", json=body), status, slug)
    assert "1.1, 1.2, 2.1" in admin.post("/admin/regrades", json=known | {"questions": ["x"]}).json()["detail"]
    base = f"/admin/regrades/{uuid.uuid4()}"
    for method, path in [
        ("GET", ""),
        ("GET", "/changes"),
        ("POST", "/publish"),
        ("POST", "/revert"),
        ("POST", "/cancel"),
    ]:
        assert_problem(admin.http.request(method, base + path), 404, "regrade-not-found")
    regrade = course.preview()["id"]
    assert_problem(course.do(regrade, "revert"), 409, "regrade-state")
    course.now(regrade, "cancel")
    assert course.now(regrade, "cancel")["state"] == "cancelled"
    for verb in ("publish", "revert"):
        assert_problem(course.do(regrade, verb), 409, "regrade-state")


def test_only_admins_regrade(course: Class) -> None:
    regrade = course.preview()["id"]
    for role in ("student", "ta"):
        person = course.service.person(role)
        body = {"assignment": course.slug, "kind": "rescore"}
        assert_problem(person.post("/admin/regrades", json=body), 403, "forbidden")
        for method, path in [("GET", ""), ("GET", f"/{regrade}"), ("GET", f"/{regrade}/changes")] + [
            ("POST", f"/{regrade}/{verb}") for verb in ("publish", "revert", "cancel")
        ]:
            assert_problem(person.http.request(method, f"/admin/regrades{path}"), 403, "forbidden")
    assert_problem(course.service.client(None).get("/admin/regrades"), 401)
    assert course.get(regrade)["state"] == "preview"


def test_a_submission_that_the_preview_missed_keeps_it_from_being_published(
    course: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    student, late = course.service.person(), course.service.person()
    submission = course.submit(student, answers=ANSWERS)
    before = student.get(f"/submissions/{submission}").content
    waiting, previewed = threading.Event(), threading.Event()
    grade = FirstStage.run

    def grade_after_preview(job: FirstStage) -> None:
        if not waiting.is_set():
            waiting.set()
            previewed.wait(PATIENCE)
        grade(job)

    monkeypatch.setattr(FirstStage, "run", grade_after_preview)
    slow = late.submit(assignment=course.slug, answers=ANSWERS)
    assert waiting.wait(PATIENCE)
    course.publish(OTHER_KEY)
    regrade = course.preview()
    assert regrade["total"] == 1
    # Handed in after the new version: graded by it, and no obstacle.
    course.submit(student, answers='{"2.2": "harder"}')
    previewed.set()
    late.wait_for_state(slow, "graded")
    problem = assert_problem(course.do(regrade["id"], "publish"), 409, "regrade-outdated")
    assert problem["submissions"] == [slow]
    assert "start a new one" in problem["detail"]
    assert student.get(f"/submissions/{submission}").content == before
    course.now(regrade["id"], "cancel")
    again = course.preview()
    assert again["total"] == 3
    course.now(again["id"], "publish")
    assert questions(late.report(slow))["2.2"]["score"] == 0.0


def test_a_preview_whose_ground_moved_is_not_published_and_a_later_one_is_reverted_first(course: Class) -> None:
    student = course.service.person()
    submission = course.submit(student, answers=ANSWERS)
    start = student.get(f"/submissions/{submission}").content
    course.publish(OTHER_KEY)
    first = course.preview()["id"]
    course.now(first, "publish")
    course.publish({'key = "no"': 'key = "yes"'})
    second = course.preview()["id"]
    course.now(first, "revert")
    problem = assert_problem(course.do(second, "publish"), 409, "regrade-outdated")
    assert problem["submissions"] == [submission]
    assert student.get(f"/submissions/{submission}").content == start
    course.now(second, "cancel")

    third = course.preview()["id"]
    course.now(third, "publish")
    between = student.get(f"/submissions/{submission}").content
    course.publish(OTHER_KEY)
    fourth = course.preview()["id"]
    course.now(fourth, "publish")
    assert_problem(course.do(third, "revert"), 409, "regrade-outdated")
    course.now(fourth, "revert")
    assert student.get(f"/submissions/{submission}").content == between
    course.now(third, "revert")
    assert student.get(f"/submissions/{submission}").content == start


def test_one_broken_submission_does_not_stop_the_others(course: Class) -> None:
    good, bad = course.service.person(), course.service.person()
    sound, broken = course.submit(good, answers=ANSWERS), course.submit(bad, answers=ANSWERS)
    with course.database.write() as session:
        for row in session.scalars(select(StoredEvidence).where(StoredEvidence.submission_id == uuid.UUID(broken))):
            row.data = row.data | {"kind": "nonsense"}
    course.publish(OTHER_KEY)
    regrade = course.preview()
    assert (regrade["done"], regrade["total"], regrade["changed"]) == (2, 2, 1)
    (fault,) = regrade["faults"]
    assert (fault["submission"], fault["student"]) == (broken, bad.login)
    assert "cannot be read" in fault["reason"]
    before = bad.get(f"/submissions/{broken}").content
    course.now(regrade["id"], "publish")
    assert questions(good.report(sound))["2.2"]["score"] == 0.0
    assert bad.get(f"/submissions/{broken}").content == before
    course.now(regrade["id"], "revert")
    assert questions(good.report(sound))["2.2"]["score"] == 0.5


def test_a_remeasure_is_a_run_of_its_own_that_nobody_sees_before_it_is_published(course: Class) -> None:
    student = course.service.person()
    students = {
        course.submit(
            student,
            model=MODEL + f"# {course.slug}\n",
            loss=example("loss.py"),
            answers=ANSWERS,
            summary="Linear-5 [-1, 11] 99\nTotal params: 323",
            pruning_plot=("p.png", example("pruning.png")),
        ): student
    }
    (submission,) = students
    before, held = everything(course.service, students, course.slug), stored(course, students)
    artefact = student.get(f"/submissions/{submission}/artefact.onnx").content
    picture = student.get(f"/submissions/{submission}/picture").content
    course.publish({"parameter_limit = 100_000": "parameter_limit = 300"})
    regrade = course.preview("remeasure")
    assert everything(course.service, students, course.slug) == before
    assert (regrade["done"], regrade["faults"]) == (1, [])
    # A time that was steady once only changes what the report of 3.2 says, not its points.
    changes = {row["question"]: row for row in course.changes(regrade["id"]) if row["question"] != "3.2"}
    assert {number: (row["old"], row["new"]) for number, row in changes.items()} == {"1.1": (0.5, 0.0)}
    assert "measured again by grader" in changes["1.1"]["reason"]
    course.now(regrade["id"], "publish")
    report = student.report(submission)
    assert questions(report)["1.1"]["evidence"]["parameter_limit"] == 300
    assert questions(report)["1.1"]["verdict"] == "none"
    assert report["assignment_version"] == 2
    assert "queued" not in report["timings"]
    assert student.get(f"/submissions/{submission}/picture").content == picture
    assert student.get(f"/submissions/{submission}/artefact.onnx").status_code == 200
    course.now(regrade["id"], "revert")
    assert everything(course.service, students, course.slug) == before
    assert stored(course, students) == held
    assert student.get(f"/submissions/{submission}/artefact.onnx").content == artefact
    # The measuring is not repeated: its run of the same content stands.
    runs = run_ids(course, submission)
    again = course.preview("remeasure")
    assert [row["question"] for row in course.changes(again["id"]) if row["question"] != "3.2"] == ["1.1"]
    reused = [run for run in run_ids(course, submission) if run not in runs]
    assert reused
    with course.database.read() as session:
        assert session.get_one(Run, reused[0]).reused_run_id == runs[-1]
    course.now(again["id"], "cancel")


def run_ids(course: Class, submission: str) -> list[int]:
    with course.database.read() as session:
        return list(session.scalars(select(Run.id).where(Run.submission_id == uuid.UUID(submission)).order_by(Run.id)))


def test_remeasuring_one_question_runs_that_alone(course: Class) -> None:
    student = course.service.person()
    slow = SLEEPY.format(seconds=5) + f"# {course.slug}\n"
    submission = course.submit(student, model=slow, loss=example("loss.py"), answers=ANSWERS)
    seeds = questions(student.report(submission))["2.1"]["evidence"]["seeds"]
    course.publish(measured_otherwise=True)
    start = time.monotonic()
    regrade = course.preview("remeasure", questions=["2.1"])
    assert time.monotonic() - start < 5
    assert regrade["changed"] == 0
    course.now(regrade["id"], "publish")
    report = student.report(submission)
    assert questions(report)["2.1"]["evidence"]["seeds"] != seeds
    assert report["assignment_version"] == 1
    assert report["timings"]["queued"] >= 0
    course.now(regrade["id"], "revert")
    assert questions(student.report(submission))["2.1"]["evidence"]["seeds"] == seeds


def test_a_running_remeasure_is_cancelled_and_frees_its_slot(course: Class) -> None:
    student = course.service.person()
    submission = course.submit(student, model=SLEEPY.format(seconds=4) + f"# {course.slug}\n")
    before = student.get(f"/submissions/{submission}").content
    course.publish(measured_otherwise=True)
    regrade = course.begin("remeasure").json()["id"]
    until = time.monotonic() + 20
    while len(run_ids(course, submission)) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert course.now(regrade, "cancel")["state"] == "cancelled"
    workers = course.service.admin.get("/admin/workers").json()["workers"]
    until = time.monotonic() + 10
    while any(row["running"] for row in workers):
        assert time.monotonic() < until, workers
        time.sleep(0.1)
        workers = course.service.admin.get("/admin/workers").json()["workers"]
    assert student.get(f"/submissions/{submission}").content == before
    assert course.get(regrade)["state"] == "cancelled"


def test_everything_is_in_the_audit_log(course: Class) -> None:
    student = course.service.person()
    course.submit(student, answers=ANSWERS)
    course.publish(OTHER_KEY)
    regrade = course.preview(where={"student": student.login})["id"]
    course.now(regrade, "publish")
    course.now(regrade, "revert")
    entries = course.service.admin.get("/admin/audit").json()
    ours = {row["action"]: row for row in entries["items"] if row["subject"] == regrade}
    assert set(ours) == {"regrade.create", "regrade.publish", "regrade.revert"}
    assert {row["actor"] for row in ours.values()} == {"admin"}
    assert ours["regrade.create"]["detail"]["where"] == {"student": student.login}
    assert ours["regrade.publish"]["detail"]["changed"] == 1
    assert ours["regrade.publish"]["detail"] == ours["regrade.revert"]["detail"]
    published = [row for row in entries["items"] if row["subject"] == course.slug]
    assert [row["detail"]["version"] for row in published] == [2, 1]
    with course.database.read() as session:
        assert audit.first_broken(session) is None


def test_students_read_of_it_on_their_page(course: Class) -> None:
    student = course.service.person()
    submission = course.submit(student, answers=ANSWERS)
    course.publish(OTHER_KEY)
    course.now(course.preview()["id"], "publish")
    page = course.service.plain.get(
        f"/submissions/{submission}", headers={"Authorization": f"Bearer {student.token}", "Accept": "text/html"}
    )
    assert "0.5 points became 0." in page.text
