"""Regrade requests: a student asks, a teaching assistant answers, both read the texts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import pytest
from sqlalchemy import delete, select, update

from app.auth.viewer import Viewer
from app.http.authentication import optional_viewer
from app.regrade_requests import service
from app.regrade_requests.models import RequestState
from app.regrade_requests.schemas import RequestView
from app.reports import service as reports
from app.scores.models import StoredScore
from app.submissions.models import Phase, Run, RunOutcome, State, StoredEvidence, Submission, Try
from app.users import service as users
from tests.unit.pages.conftest import Course

LIST = "/dashboard/hw13/requests"


@dataclass
class Case:
    """A student's graded submission, and the course as any person sees it."""

    course: Course
    submission: uuid.UUID

    @property
    def page(self) -> str:
        return f"/submissions/{self.submission}"

    def as_(self, login: str) -> Course:
        with self.course.database.read() as session:
            viewer = Viewer.of(users.find(session, login))
        self.course.app.dependency_overrides[optional_viewer] = lambda: viewer
        return self.course

    def ask(self, reason: str, question: str = "2.1", login: str = "s00000") -> int:
        path = f"{self.page}/questions/{question}/requests"
        return self.as_(login).send("POST", path, data={"reason": reason}).status_code

    def points(self, question: str = "2.1") -> float:
        with self.course.database.read() as session:
            report = reports.load_report(session, self.course.viewer, self.submission, "en")
        (points,) = (item.score for item in report.questions if item.number == question)
        assert points is not None
        return points

    def only(self) -> RequestView:
        with self.course.database.read() as session:
            requests = service.list_requests(session, self.course.viewer)
        assert len(requests) == 1
        return requests[0]


@pytest.fixture
def case(course: Course) -> Case:
    """Two students with an attempt each; the case is the first one's."""
    course.enrol(2, 1)
    with course.database.read() as session:
        owner = users.find(session, "s00000").id
        submission = session.scalar(select(Submission.id).where(Submission.user_id == owner))
    assert submission is not None
    return Case(course, submission)


def test_a_request_is_seen_by_both_and_answered_with_points(case: Case) -> None:
    assert case.ask("The <b>term</b> is right.") == 303
    for login, path in (("s00000", case.page), ("mia", LIST), ("mia", "/dashboard/hw13/students/s00000")):
        html = case.as_(login).get(path).text
        assert "The &lt;b&gt;term&lt;/b&gt; is right." in html
        assert "<b>term" not in html
    assert '<span class="badge">1</span>' in case.as_("mia").get("/dashboard/hw13").text
    answered = case.as_("mia").send(
        "POST", f"{LIST}/{case.only().id}", data={"score": "0.4", "answer": "So it <i>is</i>."}
    )
    assert answered.status_code == 303
    assert case.points() == 0.4
    assert case.only().state is RequestState.CHANGED
    html = case.as_("s00000").get(case.page).text
    assert "So it &lt;i&gt;is&lt;/i&gt;." in html
    assert "points became 0.4" in html
    assert "points changed" in case.as_("s00000").get("/").text
    assert "badge" not in case.as_("mia").get("/dashboard/hw13").text
    assert "No request is waiting" in case.as_("mia").get(LIST).text


def test_an_answer_without_points_changes_none(case: Case) -> None:
    before = case.points()
    case.ask("Look again.")
    case.as_("mia").send("POST", f"{LIST}/{case.only().id}", data={"score": "", "answer": "It stays."})
    assert case.only().state is RequestState.KEPT
    assert case.points() == case.only().points_after == before
    with case.course.database.read() as session:
        report = reports.load_report(session, case.course.viewer, case.submission, "en")
    assert all(question.override is None for question in report.questions)


