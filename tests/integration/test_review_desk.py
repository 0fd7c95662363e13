"""What graders do at the review desk, over HTTP on both databases, with a class of plain rows."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from app.auth.viewer import Viewer
from app.db.engine import Database
from app.scores import service as scores
from app.scores.review_items import service as review_items
from app.scores.review_items.schemas import ItemValues
from app.users import service as users
from app.users.models import Role
from tests import class_rows
from tests.integration.service import Client, Service, assert_problem

NUMBER = "3.1"


@dataclass
class Desk:
    """A class whose question 3.1 waits for review, a grader, and the submissions by student."""

    service: Service
    grader: Client
    submissions: dict[str, str]

    def question(self, student: str, path: str = "") -> str:
        """The address of the question of a student."""
        return f"/submissions/{self.submissions[student]}/questions/{NUMBER}{path}"

    def report(self, student: str) -> dict[str, Any]:
        """The question in the report of a student."""
        report = self.grader.report(self.submissions[student])
        question: dict[str, Any] = next(row for row in report["questions"] if row["number"] == NUMBER)
        return question

    def audit(self) -> dict[str, Any]:
        """The last entry of the audit log."""
        entry: dict[str, Any] = self.service.admin.get("/admin/audit").json()["items"][0]
        return entry


@pytest.fixture(scope="module")
def desk(api: Service) -> Desk:
    database = Database(api.settings)
    class_rows.enrol(database, 12, 1)
    database.close()
    grader = api.person("ta")
    rows = grader.http.get("/scores", params={"assignment": "hw13"}).json()
    return Desk(api, grader, {row["student"]: row["submission"] for row in rows if row["submission"]})


def test_points_are_confirmed(desk: Desk) -> None:
    path = desk.question("s00000", "/confirmation")
    http = desk.grader.http
    assert_problem(http.put(path, json={}, headers={"If-Match": '"a"'}), 412, "changed-meanwhile")
    assert_problem(desk.service.person().http.put(path, json={}), 403, "forbidden")
    tag = http.get(f"/submissions/{desk.submissions['s00000']}").headers["etag"]
    confirmed = http.put(path, json={"reason": " Nice. "}, headers={"If-Match": tag}).json()
    assert confirmed["score"] == desk.report("s00000")["score"]
    override = confirmed["override"]
    assert (override["kind"], override["text"]) == ("confirmed", f"Checked by {desk.grader.login}: Nice.")
    assert desk.audit()["action"] == "override.confirm"
    assert_problem(http.put(path, json={}), 409, "nothing-to-confirm")
    row = next(row for row in http.get("/scores?assignment=hw13").json() if row["student"] == "s00000")
    cell = row["questions"][NUMBER]
    assert (cell["confirmed"], cell["overridden"]) == (True, False)
    assert http.delete(desk.question("s00000", "/override")).status_code == 204
    assert desk.report("s00000")["verdict"] == "needs_review"


def add(desk: Desk, english: str, deduction: float, **more: Any) -> dict[str, Any]:
    """Add a review item to the question."""
    new = {"question": NUMBER, "text": {"en": english}, "deduction": deduction, **more}
    answer = desk.grader.http.post("/assignments/hw13/review-items", json=new)
    assert answer.status_code == 201, answer.text
    item: dict[str, Any] = answer.json()
    return item


def give(desk: Desk, student: str, *items: int, **more: Any) -> dict[str, Any]:
    """Give items to the question of a student."""
    answer = desk.grader.http.put(desk.question(student, "/review-items"), json={"items": items, **more})
    assert answer.status_code == 200, answer.text
    question: dict[str, Any] = answer.json()
    return question


def values(item: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The values of an item with some of them changed."""
    return {name: item[name] for name in ("text", "deduction", "key", "retired")} | changes


