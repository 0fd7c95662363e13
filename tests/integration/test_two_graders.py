"""Two people decide at the same moment, on both databases: one decision stands, the other one is refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest
from sqlalchemy import select, update

from app.api.if_match import check_if_match
from app.auth.viewer import Viewer
from app.db.engine import Database
from app.http import conditional
from app.problems import Problem
from app.regrade_requests import service as requests
from app.regrade_requests.schemas import NewAnswer
from app.reports import service as reports
from app.scores import repository
from app.scores import service as scores
from app.scores.standing import Revision
from app.submissions import service as submissions
from app.submissions.models import Run, Submission
from app.users import service as users
from app.users.models import Role
from tests import class_rows
from tests.integration.service import MODEL, Client, Service, assert_problem

Decide = Callable[[Viewer, float], None]
AT_ONCE = 4


class Class:
    """One graded student, and some who grade."""

    def __init__(self, database: Database) -> None:
        self.database = database
        class_rows.enrol(database, 1, 1)
        with database.write() as session:
            self.submission = session.scalars(select(Submission.id)).one()
            self.student = Viewer.of(users.find(session, "s00000"))
            self.graders = [
                Viewer.of(users.create_user(session, login=f"ta{n}", name=f"TA {n}", role=Role.TA, actor="test"))
                for n in range(AT_ONCE)
            ]

    def revision(self) -> Revision:
        with self.database.read() as session:
            submission = submissions.find(session, self.graders[0], self.submission)
            return scores.standing(session, submission, "2.1").revision

    def tag(self, language: str = "en") -> str:
        """The entity tag with which the report is read."""
        with self.database.read() as session:
            return conditional.tag(reports.load_report(session, self.graders[0], self.submission, language))

    def set(self, grader: Viewer, score: float, seen: Revision) -> None:
        with self.database.write() as session:
            scores.override(session, grader, self.submission, "2.1", score=score, reason="x", basis=seen)

    def set_by_tag(self, grader: Viewer, score: float, tag: str) -> None:
        with self.database.write() as session:
            check_if_match(session, grader, self.submission, "2.1", [tag], "en")
            scores.override(session, grader, self.submission, "2.1", score=score, reason="x")

    def remove(self, grader: Viewer, seen: Revision) -> None:
        with self.database.write() as session:
            scores.remove_override(session, grader, self.submission, "2.1", basis=seen)

    def at_once(self, decide: Decide) -> list[str]:
        """Everybody decides at the same moment. Returns what became of it."""
        together = Barrier(AT_ONCE)

        def decided(number: int) -> str:
            together.wait()
            try:
                decide(self.graders[number], number / 10)
            except Problem as problem:
                return problem.slug
            return "decided"

        with ThreadPoolExecutor(AT_ONCE) as threads:
            return sorted(threads.map(decided, range(AT_ONCE)))

    def decisions(self) -> int:
        with self.database.read() as session:
            return len(repository.override_history(session, self.submission))


REFUSED = ["changed-meanwhile"] * (AT_ONCE - 1)


@pytest.fixture
def course(database: Database) -> Class:
    return Class(database)


def test_one_of_many_decisions_on_the_same_revision_stands(course: Class) -> None:
    seen = course.revision()
    assert course.at_once(lambda grader, score: course.set(grader, score, seen)) == [*REFUSED, "decided"]
    assert course.decisions() == 1


def test_one_of_many_decisions_on_the_same_tag_stands(course: Class) -> None:
    tag = course.tag()
    assert course.at_once(lambda grader, score: course.set_by_tag(grader, score, tag)) == [*REFUSED, "decided"]
    assert course.decisions() == 1


def test_one_of_many_who_take_points_back_does(course: Class) -> None:
    course.set(course.graders[0], 0.1, course.revision())
    seen = course.revision()
    assert course.at_once(lambda grader, score: course.remove(grader, seen)) == [*REFUSED, "decided"]


def test_a_decision_and_an_answer_at_once(course: Class) -> None:
    with course.database.write() as session:
        request = requests.ask(session, course.student, course.submission, "2.1", "Look again.").id
    seen = course.revision()

    def decide(grader: Viewer, score: float) -> None:
        if grader is course.graders[0]:
            with course.database.write() as session:
                requests.answer(session, grader, request, NewAnswer(answer="x", score=score), seen)
        else:
            course.set(grader, score, seen)

    assert course.at_once(decide) == [*REFUSED, "decided"]
    assert course.decisions() == 1


def test_without_a_revision_everybody_decides_as_before(course: Class) -> None:
    def decide(grader: Viewer, score: float) -> None:
        with course.database.write() as session:
            scores.override(session, grader, course.submission, "2.1", score=score, reason="x")

    assert course.at_once(decide) == ["decided"] * AT_ONCE
    assert course.decisions() == AT_ONCE


def test_the_tag_of_either_language_is_taken_and_the_progress_of_the_grading_changes_it(course: Class) -> None:
    for language in ("en", "zh-Hant"):
        course.set_by_tag(course.graders[0], 0.1, course.tag(language))
    tag = course.tag()
    with course.database.write() as session:
        session.execute(update(Submission).values(state="running"))
        session.execute(update(Run).values(stage="curve", stage_done=3, stage_total=20))
    with pytest.raises(scores.ChangedMeanwhile):
        course.set_by_tag(course.graders[0], 0.2, tag)


def override(person: Client, submission: str, score: float, *if_match: str, question: str = "2.1") -> httpx.Response:
    headers = [("If-Match", line) for line in if_match]
    body = {"score": score, "reason": f"{score} it is."}
    return person.http.put(f"/submissions/{submission}/questions/{question}/override", json=body, headers=headers)


def tag_of(person: Client, submission: str, **headers: str) -> str:
    return person.http.get(f"/submissions/{submission}", headers=headers).headers["etag"]


def test_a_decision_over_http_names_the_tag_it_was_made_on(api: Service) -> None:
    submission, tom, ann = api.person().submit(model=MODEL), api.person("ta"), api.person("ta")
    tag = tag_of(ann, submission)
    assert tag == tag_of(tom, submission)
    assert override(tom, submission, 0.4, tag).status_code == 200
    refused = override(ann, submission, 0.1, tag)
    body = assert_problem(refused, 412, "changed-meanwhile")
    assert body["question"] == "2.1"
    stands = body["stands"]
    assert (stands["score"], stands["by"], stands["reason"]) == (0.4, tom.login, "0.4 it is.")
    assert refused.headers["etag"] == tag_of(ann, submission)
    deleted = ann.http.delete(f"/submissions/{submission}/questions/2.1/override", headers={"If-Match": tag})
    assert_problem(deleted, 412, "changed-meanwhile")
    assert override(ann, submission, 0.1, refused.headers["etag"]).status_code == 200
    current = {"If-Match": tag_of(ann, submission)}
    assert ann.http.delete(f"/submissions/{submission}/questions/2.1/override", headers=current).status_code == 204
    again = ann.http.delete(f"/submissions/{submission}/questions/2.1/override", headers=current)
    assert_problem(again, 412, "changed-meanwhile")


def test_if_match_is_read_as_rfc_9110_says(api: Service) -> None:
    submission, ta = api.person().submit(model=MODEL), api.person("ta")
    for if_match in (("*",), ('"a,b" , TAG',), ('"a"', "TAG"), ("TAG,",), ()):
        lines = [line.replace("TAG", tag_of(ta, submission)) for line in if_match]
        assert override(ta, submission, 0.1, *lines).status_code == 200, if_match
    chinese = tag_of(ta, submission, **{"Accept-Language": "zh-Hant"})
    assert chinese != tag_of(ta, submission)
    assert override(ta, submission, 0.2, chinese).status_code == 200
    for refused in (("W/TAG",), ('"a"',), ("",), ("BARE",), ('"BARE',), ("w/TAG",), ("*, *",), ('"*"',), ('W/"*"',)):
        tag = tag_of(ta, submission)
        lines = [line.replace("TAG", tag).replace("BARE", tag.strip('"')) for line in refused]
        assert_problem(override(ta, submission, 0.3, *lines), 412, "changed-meanwhile")
    # What is refused anyway is refused for its own reason.
    assert_problem(override(ta, submission, 0.3, '"a"', question="9.9"), 404, "question-not-found")
    assert_problem(override(ta, str(uuid.uuid4()), 0.3, "*"), 404, "submission-not-found")
    assert_problem(override(api.person(), submission, 0.3, "*"), 403, "forbidden")
    unset = ta.http.delete(f"/submissions/{submission}/questions/1.1/override", headers={"If-Match": "*"})
    assert_problem(unset, 404, "override-not-found")


def test_an_answer_over_http_takes_the_tag_too(api: Service) -> None:
    student, ta = api.person(), api.person("ta")
    submission = student.submit(model=MODEL)
    assert override(ta, submission, 0.25).status_code == 200
    opened = Database(api.settings)
    with opened.write() as session:
        of_submission = Submission.id == uuid.UUID(submission)
        session.execute(update(Submission).where(of_submission).values(state="graded"))
    opened.close()
    path = f"/submissions/{submission}/questions/2.1/regrade-requests"
    request = student.http.post(path, json={"reason": "Look again."}).json()["id"]
    tag = tag_of(ta, submission)
    assert override(ta, submission, 0.3).status_code == 200
    answer = {"answer": "You are right.", "score": 0.5}
    refused = ta.http.post(f"/regrade-requests/{request}/answer", json=answer, headers={"If-Match": tag})
    assert_problem(refused, 412, "changed-meanwhile")
    current = {"If-Match": refused.headers["etag"]}
    assert ta.http.post(f"/regrade-requests/{request}/answer", json=answer, headers=current).status_code == 200
