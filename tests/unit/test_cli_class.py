"""A class from the command line: people, tokens, extensions, scores and regrades, on a database without a service."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.db.engine import Database
from app.settings import Settings
from tests import class_rows
from tests.command_line import assay

ROOT = Path(__file__).parents[2]
Printed = Callable[..., Any]


@pytest.fixture
def printed(tmp_path: Path) -> Printed:
    """Runs a command on a class of three, and returns its JSON, or the line of its error."""
    folder = shutil.copytree(ROOT / "grader/assignments/hw13", tmp_path / "hw13", symlinks=False)
    text = (folder / "assignment.toml").read_text(encoding="utf-8")
    (folder / "assignment.toml").write_text(
        text.replace("[schedule]", "[schedule]\ndeadline = 2026-05-01T12:00:00+00:00"), encoding="utf-8"
    )
    data = {"ASSAY_DATA_DIR": str(tmp_path / "data")}

    def run(*words: str) -> Any:
        ended = assay(*words, "--json", **data)
        return json.loads(ended.stdout) if ended.returncode == 0 else ended.stderr

    run("migrate")
    run("assignment", "publish", str(folder))
    run("users", "add", "admin", "Ada Admin", "--role", "admin")
    database = Database(Settings(data_dir=tmp_path / "data"))
    class_rows.enrol(database, 3, 1)
    database.close()
    return run


def test_people_are_added_listed_and_changed(printed: Printed) -> None:
    assert printed("users", "add", "tom", "Tom Wu", "--role", "ta")["token"].startswith("assay_")
    assert [row["login"] for row in printed("users", "list")] == ["admin", "s00000", "s00001", "s00002", "tom"]
    printed("users", "edit", "tom", "--name", "Tom W.", "--role", "admin", "--student-id", "T1")
    staff = printed("users", "list", "--role", "admin")
    assert staff[1] == {"login": "tom", "name": "Tom W.", "role": "admin", "student_id": "T1"}
    assert printed("users", "edit", "tom", "--student-id", "")[0]["student_id"] is None
    assert "The login tom is taken" in printed("users", "add", "tom", "Tim")
    assert "is not a login" in printed("users", "add", "a b", "Tim")


def test_tokens_are_listed_and_revoked(printed: Printed) -> None:
    printed("tokens", "create", "s00000")
    [link] = printed("tokens", "links", "s00000", "--url", "https://assay.example.edu/")
    assert link["link"].startswith("https://assay.example.edu/login/link#assay_link_")
    rows = printed("tokens", "list", "s00000")
    assert [(row["kind"], row["revoked"]) for row in rows] == [("link", None), ("token", None)]
    assert printed("tokens", "revoke", rows[1]["id"]) == {"revoked": 1}
    assert len(printed("tokens", "links", "--url", "https://assay.example.edu")) == 3
    assert printed("tokens", "revoke", "--links") == {"revoked": 4}
    assert all(row["revoked"] for row in printed("tokens", "list", "s00000"))
    assert "--links" in printed("tokens", "revoke")
    assert "ASSAY_PUBLIC_URL" in printed("tokens", "links")


def test_extensions_are_granted_to_all_or_none(printed: Printed) -> None:
    def grant(*logins: str, until: str = "2026-06-01T23:59+08:00") -> Any:
        return printed("extensions", "grant", "hw13", *logins, "--until", until, "--reason", "ill")

    granted = grant("s00000", "s00002")
    assert [row["student"] for row in granted] == ["s00000", "s00002"]
    assert granted[0]["deadline"] == "2026-06-01T15:59+00:00"
    assert "nobody" in grant("s00001", "nobody")
    assert [row["student"] for row in printed("extensions", "list", "hw13")] == ["s00000", "s00002"]
    assert "is not after the deadline" in grant("s00001", until="2026-04-01")
    assert "2026-12-24T23:59+08:00" in grant("s00001", until="tomorrow")
    assert [row["student"] for row in printed("extensions", "remove", "hw13", "s00000")] == ["s00002"]
    assert "is a student" in printed("extensions", "remove", "hw13", "s00002", "--by", "s00001")


def test_scores_are_shown(printed: Printed) -> None:
    rows = printed("scores", "hw13")
    assert [row["student"] for row in rows] == ["s00000", "s00001", "s00002"]
    waiting = [row["student"] for row in rows if row["needs_review"]]
    assert [row["student"] for row in printed("scores", "hw13", "--review")] == waiting
    assert "hw99" in printed("scores", "hw99")
    printed("users", "enrol", "s00001", "--section", "B")
    assert [row["student"] for row in printed("scores", "hw13", "--section", "B")] == ["s00001"]


def test_a_regrade_is_started_shown_and_cancelled(printed: Printed) -> None:
    started = printed("regrades", "start", "hw13", "--question", "2.1", "--where", "student=s00001")
    assert (started["total"], started["questions"], started["created_by"]) == (1, ["2.1"], "admin")
    assert printed("regrades", "show", started["id"])["changes"] == []
    assert "open" in printed("regrades", "start", "hw13")
    assert "only one in state preview can be published" in printed("regrades", "publish", started["id"])
    assert printed("regrades", "cancel", started["id"])["state"] == "cancelled"
    assert [row["state"] for row in printed("regrades", "list")] == ["cancelled"]
    assert "assay regrades list" in printed("regrades", "show", "17")
    assert "where.verdict" in printed("regrades", "start", "hw13", "--where", "verdict=odd")


def test_rows_stand_in_columns_for_people(tmp_path: Path) -> None:
    data = {"ASSAY_DATA_DIR": str(tmp_path)}
    assay("migrate", **data)
    assert assay("users", "list", **data).stderr == "none\n"
    assay("users", "add", "b1", "Ada Lin", **data)
    assert assay("users", "list", **data).stdout.splitlines() == [
        "login  name     role     student_id",
        "b1     Ada Lin  student  -",
    ]
    assert assay("--version").stdout.startswith("assay ")
    assert "Examples" in assay("grade", "-h").stdout
