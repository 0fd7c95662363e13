"""Regrade requests over HTTP and on both databases: one open at a time, whoever is faster."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from app.auth.viewer import Viewer
from app.db.engine import Database
from app.problems import Problem
from app.regrade_requests import service
from app.regrade_requests.models import RegradeRequest, RequestState
from app.regrade_requests.schemas import NewAnswer
from app.submissions.models import State, Submission
from app.users import service as users
from app.users.models import Role
from tests import class_rows
from tests.integration.service import MODEL, Client, Site, assert_problem


def ask(person: Client, submission: str, question: str = "2.1", reason: object = "Look again.") -> int:
    path = f"/submissions/{submission}/questions/{question}/regrade-requests"
    return person.post(path, json={"reason": reason}).status_code


def graded(api: Site, submission: str) -> None:
    """As a worker leaves it, with points set by hand for 2.1, so that there is a result."""
    body = {"score": 0.25, "reason": "Read by hand."}
    assert api.admin.http.put(f"/submissions/{submission}/questions/2.1/override", json=body).status_code == 200
    database = Database(api.settings)
    with database.write() as session:
        row = session.get(Submission, uuid.UUID(submission))
        assert row is not None
        row.state = State.GRADED
    database.close()


def test_a_request_goes_its_way(api: Site) -> None:
    student, other, ta = api.person(), api.person(), api.person("ta")
    submission = student.submit(model=MODEL)
    assert ask(student, submission) == 409
    graded(api, submission)
    assert ask(student, submission, "1.1") == 409  # pending: it has no result of its own
    assert ask(other, submission) == 404
    assert ask(ta, submission) == 403
    assert ask(student, submission, "9.9") == 404
    assert ask(student, submission, reason=" ") == 422
    assert [ask(student, submission), ask(student, submission)] == [201, 409]
    (own,) = student.get("/regrade-requests").json()
    assert (own["state"], own["points_before"], own["reason"]) == ("open", 0.25, "Look again.")
    assert other.get("/regrade-requests").json() == []
    mine = {"student": student.login, "assignment": "hw13", "open": True}
    assert ta.get("/regrade-requests", params=mine).json() == [own]
    answer = f"/regrade-requests/{own['id']}/answer"
    assert_problem(ta.post(answer, json={"answer": "x", "score": 0.75}), 422, "points-out-of-range")
    assert_problem(student.post(answer, json={"answer": "x", "score": 0.5}), 403, "forbidden")
    assert_problem(other.post(f"/regrade-requests/{own['id']}/withdraw"), 404, "regrade-request-not-found")
    answered = ta.post(answer, json={"answer": "You are right.", "score": 0.5}).json()
    assert (answered["state"], answered["points_after"], answered["answered_by"]) == ("changed", 0.5, ta.login)
    assert student.get(f"/submissions/{submission}/regrade-requests").json() == [answered]
    assert_problem(other.get(f"/submissions/{submission}/regrade-requests"), 404, "submission-not-found")
    question = next(item for item in student.report(submission)["questions"] if item["number"] == "2.1")
    assert (question["score"], question["override"]["reason"]) == (0.5, "You are right.")
    assert_problem(ta.post(answer, json={"answer": "Again."}), 409, "already-answered")
    assert ta.get("/regrade-requests", params=mine).json() == []
    actions = [entry["action"] for entry in api.admin.get("/admin/audit").json()["items"]]
    assert {"regrade_request.ask", "regrade_request.answer"} <= set(actions)


def test_a_ta_answers_no_request_of_their_own(api: Site) -> None:
    ta, other = api.person("ta"), api.person("ta")
    submission = ta.submit(model=MODEL)
    graded(api, submission)
    assert ask(ta, submission) == 201
    (own,) = other.get("/regrade-requests", params={"student": ta.login}).json()
    for body in ({"answer": "It is right."}, {"answer": "It is right.", "score": 0.5}):
        assert_problem(ta.post(f"/regrade-requests/{own['id']}/answer", json=body), 403, "own-score")
    assert other.post(f"/regrade-requests/{own['id']}/answer", json={"answer": "It is right."}).status_code == 200


def test_only_one_of_many_at_once_is_taken(database: Database) -> None:
    class_rows.enrol(database, 1, 1)
    with database.read() as session:
        student = Viewer.of(users.find(session, "s00000"))
        submission = session.scalars(select(Submission.id)).one()

    def asked(number: int) -> str:
        try:
            with database.write() as session:
                service.ask(session, student, submission, "2.1", f"Number {number}.")
        except Problem as problem:
            return problem.slug
        return "asked"

    with ThreadPoolExecutor(6) as threads:
        said = sorted(threads.map(asked, range(6)))
    assert said == ["already-asked"] * 5 + ["asked"]


def test_only_one_of_two_answers_counts(database: Database) -> None:
    class_rows.enrol(database, 1, 1)
    with database.write() as session:
        student = users.find(session, "s00000")
        submission = session.scalars(select(Submission.id)).one()
        request = service.ask(session, Viewer.of(student), submission, "2.1", "Look again.").id
        tas = [
            Viewer.of(users.create_user(session, login=login, name=login, role=Role.TA, actor="test"))
            for login in ("tom", "tim")
        ]

    def answered(ta: Viewer) -> str:
        try:
            with database.write() as session:
                service.answer(session, ta, request, NewAnswer(answer=ta.login, score=0.1))
        except Problem as problem:
            return problem.slug
        return ta.login

    with ThreadPoolExecutor(2) as threads:
        said = list(threads.map(answered, tas))
    (won,) = set(said) - {"already-answered"}
    with database.read() as session:
        (row,) = service.of_submission(session, Viewer.of(student), submission)
    assert (row.answered_by, row.answer, row.state) == (won, won, RequestState.CHANGED)


def test_the_database_itself_keeps_one_open(database: Database) -> None:
    class_rows.enrol(database, 1, 1)
    with database.read() as session:
        submission = session.scalars(select(Submission.id)).one()
    row = {"submission_id": submission, "question": "2.1", "reason": "x", "points_before": 0.0}
    states = [RequestState.KEPT, RequestState.KEPT, RequestState.OPEN]
    with database.write() as session:
        session.execute(insert(RegradeRequest), [row | {"state": state} for state in states])
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(insert(RegradeRequest), [row | {"state": RequestState.OPEN}])