def test_one_request_of_a_question_is_open_at_a_time_and_a_new_one_can_follow(case: Case) -> None:
    assert [case.ask("First."), case.ask("Second."), case.ask("Other.", "1.2")] == [303, 409, 303]
    assert (
        "is already waiting for an answer"
        in case.as_("s00000").send("POST", f"{case.page}/questions/2.1/requests", data={"reason": "Second."}).text
    )
    with case.course.database.read() as session:
        first = next(item for item in service.list_requests(session, case.course.viewer) if item.question == "2.1")
    case.as_("mia").send("POST", f"{LIST}/{first.id}", data={"answer": "No."})
    assert case.ask("Third.") == 303
    html = case.as_("s00000").get(case.page).text
    assert "First." in html
    assert "Third." in html


def test_a_student_withdraws_an_own_request(case: Case) -> None:
    case.ask("Look again.")
    path = f"{case.page}/requests/{case.only().id}/withdraw"
    assert case.as_("s00001").send("POST", path).status_code == 404
    assert case.only().state is RequestState.OPEN
    assert case.as_("s00000").send("POST", path).status_code == 303
    assert case.only().state is RequestState.WITHDRAWN
    late = case.as_("mia").send("POST", f"{LIST}/{case.only().id}", data={"answer": "Fine.", "score": "0.5"})
    assert late.status_code == 409
    assert "Nothing was changed" in late.text
    assert case.only().answer is None


@pytest.mark.parametrize(
    ("back", "leads_to"), [("/dashboard/hw13/review", "/dashboard/hw13/review"), ("https://elsewhere.example/", "/")]
)
def test_an_answer_leads_back_and_never_to_another_site(case: Case, back: str, leads_to: str) -> None:
    case.ask("Why?")
    answer = case.as_("mia").send("POST", f"{LIST}/{case.only().id}", data={"answer": "So.", "back": back})
    assert (answer.status_code, answer.headers["location"]) == (303, leads_to)


def test_only_the_owner_asks_and_only_staff_answer(case: Case) -> None:
    assert case.ask("Mine?", login="s00001") == 404
    assert case.ask("For a friend.", login="mia") == 403
    assert case.ask("No such question.", "9.9") == 404
    case.ask("Look again.")
    assert case.as_("s00000").send("POST", f"{LIST}/{case.only().id}", data={"answer": "Yes!"}).status_code == 403
    assert case.as_("s00000").get(LIST).status_code == 403
    assert "Look again." not in case.as_("s00001").get("/").text


@pytest.mark.parametrize("reason", ["", "  \n ", "x" * 2001, "a\0b"])
def test_a_reason_that_is_none_is_refused(case: Case, reason: str) -> None:
    assert case.ask(reason) == 422
    with case.course.database.read() as session:
        assert service.list_requests(session, case.course.viewer) == []


def test_a_reason_of_spaces_is_refused_in_words_for_people(case: Case) -> None:
    path = f"{case.page}/questions/2.1/requests"
    assert "Write something first." in case.as_("s00000").send("POST", path, data={"reason": "  "}).text


@pytest.mark.parametrize("form", [{"answer": ""}, {"answer": "x", "score": "0.75"}, {"answer": "x", "score": "nan"}])
def test_an_answer_that_cannot_be_is_refused_and_kept_in_the_form(case: Case, form: dict[str, str]) -> None:
    case.ask("Look again.")
    answer = case.as_("mia").send("POST", f"{LIST}/{case.only().id}", data=form)
    assert answer.status_code == 422
    assert f'value="{form["answer"]}"' in answer.text
    assert case.only().state is RequestState.OPEN


def set_state(case: Case, state: State) -> None:
    with case.course.database.write() as session:
        session.execute(update(Submission).where(Submission.id == case.submission).values(state=state))


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.FAILED, State.CANCELLED])
def test_nobody_asks_before_there_is_a_result(case: Case, state: State) -> None:
    set_state(case, state)
    assert "Request a regrade of this question" not in case.as_("s00000").get(case.page).text
    assert case.ask("Too slow.") == 409


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.QUEUED, "you may close this page"),
        (State.FAILED, "The fault is ours"),
        (State.CANCELLED, "was cancelled before it ended"),
    ],
)
def test_every_state_of_a_grading_says_what_it_means(case: Case, state: State, said: str) -> None:
    set_state(case, state)
    assert said in case.as_("s00000").get(case.page).text