def test_a_changed_item_changes_everyone_who_has_it_and_back(desk: Desk) -> None:
    http = desk.grader.http
    axis = add(desk, "No <axis>.", 0.25, text={"en": "No <axis>.", "zh-Hant": "缺軸"})
    short, right = add(desk, "Too few ratios.", 0.5), add(desk, "Right.", 0)
    assert [item["key"] for item in (axis, short, right)] == [1, 2, 3]
    assert give(desk, "s00001", axis["id"], reason="See the forum.")["score"] == 0.75
    both = give(desk, "s00002", short["id"], axis["id"])
    assert both["score"] == 0.25
    assert give(desk, "s00003", right["id"])["verdict"] == "full"
    assert give(desk, "s00004")["score"] == 1.0
    assert both["override"]["items"] == [
        {"id": axis["id"], "text": "No <axis>.", "deduction": 0.25},
        {"id": short["id"], "text": "Too few ratios.", "deduction": 0.5},
    ]
    path = f"/review-items/{axis['id']}"
    new = values(axis, text={"en": "Axes without labels."}, deduction=0.8)
    preview = http.post(f"{path}/preview", json=new).json()
    rows = [(row["student"], row["old"], row["new"]) for row in preview["effects"]]
    assert rows == [("s00001", 0.75, 0.2), ("s00002", 0.25, 0.0)]
    assert (preview["students"], preview["up"], preview["down"], preview["mean"]) == (2, 0, 2, -0.4)
    assert desk.report("s00001")["score"] == 0.75
    # Whoever gets the item between preview and publishing is changed as well; a decision by hand in between is not.
    assert give(desk, "s00005", axis["id"])["score"] == 0.75
    http.put(desk.question("s00002", "/override"), json={"score": 0.9, "reason": "By hand."})
    before = http.get(f"/submissions/{desk.submissions['s00001']}").headers["etag"]
    tag = http.get(path).headers["etag"]
    assert len(http.put(path, json=new, headers={"If-Match": tag}).json()["effects"]) == 2
    points = [desk.report(student)["score"] for student in ("s00001", "s00002", "s00005", "s00003")]
    assert points == [0.2, 0.9, 0.2, 1.0]
    override = desk.report("s00001")["override"]
    assert (override["items"][0]["text"], override["by"]) == ("Axes without labels.", desk.grader.login)
    assert override["text"] == f"Reviewed by {desk.grader.login}: See the forum."
    assert http.get(f"/submissions/{desk.submissions['s00001']}").headers["etag"] != before
    entry = desk.audit()
    assert (entry["action"], entry["detail"]["changed"]) == ("review_item.change", 2)
    assert_problem(http.put(path, json=new, headers={"If-Match": tag}), 412, "review-item-changed")
    reverted = http.post(f"{path}/revert", headers={"If-Match": http.get(path).headers["etag"]})
    assert reverted.status_code == 200, reverted.text
    assert [desk.report(student)["score"] for student in ("s00001", "s00002", "s00005")] == [0.75, 0.9, 0.75]
    assert desk.report("s00001")["override"]["items"][0]["text"] == "No <axis>."
    changes = http.get(f"{path}/changes").json()
    assert [(row["before"]["deduction"], row["after"]["deduction"], row["changed"]) for row in changes] == [
        (0.8, 0.25, 2),
        (0.25, 0.8, 2),
    ]


def test_what_makes_no_sense_of_an_item_is_refused(desk: Desk) -> None:
    http = desk.grader.http
    item = add(desk, "Late.", 0.1, key=7)
    path = f"/review-items/{item['id']}"
    for wrong, status, slug in (
        (values(item, deduction=1.5), 422, "points-out-of-range"),
        (values(item, text={"zh-Hant": "遲"}), 422, None),
        (values(item, text={"en": "x", "fr": "x"}), 422, None),
        (values(item, key=1), 409, "key-taken"),
        (values(item, key=0), 422, None),
    ):
        assert_problem(http.put(path, json=wrong), status, slug)
        assert_problem(http.post(f"{path}/preview", json=wrong), status, slug)
    assert_problem(http.post(f"{path}/revert"), 409, "review-item-never-changed")
    other = {"question": "9.9", "text": {"en": "x"}, "deduction": 0}
    assert_problem(http.post("/assignments/hw13/review-items", json=other), 404, "question-not-found")
    elsewhere = http.put(desk.question("s00006").replace(NUMBER, "2.1") + "/review-items", json={"items": [item["id"]]})
    assert_problem(elsewhere, 404, "review-item-not-found")
    retired = http.put(path, json=values(item, retired=True))
    assert retired.status_code == 200
    assert http.get(path).json()["key"] is None
    answer = http.put(desk.question("s00006", "/review-items"), json={"items": [item["id"]]})
    assert_problem(answer, 404, "review-item-not-found")
    student = desk.service.person().http
    assert_problem(student.get("/assignments/hw13/review-items"), 403, "forbidden")
    assert_problem(student.put(path, json=values(item)), 403, "forbidden")


