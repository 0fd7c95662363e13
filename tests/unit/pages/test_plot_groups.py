"""Plots in groups: who stands with whom, one decision for a group, and its undo."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from html import unescape
from typing import Any

import httpx
import pytest
from sqlalchemy import inspect, select, update

from app.auth.viewer import Viewer
from app.db.base import Base
from app.http.authentication import optional_viewer
from app.scores import repository
from app.scores import service as scores
from app.scores.claims import service as claims
from app.scores.models import Override, StoredScore
from app.submissions.models import StoredEvidence, Submission
from app.users import service as users
from app.users.models import Role, User
from grader.picture_fingerprint import SIDE
from tests.unit.pages.conftest import Course

PLOTS = "/dashboard/hw13/plots"
EMPTY = "0" * (SIDE * SIDE)


def digits(*cells: int) -> str:
    """A fingerprint with ink in some rows of cells."""
    return "".join(("f" if n // SIDE in cells else "0") for n in range(SIDE * SIDE))


class Class:
    """Students with a plot each, all waiting, and two assistants."""

    def __init__(self, course: Course, students: int) -> None:
        self.course = course
        course.enrol(students, 1)
        with course.database.write() as session:
            query = select(User.login, Submission.id).join(User, User.id == Submission.user_id).order_by(User.login)
            self.submissions: dict[str, uuid.UUID] = dict(session.execute(query).all())
            people = [
                users.create_user(session, login=name, name=name, role=Role.TA, actor="test") for name in ("tom", "ann")
            ]
            self.viewers = {person.login: Viewer.of(person) for person in people}

    def draw(self, logins: Sequence[str], fingerprint: str | None, sha256: str = "", **facts: bool) -> None:
        """Give these students this picture."""
        with self.course.database.write() as session:
            for login in logins:
                score = session.get_one(StoredScore, (self.submissions[login], "3.1"))
                picture = {"format": "PNG", "width": 4, "height": 3, "sha256": sha256 or login, **facts}
                data = score.evidence.data | {"picture": picture | {"fingerprint": fingerprint}}
                session.execute(update(StoredEvidence).where(StoredEvidence.id == score.evidence_id).values(data=data))

    def as_(self, login: str) -> Course:
        self.course.app.dependency_overrides[optional_viewer] = lambda: self.viewers[login]
        return self.course

    def members(self, login: str) -> dict[str, str]:
        """By student the value of the tick mark in the group of this student."""
        page = self.as_("ann").get(f"{PLOTS}/3.1/{self.submissions[login]}").text
        marks = re.findall(r'name="member" value="([^"]+)" aria-label="Decide on the plot of (\w+)"( checked)?', page)
        return {who: value for value, who, _ in marks}

    def decide(
        self,
        members: Sequence[str],
        score: str = "0.5",
        login: str = "ann",
        reason: str = "No axis.",
        step: str = "decide",
    ) -> httpx.Response:
        data = {"member": list(members), "score": score, "reason": reason, "step": step}
        return self.as_(login).send("POST", f"{PLOTS}/3.1/{self.submissions['s00000']}", data=data)

    def points(self) -> dict[str, float]:
        """The points set by hand that stand, by student."""
        with self.course.database.read() as session:
            rows = repository.overrides(session, list(self.submissions.values()))
        return {login: rows[one]["3.1"].score for login, one in self.submissions.items() if "3.1" in rows.get(one, {})}


@pytest.fixture
def graded(course: Course) -> Class:
    """A group of 12 with one copied plot, two unclear ones and one of its own."""
    graded = Class(course, 15)
    logins = list(graded.submissions)
    graded.draw(logins[:12], digits(1, 2, 3))
    graded.draw(logins[12:14], None, blank=True)
    graded.draw(logins[14:], digits(9, 10, 11))
    return graded


def test_near_identical_plots_stand_together_and_so_do_those_without_a_curve(graded: Class) -> None:
    logins = list(graded.submissions)
    page = graded.as_("ann").get(PLOTS).text
    assert "12 plots, 12 to review" in page
    assert "2 plots, 2 to review" in page
    assert "Plots in no group: 1." in page
    assert set(graded.members("s00003")) == set(logins[:12])
    assert set(graded.members("s00012")) == set(logins[12:14])
    similar = graded.course.get("/dashboard/hw13/similarity").text
    assert "3.1: 12 students" in similar
    assert similar.count("/dashboard/hw13/plots/3.1/") == 1
    alone = graded.course.get(f"{PLOTS}/3.1/{graded.submissions['s00014']}")
    assert alone.status_code == 404


def test_pictures_from_before_fingerprints_are_alike_if_they_are_the_same(graded: Class) -> None:
    graded.draw(["s00000", "s00001"], None, sha256="a" * 64)
    assert set(graded.members("s00001")) == {"s00000", "s00001"}


def test_a_group_of_twelve_is_decided_and_undone_as_one(graded: Class) -> None:
    members = graded.members("s00000")
    answer = graded.decide(list(members.values()))
    assert answer.status_code == 303
    assert graded.points() == dict.fromkeys(list(graded.submissions)[:12], 0.5)
    page = graded.course.get(answer.headers["location"]).text
    assert "0.5 points for 12 plots of question 3.1, by ann." in page
    assert "were left" not in page
    assert "12 plots, 0 to review" in graded.course.get(PLOTS).text
    undo = f"{answer.headers['location']}/undo"
    assert graded.as_("tom").send("POST", undo).status_code == 303
    assert graded.points() == {}
    assert "Undone by tom." in graded.course.get(answer.headers["location"]).text
    assert graded.course.send("POST", undo).status_code == 409
    with graded.course.database.read() as session:
        assert len(session.scalars(select(Override)).all()) == 12


def copied(row: Base, *without: str) -> dict[str, Any]:
    """The values of a row but for some columns."""
    return {column.key: getattr(row, column.key) for column in inspect(type(row)).columns if column.key not in without}


def test_a_decision_names_a_student_whose_attempt_counts_no_longer(graded: Class) -> None:
    answer = graded.decide(list(graded.members("s00000").values()))
    with graded.course.database.write() as session:
        first = session.get_one(Submission, graded.submissions["s00000"])
        scores_of = select(StoredScore).where(StoredScore.submission_id == first.id)
        better = Submission(**copied(first, "id", "attempt"), attempt=2)
        session.add(better)
        session.flush()
        for row in session.scalars(scores_of).all():
            session.add(
                StoredScore(**copied(row, "submission_id", "score"), submission_id=better.id, score=row.max_score)
            )
    page = graded.course.get(answer.headers["location"]).text
    assert ">s00000 Student 0</a>" in page


def test_a_group_decision_says_first_how_many_students_it_changes(graded: Class) -> None:
    members, tom = graded.members("s00000"), graded.viewers["tom"]
    with graded.course.database.write() as session:
        scores.override(session, tom, graded.submissions["s00001"], "3.1", score=0.5, reason="Before.")
    members |= {"s00001": graded.members("s00000")["s00001"]}
    with graded.course.database.write() as session:
        scores.override(session, tom, graded.submissions["s00002"], "3.1", score=1, reason="Meanwhile.")
    del members["s00005"]
    before = graded.points()
    first = graded.decide(list(members.values()), reason="No <axis>.", step="preview")
    assert first.status_code == 200
    assert graded.points() == before
    for words in (
        "Give 0.5 points to 10 students?",
        "Points that change: 9. Students who have these points already: 1",
        "Left as they are: 1",
        "No &lt;axis&gt;.",
    ):
        assert words in first.text
    assert first.text.count("<img ") == 11
    back = graded.decide(list(members.values()), reason="No <axis>.", step="back")
    assert (back.status_code, back.text.count(" checked>")) == (200, 11)
    assert 'name="reason" id="reason" maxlength="2000" required value="No &lt;axis&gt;."' in back.text
    assert graded.points() == before
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', first.text)
    data: dict[str, list[str]] = {"step": ["decide"]}
    for name, value in fields:
        data.setdefault(name, []).append(unescape(value))
    decided = graded.course.send("POST", f"{PLOTS}/3.1/{graded.submissions['s00000']}", data=data)
    assert decided.status_code == 303
    assert len(graded.points()) == 11
    with graded.course.database.read() as session:
        (override,) = [row for row in session.scalars(select(Override)) if row.score == 0.5][-1:]
    assert override.reason == "No <axis>."
    for step in ("preview", "back"):
        assert graded.decide([], step=step).status_code == 422
    assert graded.decide(list(members.values()), score="9", step="preview").status_code == 422
    assert graded.decide(list(members.values()), step="x").status_code == 422


def test_a_plot_that_another_grader_has_open_is_marked_and_not_ticked(graded: Class) -> None:
    with graded.course.database.write() as session:
        claims.renew(session, graded.viewers["tom"], graded.submissions["s00002"], "3.1")
    path = f"{PLOTS}/3.1/{graded.submissions['s00000']}"
    page = graded.as_("ann").get(path).text
    assert page.count("tom has this open now.") == 1
    assert page.count(" checked>") == 11
    assert graded.as_("tom").get(path).text.count(" checked>") == 12


def test_left_out_and_changed_plots_keep_their_points_and_the_changed_are_named(graded: Class) -> None:
    members = graded.members("s00000")
    with graded.course.database.write() as session:
        scores.override(session, graded.viewers["tom"], graded.submissions["s00002"], "3.1", score=1, reason="Good.")
    del members["s00005"]
    page = graded.course.get(graded.decide(list(members.values())).headers["location"]).text
    assert graded.points() == {**dict.fromkeys([f"s{n:05}" for n in range(12) if n != 5], 0.5), "s00002": 1}
    left = page[page.index("These plots were left as they are (1)") :]
    assert "s00002" in left
    assert "1 points by tom" in left
    assert "10 plots" in page


def test_an_undo_keeps_a_later_decision_and_restores_an_earlier_one(graded: Class) -> None:
    tom = graded.viewers["tom"]
    with graded.course.database.write() as session:
        scores.override(session, tom, graded.submissions["s00001"], "3.1", score=0.25, reason="Before.")
    location = graded.decide(list(graded.members("s00000").values())).headers["location"]
    with graded.course.database.write() as session:
        scores.override(session, tom, graded.submissions["s00002"], "3.1", score=1, reason="Later.")
    graded.course.send("POST", f"{location}/undo")
    assert graded.points() == {"s00001": 0.25, "s00002": 1}
    page = graded.course.get(location).text
    assert "These plots keep a later decision (1)" in page


def test_a_slip_is_refused_and_what_was_typed_stays(graded: Class) -> None:
    values = list(graded.members("s00000").values())
    for answer in (
        graded.decide([]),
        graded.decide(values[:2], score="9"),
        graded.decide(values[:2], score="much"),
        graded.decide(values[:2], reason=" "),
        graded.decide([f"{uuid.uuid4()} x"]),
        graded.decide(["x 0.5:full:1:2"]),
    ):
        assert answer.status_code == 422
        assert "No axis." in answer.text or 'value=" "' in answer.text
    assert graded.points() == {}
    refused = graded.decide(values[:2], score="9").text
    assert refused.count(" checked>") == 2
    unknown = f"{uuid.uuid4()} {values[0].split()[1]}"
    assert graded.decide([values[0], unknown]).status_code == 404
    assert graded.points() == {}


def test_a_student_reaches_no_group(graded: Class) -> None:
    with graded.course.database.read() as session:
        graded.viewers["s00000"] = Viewer.of(users.find(session, "s00000"))
    for method, path in (("GET", PLOTS), ("GET", f"{PLOTS}/decisions/1"), ("POST", f"{PLOTS}/decisions/1/undo")):
        assert graded.as_("s00000").send(method, path).status_code == 403
