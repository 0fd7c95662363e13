"""What graders do at the review desk, over HTTP on both databases, with a class of plain rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from app.db.engine import Database
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