def test_an_undo_brings_back_items_as_they_are_now(desk: Desk) -> None:
    http = desk.grader.http
    item = add(desk, "Blurred.", 0.3)
    give(desk, "s00007", item["id"])
    http.put(desk.question("s00007", "/override"), json={"score": 1, "reason": "No."})
    assert http.put(f"/review-items/{item['id']}", json=values(item, deduction=0.4)).status_code == 200
    database = Database(desk.service.settings)
    with database.write() as session:
        viewer = Viewer.of(users.find(session, desk.grader.login))
        scores.undo(session, viewer, uuid.UUID(desk.submissions["s00007"]), NUMBER, decision=None)
    database.close()
    assert desk.report("s00007")["score"] == 0.6


def test_a_grader_changes_no_item_of_an_own_submission(desk: Desk) -> None:
    item = add(desk, "Too long.", 0.2)
    give(desk, "s00008", item["id"])
    database = Database(desk.service.settings)
    with database.write() as session:
        users.find(session, "s00008").role = Role.TA
        session.flush()
        viewer = Viewer.of(users.find(session, "s00008"))
        of_item = ItemValues(text={"en": "Too long."}, deduction=0)
        with pytest.raises(scores.OwnScore):
            review_items.change(session, viewer, item["id"], of_item, revision=None)
        users.find(session, "s00008").role = Role.STUDENT
    database.close()


def test_a_comment_without_points_is_read_until_it_is_removed(desk: Desk) -> None:
    http, path = desk.grader.http, desk.question("s00009", "/comments")
    before = desk.report("s00009")
    tag = http.get(f"/submissions/{desk.submissions['s00009']}").headers["etag"]
    comment = http.post(path, json={"text": " Label <both> axes. "})
    assert comment.status_code == 201
    report = desk.report("s00009")
    shown = [(row["text"], row["by"]) for row in report["comments"]]
    assert shown == [("Label <both> axes.", desk.grader.login)]
    assert report | {"comments": []} == before
    assert http.get(f"/submissions/{desk.submissions['s00009']}").headers["etag"] != tag
    assert_problem(http.post(path, json={"text": " "}), 422)
    assert_problem(desk.service.person().http.post(path, json={"text": "x"}), 403, "forbidden")
    assert_problem(http.post(path.replace(NUMBER, "9.9"), json={"text": "x"}), 404, "question-not-found")
    removed = f"/submissions/{desk.submissions['s00009']}/comments/{comment.json()['id']}"
    other = removed.replace(desk.submissions["s00009"], desk.submissions["s00010"])
    assert_problem(http.delete(other), 404, "comment-not-found")
    assert http.delete(removed).status_code == 204
    assert_problem(http.delete(removed), 404, "comment-not-found")
    assert desk.report("s00009") == before


def test_a_saved_comment_is_there_for_all_graders(desk: Desk) -> None:
    path, new = "/assignments/hw13/saved-comments", {"question": NUMBER, "text": "See slide 12."}
    saved = [desk.grader.http.post(path, json=new).json()["id"] for _ in range(2)]
    assert saved[0] == saved[1]
    other = desk.service.person("ta").http
    assert [row["text"] for row in other.get(path).json()] == ["See slide 12."]
    assert other.delete(f"{path}/{saved[0]}").status_code == 204
    assert_problem(other.delete(f"{path}/{saved[0]}"), 404, "comment-not-found")
