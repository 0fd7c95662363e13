"""Two people decide about one question: the second sees the decision of the first, and decides again."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, select, update

from app.auth.viewer import Viewer
from app.http.authentication import optional_viewer
from app.regrade_requests import service as requests
from app.regrade_requests.schemas import NewAnswer
from app.scores import repository
from app.scores import service as scores
from app.scores.models import Override, StoredScore
from app.submissions.models import Run, StoredEvidence, Submission
from app.users import service as users
from app.users.models import Role
from tests.unit.pages.conftest import Course

PAGE = "/dashboard/hw13/students/s00000"
QUEUE = "/dashboard/hw13/review"
REQUESTS = "/dashboard/hw13/requests"


class Desk:
    """A class with one graded student, and two assistants who decide in turns."""

    def __init__(self, course: Course) -> None:
        self.course = course
        course.enrol(1, 1)
        with course.database.write() as session:
            self.submission = session.scalars(select(Submission.id)).one()
            people = [
                users.create_user(session, login=name, name=name, role=Role.TA, actor="test") for name in ("tom", "ann")
            ]
            self.viewers = {person.login: Viewer.of(person) for person in people}
            self.viewers["s00000"] = Viewer.of(users.find(session, "s00000"))

    def as_(self, login: str) -> Course:
        self.course.app.dependency_overrides[optional_viewer] = lambda: self.viewers[login]
        return self.course

    def revision(self, question: str = "2.1") -> str:
        """What the student's page shows of the question now."""
        page = self.as_("ann").get(PAGE).text
        form = page[page.index(f'id="override-{question}"') :]
        match = re.search(r'name="revision" value="([^"]+)"', form)
        assert match is not None
        return match[1]

    def form(self, login: str, **fields: object) -> httpx.Response:
        """The form of a question on the student's page."""
        question = fields.pop("question", "2.1")
        path = f"/dashboard/hw13/submissions/{self.submission}/questions/{question}"
        return self.as_(login).send("POST", path, data={"reason": "Seen.", **fields})

    def review(self, login: str, path: str = "", **fields: object) -> httpx.Response:
        form = {"submission": str(self.submission), "question": "3.1", **fields}
        return self.as_(login).send("POST", QUEUE + path, data=form)

    def overrides(self) -> list[tuple[str, str, float]]:
        """Who gave which points to which question, as it stands."""
        with self.course.database.read() as session:
            standing = repository.overrides(session, [self.submission]).get(self.submission, {})
            return [(row.by.login, number, row.score) for number, row in sorted(standing.items())]

    def decide(self, login: str, score: float, reason: str = "First.", question: str = "2.1") -> None:
        with self.course.database.write() as session:
            scores.override(session, self.viewers[login], self.submission, question, score=score, reason=reason)


@pytest.fixture
def desk(course: Course) -> Desk:
    return Desk(course)


