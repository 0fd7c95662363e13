"""`assay course` on a database without a service."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import assay

HW13 = str(Path(__file__).parents[2] / "grader/assignments/hw13")
Printed = Callable[..., Any]


@pytest.fixture
def printed(tmp_path: Path) -> Printed:
    """Runs a command and returns its JSON, or the line of its error."""
    data = {"ASSAY_DATA_DIR": str(tmp_path / "data")}

    def run(*words: str) -> Any:
        ended = assay(*words, "--json", **data)
        return json.loads(ended.stdout) if ended.returncode == 0 else ended.stderr

    run("migrate")
    run("users", "add", "admin", "Ada Admin", "--role", "admin")
    return run


def test_the_life_of_a_course(printed: Printed, tmp_path: Path) -> None:
    [added] = printed("course", "add", "ml27", "Machine learning", "--term", "2027", "--time-zone", "Asia/Taipei")
    assert (added["title"], added["time_zone"], added["archived_at"]) == ("Machine learning", "Asia/Taipei", None)
    assert "There is a course ml27 already" in printed("course", "add", "ml27", "Twice")
    assert "time_zone: this is no time zone" in printed("course", "edit", "ml27", "--time-zone", "Moon/Crater")
    assert "slug: " in printed("course", "add", "Ml.27", "Name")
    assert printed("course", "edit", "ml27", "--term", "Spring")[0]["term"] == "Spring"
    assert printed("assignment", "publish", HW13, "--course", "ml27")["slug"] == "ml27.hw13"
    assert "There is no course 'ml99'" in printed("assignment", "publish", HW13, "--course", "ml99")
    copied = printed("course", "copy", "ml27", "ml28", "Next", "--shift-days", "364")
    assert [row["slug"] for row in copied["assignments"]] == ["ml28.hw13"]
    printed("users", "add", "tom", "Tom", "--role", "ta")
    assert "is no admin" in printed("course", "copy", "ml27", "ml29", "Next", "--by", "tom")
    assert printed("course", "archive", "ml27")[0]["archived_at"] is not None
    assert "archived and read-only" in printed("assignment", "release", "ml27.hw13")
    grant = ("extensions", "grant", "ml27.hw13", "tom", "--until", "2031-01-01", "--reason", "ill")
    assert "archived and read-only" in printed(*grant)
    assert "archived and read-only" in printed("assignment", "publish", HW13, "--course", "ml27")
    archive = tmp_path / "ml27.zip"
    data = {"ASSAY_DATA_DIR": str(tmp_path / "data")}
    assert assay("course", "export", "ml27", "--out", str(archive), **data).returncode == 0
    with zipfile.ZipFile(archive) as opened:
        assert "hw13/scores.csv" in opened.namelist()
    assert "File exists" in assay("course", "export", "ml27", "--out", str(archive), **data).stderr
    assert assay("course", "export", "ml99", "--out", str(tmp_path / "no.zip"), **data).returncode == 2
    assert not (tmp_path / "no.zip").exists()
    assert printed("course", "delete", "ml27")[0]["deleted"] == "no"
    assert "nothing was deleted" in printed("course", "delete", "ml27", "--yes", "main")
    assert "Archive the course first" in printed("course", "delete", "ml28", "--yes", "ml28")
    assert printed("course", "delete", "ml27", "--yes", "ml27")[0] == {
        "course": "ml27", "assignments": "1", "submissions": "0", "enrolments": "0", "deleted": "yes"
    }  # fmt: skip
    assert [row["course"] for row in printed("course", "list")] == ["main", "ml28"]
    assert printed("course", "restore", "ml28")[0]["archived_at"] is None
    assert printed("audit", "verify")["broken"] is None
