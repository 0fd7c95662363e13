"""`assay assignment check`, `assay assignment publish` and `assay audit verify` as commands, on both databases."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select, text

from app.assignments.models import PublishedAssignment
from app.audit.models import AuditEntry
from app.db.engine import Database
from app.scores import withholding
from app.settings import Settings
from grader import assignment_check
from grader.assignment import ASSIGNMENTS
from tests import command_line
from tests.command_line import Ended
from tests.integration.service import variables

MAIN = "assignment.toml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A course's own copy of the worked assignment."""
    return Path(shutil.copytree(ASSIGNMENTS / "hw13", tmp_path / "hw13"))


def replace(folder: Path, old: str, new: str, file: str = MAIN) -> None:
    found = (folder / file).read_text()
    assert old in found
    (folder / file).write_text(found.replace(old, new, 1))


def line_of(folder: Path, words: str) -> int:
    lines = (folder / MAIN).read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if words in line)


def assay(settings: Settings, *arguments: object) -> Ended:
    """Run the command line."""
    return command_line.assay(*map(str, arguments), **variables(settings))


def test_the_worked_assignment_has_no_fault(folder: Path) -> None:
    found, faults = assignment_check.check(folder)
    assert (found and found.slug, faults) == ("hw13", ())


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        ("classes = 11", "classes = = 11", "classes = = 11", "Invalid value"),
        ("attempts_per_day = 20", "attempts_per_day = 0", "attempts_per_day = 0", "Input should be greater than 0"),
        ('parts = ["summary"]', 'parts = ["sumary"]', '"sumary"', "questions.2: parts: unknown parts"),
        ('check = "pruning"', 'check = "prune"', '"prune"', "question 3.1: check: there is no check 'prune'"),
        ('key = "softer"', 'key = "soft"', 'key = "soft"', "question 2.2: key: is one of harder, softer, not 'soft'"),
        ("rows_differ_points = 0.25", "rows_differ_points = 0.75", "rows_differ_points =", "0 to 0.5, not 0.75"),
        ("provisional_points = 1.0", "provisional_points = true", "provisional_points =", "not True"),
        (
            "provisional_points = 1.0",
            "provisional_points = 1.0\nbaseline_points = { best = 0.5 }",
            "baseline_points",
            "there is no baseline best",
        ),
        ('"kd.empty_body"', '"kd.empty_bdoy"', "empty_bdoy", "no known mistake"),
        ("default = { points = 0.25 }", "default = { points = 0.75 }", "default", "default: is worth 0 to 0.5 points"),
        ("default = { points = 0.25 }", "default = 0.25", "default = 0.25", "default: is worth 0 to 0.5 points"),
        ('cases = "kd_cases.json"', 'cases = "cases.json"', '"cases.json"', "names a file of the folder"),
        ('prelude = "prelude.py"', 'prelude = "before.py"', '"before.py"', "there is no file before.py"),
        ('number = "1.2"', 'number = "1.1"', None, "two questions have the same number"),
    ],
)
def test_a_fault_is_named_with_its_line(folder: Path, old: str, new: str, at: str | None, said: str) -> None:
    replace(folder, old, new)
    _, faults = assignment_check.check(folder)
    (fault,) = faults
    assert said in fault.what
    assert (fault.file, fault.line) == (MAIN, line_of(folder, at) if at else None)


def test_every_fault_of_the_data_is_told_at_once(folder: Path) -> None:
    replace(folder, 'key = "no"', 'key = "maybe"')
    replace(folder, "rows_differ_points = 0.25\n", "")
    replace(folder, '"fresh"', '"stale"', "kd_cases.json")
    (folder / "prelude.py").write_text("import math\ndef (:\n")
    _, faults = assignment_check.check(folder)
    assert [fault.file for fault in faults] == ["prelude.py", MAIN, MAIN, MAIN]
    assert faults[0].line == 2
    assert [fault.what.split(": ")[1] for fault in faults[1:]] == ["rows_differ_points", "cases", "key"]