@pytest.mark.parametrize(("state", "said"), [(State.RUNNING, "… being checked"), (State.FAILED, "– not checked")])
def test_a_question_without_a_result_says_whether_one_will_come(case: Case, state: State, said: str) -> None:
    with case.course.database.write() as session:
        session.execute(delete(StoredScore).where(StoredScore.submission_id == case.submission))
    set_state(case, state)
    assert case.as_("s00000").get(case.page).text.count(said) == 6


def set_run(case: Case, phase: Phase | None) -> None:
    """Let the submission's grading go on in this phase; ``None`` when no worker has started it."""
    with case.course.database.write() as session:
        session.execute(delete(StoredScore).where(StoredScore.submission_id == case.submission))
        if phase is None:
            session.execute(delete(StoredEvidence).where(StoredEvidence.submission_id == case.submission))
            session.execute(delete(Run).where(Run.submission_id == case.submission))
            session.execute(update(Submission).where(Submission.id == case.submission).values(run_id=None))
        else:
            session.execute(
                update(Run).where(Run.submission_id == case.submission).values(outcome=RunOutcome.RUNNING, phase=phase)
            )
    set_state(case, State.RUNNING if phase else State.QUEUED)


def test_a_grading_is_cancelled_from_its_page(case: Case) -> None:
    set_run(case, None)
    html = case.as_("s00000").get(case.page).text
    assert "Cancel the grading" in html
    assert "does not use up an attempt" in html
    assert case.as_("s00001").send("POST", f"{case.page}/cancel").status_code == 404
    assert case.as_("s00000").send("POST", f"{case.page}/cancel").status_code == 303
    html = case.as_("s00000").get(case.page).text
    assert "was cancelled before it ended" in html
    assert "Cancel the grading" not in html


def test_the_page_says_what_cancelling_costs_before_it_is_done(case: Case) -> None:
    set_run(case, Phase.FIRST)
    html = case.as_("s00000").get(case.page).text
    assert "Cancel the grading" in html
    assert "Cancelling now uses up this attempt" in html


@pytest.mark.parametrize("is_tried", [False, True])
def test_the_curve_is_stopped_from_the_page_and_the_attempt_counts(case: Case, is_tried: bool) -> None:
    score = case.as_("s00000").get(case.page).text.count("full points")
    set_run(case, Phase.LATER)
    if is_tried:
        with case.course.database.write() as session:
            run_id = session.scalars(select(Run.id).where(Run.submission_id == case.submission)).one()
            session.add(Try(run_id=run_id, phase=Phase.LATER, executor="worker"))
    html = case.as_("s00000").get(case.page).text
    assert "Stop measuring the curve" in html
    assert "graded and counts" in html
    assert "Cancel the grading" not in html
    for _ in range(2):
        assert case.as_("s00000").send("POST", f"{case.page}/cancel").status_code == 303
        html = case.as_("s00000").get(case.page).text
        assert "Graded" in html
        assert html.count("full points") == score
        assert "Stop measuring" not in html


def test_what_is_graded_is_not_cancelled(case: Case) -> None:
    late = case.as_("s00000").send("POST", f"{case.page}/cancel")
    assert late.status_code == 409
    assert "has ended and cannot be cancelled" in late.text


def test_the_review_desk_answers_too(case: Case) -> None:
    case.ask("Look again.")
    desk = case.as_("mia").get(f"/dashboard/hw13/review?submission={case.submission}&question=2.1").text
    assert "Look again." in desk
    assert f'action="/dashboard/hw13/requests/{case.only().id}"' in desk