def conflict(answer: httpx.Response) -> list[str]:
    """What a page says beside "You saw", "Stands now" and "You wanted"."""
    assert answer.status_code == 412, answer.text
    assert "Nothing was changed" in answer.text or "The points were not changed" in answer.text
    box = re.search(r'<dl class="conflict">(.*?)</dl>', answer.text, re.DOTALL)
    assert box is not None, answer.text
    said = re.findall(r"<dd>(.*?)</dd>", box[1], re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", one)).split()) for one in said]


def test_the_second_of_two_forms_is_refused_with_both_values_and_can_be_sent_again(desk: Desk) -> None:
    seen = desk.revision()
    assert desk.form("tom", score="0.4", reason="Off by <one>.", revision=seen).status_code == 303
    refused = desk.form("ann", score="0.1", reason="Wrong & late.", revision=seen)
    saw, stands, wanted = conflict(refused)
    assert saw.startswith(seen.split(":")[0].removesuffix(".0"))
    assert stands.startswith("0.4 · ◐ partial credit · tom · ")
    assert stands.endswith("UTC Off by <one>.")
    assert wanted == "0.1 Wrong & late."
    assert desk.overrides() == [("tom", "2.1", 0.4)]
    form = re.search(r'id="override-2.1" open data-keep>.*?<form class="override"(.*?)</form>', refused.text, re.DOTALL)
    assert form is not None
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)"[^>]*?value="([^"]*)"', form[1])}
    assert (fields["score"], fields["reason"]) == ("0.1", "Wrong & late.")
    assert desk.form("ann", **fields).status_code == 303
    assert desk.overrides() == [("ann", "2.1", 0.1)]


def test_points_are_not_taken_back_over_a_later_decision(desk: Desk) -> None:
    desk.decide("ann", 0.1)
    seen = desk.revision()
    desk.decide("tom", 0.4, "Better.")
    saw, stands, wanted = conflict(desk.form("ann", remove="1", revision=seen))
    assert saw == "0.1 · ◐ partial credit"
    assert stands.startswith("0.4 · ◐ partial credit · tom · ")
    assert wanted.startswith("the computed points")
    assert desk.form("ann", remove="1", revision=desk.revision()).status_code == 303
    assert desk.overrides() == []
    # The computed points count again; the page names who removed the override.
    _, stands, _ = conflict(desk.form("tom", score="0.4", revision=seen))
    assert " · ann · " in stands


def measure(desk: Desk) -> None:
    """The question has new evidence of the same worth."""
    with desk.course.database.write() as session:
        score = session.get(StoredScore, (desk.submission, "2.1"))
        assert score is not None
        old = score.evidence
        new = StoredEvidence(run_id=old.run_id, submission_id=desk.submission, question="2.1")
        new.schema_version, new.data = old.schema_version, old.data
        session.add(new)
        session.flush()
        score.evidence_id = new.id


def rescore(desk: Desk, **values: object) -> None:
    with desk.course.database.write() as session:
        of_question = (StoredScore.submission_id == desk.submission, StoredScore.question == "2.1")
        session.execute(update(StoredScore).where(*of_question).values(**values))


def forget(desk: Desk) -> None:
    with desk.course.database.write() as session:
        of_question = (StoredScore.submission_id == desk.submission, StoredScore.question == "2.1")
        session.execute(delete(StoredScore).where(*of_question))


CHANGES: dict[str, Callable[[Desk], None]] = {
    "the same points by another person": lambda desk: desk.decide("tom", 0.25),
    "new evidence": measure,
    "a new score": lambda desk: rescore(desk, score=0.01),
    "a new verdict": lambda desk: rescore(desk, verdict="needs_review"),
    "no score any more": forget,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_counts_for_the_question_refuses_a_decision_on_what_was(
    desk: Desk, change: Callable[[Desk], None]
) -> None:
    seen = desk.revision()
    change(desk)
    before = desk.overrides()
    conflict(desk.form("ann", score="0.1", revision=seen))
    assert desk.overrides() == before


def progress(desk: Desk) -> None:
    with desk.course.database.write() as session:
        session.execute(update(Submission).values(revision=Submission.revision + 1))
        session.execute(update(Run).values(stage="curve", stage_done=7, stage_total=20))


@pytest.mark.parametrize("change", [progress, lambda desk: desk.decide("tom", 0.5, question="3.1")])
def test_what_happens_elsewhere_refuses_nothing(desk: Desk, change: Callable[[Desk], None]) -> None:
    seen = desk.revision()
    change(desk)
    assert desk.form("ann", score="0.1", revision=seen).status_code == 303


@pytest.mark.parametrize("revision", ["x", "0.5", "a:b:c:d", "0.5:full:1:", "0.5:full:1:2:3", "0.5:nice:1:2"])
def test_a_revision_that_is_none_is_refused(desk: Desk, revision: str) -> None:
    assert desk.form("ann", score="0.1", revision=revision).status_code == 422
    assert desk.review("ann", score="0.1", reason="x", revision=revision).status_code == 422
    assert desk.overrides() == []


def test_an_entry_that_cannot_be_is_kept_in_the_form(desk: Desk) -> None:
    refused = desk.form("ann", score="9", reason="Very good.", revision=desk.revision())
    assert refused.status_code == 422
    assert 'value="9"' in refused.text
    assert 'value="Very good."' in refused.text
    assert "You saw" not in refused.text


def hidden_fields(page: str, form: str) -> dict[str, str]:
    """The hidden fields of a form by its class or address."""
    match = re.search(rf"<form[^>]*{form}[^>]*>(.*?)</form>", page, re.DOTALL)
    assert match is not None, page
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', match[1]))


def test_two_who_review_the_same_question(desk: Desk) -> None:
    fields = hidden_fields(desk.as_("ann").get(QUEUE).text, 'class="decide"')
    assert desk.review("tom", score="0.75", reason="No label.", **fields).status_code == 303
    refused = desk.review("ann", score="0.25", reason="No <axis>.", **fields)
    _, stands, wanted = conflict(refused)
    assert stands.startswith("0.75 · ◐ partial credit · tom · ")
    assert wanted == "0.25 No <axis>."
    assert ">No &lt;axis&gt;.</textarea>" in refused.text
    again = hidden_fields(refused.text, 'class="decide"')
    assert desk.review("ann", score="0.25", reason="No <axis>.", **again).status_code == 303
    assert desk.overrides() == [("ann", "3.1", 0.25)]


def test_keeping_what_is_shown_is_a_decision_too(desk: Desk) -> None:
    fields = hidden_fields(desk.as_("ann").get(QUEUE).text, 'class="decide"')
    desk.decide("tom", 0.5, question="3.1")
    refused = desk.review("ann", score="0.17", reason="I have looked.", **fields)
    conflict(refused)
    assert desk.overrides() == [("tom", "3.1", 0.5)]
    # None of the steps: there is a button for it all the same.
    assert re.search(r'<button[^>]* name="score" value="0.17" data-key="g">', refused.text)


def reviewed(desk: Desk, login: str, score: str) -> dict[str, str]:
    """Decide; the fields with which the next page undoes it."""
    path = f"{QUEUE}?submission={desk.submission}&question=3.1"
    fields = hidden_fields(desk.as_(login).get(path).text, 'class="decide"')
    answer = desk.review(login, score=score, reason="Seen.", **fields)
    return hidden_fields(desk.course.get(answer.headers["location"]).text, "/undo")


def test_an_undo_takes_back_the_own_decision_only(desk: Desk) -> None:
    mine = reviewed(desk, "ann", "0.25")
    desk.decide("tom", 0.75, "Later.", "3.1")
    refused = desk.review("ann", "/undo", **mine)
    saw, stands, wanted = conflict(refused)
    assert saw.startswith("0.25 · ")
    assert " · tom · " in stands
    assert wanted == "to undo your decision"
    assert desk.overrides() == [("tom", "3.1", 0.75)]
    for link in re.findall(r'href="([^"]*review[^"]*)"', refused.text):
        assert desk.course.get(unescape(link)).status_code == 200, link


def test_an_undo_brings_back_what_stood_before(desk: Desk) -> None:
    desk.decide("tom", 0.75, "Before.", "3.1")
    mine = reviewed(desk, "ann", "0.25")
    assert desk.overrides() == [("ann", "3.1", 0.25)]
    assert desk.review("ann", "/undo", **mine).status_code == 303
    assert desk.overrides() == [("tom", "3.1", 0.75)]
    conflict(desk.review("ann", "/undo", **mine))


def test_an_undo_does_not_bring_back_what_was_taken_back_before(desk: Desk) -> None:
    desk.decide("tom", 0.75, "Before.", "3.1")
    with desk.course.database.write() as session:
        scores.remove_override(session, desk.viewers["tom"], desk.submission, "3.1")
    assert desk.review("ann", "/undo", **reviewed(desk, "ann", "0.25")).status_code == 303
    assert desk.overrides() == []
    with desk.course.database.read() as session:
        assert session.scalars(select(Override).where(Override.ended_at.is_(None))).all() == []


@pytest.fixture
def asked(desk: Desk) -> int:
    """An open request about 2.1."""
    with desk.course.database.write() as session:
        return requests.ask(session, desk.viewers["s00000"], desk.submission, "2.1", "Look again.").id


def answer(desk: Desk, asked: int, **fields: Any) -> httpx.Response:
    return desk.as_("ann").send("POST", f"{REQUESTS}/{asked}", data=fields)


@pytest.mark.parametrize(("score", "wish"), [("0.1", "0.1"), ("", "unchanged points")])
def test_an_answer_about_points_that_have_changed_is_refused(desk: Desk, asked: int, score: str, wish: str) -> None:
    fields = hidden_fields(desk.as_("ann").get(REQUESTS).text, f"/requests/{asked}")
    desk.decide("tom", 0.4, "By the way.")
    refused = answer(desk, asked, score=score, answer="It is <fine>.", **fields)
    _, stands, wanted = conflict(refused)
    assert stands.startswith("0.4 · ")
    assert wanted == f"{wish} It is <fine>."
    assert 'value="It is &lt;fine&gt;."' in refused.text
    assert "at the time of the request" in refused.text
    again = hidden_fields(refused.text, f"/requests/{asked}")
    assert answer(desk, asked, score=score, answer="It is <fine>.", **again).status_code == 303
    assert desk.overrides() == [("ann", "2.1", 0.1) if score else ("tom", "2.1", 0.4)]


def test_an_answer_to_what_another_has_answered_is_kept_in_a_form(desk: Desk, asked: int) -> None:
    fields = hidden_fields(desk.as_("ann").get(REQUESTS).text, f"/requests/{asked}")
    with desk.course.database.write() as session:
        requests.answer(session, desk.viewers["tom"], asked, NewAnswer(answer="Half of it.", score=0.4))
    refused = answer(desk, asked, score="0.1", answer="A little.", **fields)
    assert refused.status_code == 409
    assert "tom" in refused.text
    assert "Half of it." in refused.text
    form = re.search(r'<form class="override"[^>]*questions/2.1">(.*?)</form>', refused.text, re.DOTALL)
    assert form is not None
    entered = dict(re.findall(r'name="(\w+)"[^>]*?value="([^"]*)"', form[1]))
    assert (entered["score"], entered["reason"]) == ("0.1", "A little.")
    assert desk.form("ann", **entered).status_code == 303
    assert desk.overrides() == [("ann", "2.1", 0.1)]


@pytest.mark.parametrize("where", [PAGE, f"{QUEUE}?submission=SUBMISSION&question=2.1"])
def test_threads_on_other_pages_send_what_they_show(desk: Desk, asked: int, where: str) -> None:
    page = desk.as_("ann").get(where.replace("SUBMISSION", str(desk.submission))).text
    assert hidden_fields(page, f"/requests/{asked}")["revision"] == desk.revision()


def test_a_decision_about_nothing_is_not_found(desk: Desk) -> None:
    path = f"/dashboard/hw13/submissions/{uuid.uuid4()}/questions/2.1"
    form = {"score": "0.1", "reason": "x", "revision": desk.revision()}
    assert desk.as_("ann").send("POST", path, data=form).status_code == 404