def test_a_new_version_is_published_and_the_old_one_stays(settings: Settings, database: Database, folder: Path) -> None:
    replace(folder, 'key = "softer"', 'key = "harder"')
    refused = assay(settings, "assignment", "publish", folder)
    assert refused.returncode == 2
    assert "write `version = 2` into assignment.toml" in refused.stderr
    replace(folder, "version = 1\n", "version = 2\n")
    assert "hw13 version 2: 6 questions, 4 points" in assay(settings, "assignment", "check", folder).stdout
    for _ in range(2):
        done = assay(settings, "assignment", "publish", folder)
        assert (done.returncode, done.stderr) == (0, "")
        assert "hw13 version 2 now applies to new submissions" in done.stdout
    with database.read() as session:
        of_hw13 = select(PublishedAssignment.version).where(PublishedAssignment.slug == "hw13")
        versions = session.scalars(of_hw13.order_by(PublishedAssignment.id)).all()
    assert versions == [1, 2]
    replace(folder, 'key = "harder"', 'key = "neither"')
    broken = assay(settings, "assignment", "publish", folder)
    assert broken.returncode == 2
    assert f"{MAIN}:{line_of(folder, 'neither')}: question 2.2: key" in broken.stderr


def test_results_are_released_and_taken_back(settings: Settings, database: Database, folder: Path) -> None:
    replace(folder, "version = 1\n", "version = 2\n")
    replace(folder, 'number = "2.1"', 'number = "2.1"\ntell = "when released"')
    assert assay(settings, "assignment", "publish", folder).returncode == 0

    def is_withheld() -> bool:
        with database.read() as session:
            return withholding.withheld_in_class(session, "hw13") == {"2.1"}

    assert is_withheld()
    done = assay(settings, "assignment", "release", "hw13")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == "results of hw13 (2.1) released: students read them now"
    assert not is_withheld()
    done = assay(settings, "assignment", "release", "hw13", "--take-back", "--json")
    assert json.loads(done.stdout) == {"slug": "hw13", "released_at": None, "questions": ["2.1"]}
    assert is_withheld()
    for wrong in (["hw13", "--take-back"], ["hw14"]):
        refused = assay(settings, "assignment", "release", *wrong)
        assert refused.returncode == 2
        assert refused.stderr.startswith("assay: ")
        assert "Traceback" not in refused.stderr
    with database.read() as session:
        entries = session.execute(select(AuditEntry.action, AuditEntry.actor).order_by(AuditEntry.id)).all()
    assert entries[-2:] == [(f"scores.{action}", "assay assignment release") for action in ("release", "take_back")]


def test_a_folder_that_is_none_is_one_line(settings: Settings, tmp_path: Path) -> None:
    for where in (tmp_path, tmp_path / "nowhere"):
        answer = assay(settings, "assignment", "check", where)
        assert answer.returncode == 2
        assert f"{where}: there is no {MAIN}" in answer.stderr
        assert "Traceback" not in answer.stderr


def test_the_audit_chain_is_verified(settings: Settings, database: Database, folder: Path) -> None:
    replace(folder, "version = 1\n", "version = 2\n")
    assert assay(settings, "assignment", "publish", folder).returncode == 0
    replace(folder, "version = 2\n", "version = 3\n")
    assert assay(settings, "assignment", "publish", folder).returncode == 0
    whole = assay(settings, "audit", "verify")
    assert (whole.returncode, whole.stdout.split(" (")[0]) == (0, "the chain is intact up to entry 2")
    with database.write() as session:
        session.execute(text("UPDATE audit SET actor = 'somebody else' WHERE id = 1"))
    broken = assay(settings, "audit", "verify")
    assert broken.returncode == 1
    assert "entry 1 does not fit" in broken.stderr
    with database.write() as session:
        session.execute(text("DELETE FROM audit WHERE id = 1"))
    assert "entry 2 does not fit" in assay(settings, "audit", "verify").stderr
