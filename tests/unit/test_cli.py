"""The command line from outside: help, exit codes, and errors in one line."""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.commands import doctor
from grader import later_stage
from grader.sandbox.supervisor import FloorNotMet, Sandbox
from tests import command_line, warm_processes
from tests.command_line import Ended, assay

ROOT = Path(__file__).parents[2]
COMMANDS = ("grade", "submit", "serve", "worker", "migrate", "demo", "doctor", "users import", "tokens create")


UNEXPORTABLE = b"""
class Unexportable(nn.Module):
    def forward(self, x):
        return x if float(x.sum()) > 0 else 1 * x
"""
"""A layer that runs and cannot be exported, as with an exporter that fails."""
MAIN = "from app.cli import main; main()"
WITHOUT_A_LAYER = f"from grader.sandbox import supervisor; supervisor.FLOOR += ('moat',); {MAIN}"
"""The commands on a machine that lacks a layer of the floor, which no machine has."""


@pytest.fixture
def warm(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands find a warm sandbox, and train as briefly as can be."""
    command_line.borrow(sandbox, monkeypatch)
    command_line.train_briefly(monkeypatch)


def in_a_shell(
    *arguments: str, program: tuple[str, ...] = ("-c", MAIN), **variables: str
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    return subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=ROOT,
        env={**inherited, "COLUMNS": "100", "ASSAY_DATA_DIR": "/nonexistent", **variables},
        capture_output=True,
        text=True,
        timeout=280,
    )


def assert_one_line(result: Ended | subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert result.returncode == code, result
    assert result.stderr.startswith("assay: "), result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = assay(*command.split(), "--help")
    assert result.returncode == 0
    assert "Usage" in result.stdout


def test_help_imports_nothing_heavy() -> None:
    """Time on a shared machine says little, the number of modules much."""
    code = f"import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); {MAIN}"
    result = in_a_shell("--help", program=("-c", code))
    assert (result.returncode, "Usage" in result.stdout) == (0, True)
    modules = result.stderr.split()
    heavy = {"torch", "fastapi", "sqlalchemy", "onnxruntime", "numpy", "pydantic", "httpx", "grader", "rich"}
    assert heavy.isdisjoint(modules)
    assert len(modules) < 250


def test_nothing_to_grade_is_unusable_input() -> None:
    assert_one_line(assay("grade"), 2, "nothing to submit")


def test_an_unknown_assignment_is_unusable_input() -> None:
    assert_one_line(assay("grade", "examples/hw13", "--assignment", "hw99"), 2, "hw99", "hw13")


def test_answers_that_are_no_object_are_unusable_input(tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text("{")
    assert_one_line(assay("grade", str(tmp_path)), 2, "answers")


def test_submit_without_a_token_says_which_variable_is_missing() -> None:
    assert_one_line(in_a_shell("submit", "examples/hw13"), 1, "ASSAY_TOKEN")


def test_submit_to_nowhere_says_which_variable_names_the_server() -> None:
    result = assay("submit", "examples/hw13", ASSAY_TOKEN="x", ASSAY_URL="http://127.0.0.1:9")
    assert_one_line(result, 1, "127.0.0.1:9", "ASSAY_URL")


def test_a_setting_that_makes_no_sense_is_named() -> None:
    assert_one_line(assay("migrate", ASSAY_PORT="many"), 2, "ASSAY_PORT")


def test_a_database_of_another_version_is_told_what_to_run(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "assay.sqlite3") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('0000_older')")
    data = {"ASSAY_DATA_DIR": str(tmp_path)}
    assert_one_line(assay("tokens", "create", "somebody", **data), 1, "assay migrate")
    assert_one_line(assay("serve", **data), 1, "assay migrate")


def test_a_database_out_of_reach_is_told_which_variable_names_it() -> None:
    unreachable = {"ASSAY_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
    assert_one_line(assay("tokens", "create", "somebody", **unreachable), 1, "ASSAY_DATABASE_URL")


def test_a_worker_on_a_machine_without_the_floor_says_so_with_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(Sandbox):
        def launch(self) -> None:
            raise FloorNotMet({"seccomp": "no filter was set"})

    monkeypatch.setattr("app.commands.service.Sandbox", Refusing)
    result = assay("worker")
    assert result.returncode == os.EX_CONFIG
    assert "seccomp: no filter was set" in result.stderr


def test_a_roster_becomes_people_with_tokens(tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("login,name,role,student_id\nb1,Ada,student,s1\nt1,Tom,ta,\n")
    data = {"ASSAY_DATA_DIR": str(tmp_path)}
    assert assay("migrate", **data).returncode == 0
    first = assay("users", "import", str(roster), **data)
    assert first.returncode == 0, first.stderr
    assert [line.split(",")[0] for line in first.stdout.splitlines()] == ["b1", "t1"]
    again = assay("users", "import", str(roster), **data)
    assert (again.returncode, again.stdout) == (0, "")
    roster.write_text("login,name\nb1,Ada L.\nb2,Bo\n!,x\n")
    look = assay("users", "import", str(roster), "--preview", **data)
    assert look.returncode == 2
    assert "1 rows cannot be used" in look.stderr
    assert [line.split()[:3] for line in look.stdout.splitlines()] == [
        ["2", "update", "b1"],
        ["3", "add", "b2"],
        ["4", "reject", "'!'"],
    ]
    assert assay("tokens", "create", "b1", **data).stdout.startswith("assay_")
    assert_one_line(assay("tokens", "create", "nobody", **data), 2, "nobody")


@pytest.mark.parametrize(
    "command",
    ["grade examples/hw13", *(pytest.param(word, marks=pytest.mark.thorough) for word in ("doctor", "worker"))],
)
def test_a_floor_that_is_not_met_ends_with_78_and_names_the_layer(command: str, tmp_path: Path) -> None:
    program = tmp_path / "assay"
    program.write_text(warm_processes.script(WITHOUT_A_LAYER))
    result = in_a_shell(*command.split(), program=(str(program),), ASSAY_DATA_DIR=str(tmp_path))
    assert result.returncode == 78, result.stderr
    assert "moat" in result.stderr


@pytest.mark.usefixtures("warm")
def test_doctor_lists_every_layer_that_holds() -> None:
    result = assay("doctor")
    assert result.returncode == 0, result.stderr
    assert "can grade" in result.stdout
    assert "a network could be exported and measured" in result.stdout
    for layer in ("no_new_privs", "capabilities", "seccomp", "files", "rlimits"):
        assert re.search(rf"^yes +{layer} ", result.stdout, re.M), result.stdout
    assert re.search(r"^(yes|no) +control group ", result.stdout, re.M), result.stdout


@pytest.mark.usefixtures("warm")
def test_doctor_names_a_configuration_that_cannot_work(tmp_path: Path) -> None:
    result = assay("doctor", "--json", ASSAY_DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert_one_line(result, 1, "ASSAY_DATABASE_URL")
    report = json.loads(result.stdout)
    assert report["sandbox"]["floor"] == "met"
    assert (len(report["problems"]), report["measures_networks"]) == (1, True)
    many = assay("doctor", "--json", ASSAY_WORKERS="4000", ASSAY_DATA_DIR=str(tmp_path / "new"))
    assert many.returncode == 0, many.stderr
    assert "Set ASSAY_WORKERS=" in json.loads(many.stdout)["remarks"][0]
    assert not (tmp_path / "new").exists(), "looking changes nothing"


@pytest.mark.usefixtures("warm")
def test_doctor_finds_an_exporter_that_does_not_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "_NETWORK", doctor._NETWORK.replace(b"nn.ReLU()", b"Unexportable()") + UNEXPORTABLE)
    result = assay("doctor", ASSAY_DATA_DIR=str(tmp_path))
    assert_one_line(result, 1, "could not be exported and measured", "constraints.txt")
    assert "cannot grade" in result.stdout


@pytest.mark.usefixtures("warm")
def test_a_submission_is_graded_without_a_server() -> None:
    result = assay("grade", "examples/hw13-correct", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["score"], report["max_score"]) == (4.0, 4.0)
    questions = {question["number"]: question for question in report["questions"]}
    assert {number: question["score"] for number, question in questions.items()} == {
        "1.1": 0.5,
        "1.2": 0.5,
        "2.1": 0.5,
        "2.2": 0.5,
        "3.1": 1.0,
        "3.2": 1.0,
    }
    evidence = questions["3.1"]["evidence"]
    assert (evidence["weights"], len(evidence["curve"])) == ("distilled", 20)
    assert questions["3.1"]["verdict"] == "needs_review"
    assert questions["2.1"]["messages"][0]["id"] == "kd.ok"
    assert (questions["1.1"]["evidence"]["verification"], report["quick"]) == ("confirmed", False)


@pytest.mark.usefixtures("warm")
def test_a_quick_grading_confirms_and_measures_nothing_and_says_so() -> None:
    result = assay("grade", "--quick", "examples/hw13-correct")
    assert result.returncode == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines() if re.search(r"\d / [\d.]+\s*$", line)]
    assert len(lines) == 7
    assert {line[0] for line in lines if "unverified" in line} == {"1.1", "1.2", "Total,"}
    assert "--quick left out the confirmation" in result.stdout
    report = json.loads(assay("grade", "--quick", "examples/hw13-correct", "--json").stdout)
    evidence = {question["number"]: question["evidence"] for question in report["questions"]}
    assert (report["quick"], report["score"], "confirmation" in report["timings"]) == (True, 4.0, False)
    assert (evidence["1.1"]["verification"], evidence["3.1"]["curve"], evidence["3.2"]["seconds_unpruned"]) == (
        "pending",
        [],
        None,
    )


@pytest.mark.usefixtures("warm")
def test_the_readme_shows_what_the_example_really_earns(monkeypatch: pytest.MonkeyPatch) -> None:
    printed_before = []

    def run_later_stage(*arguments: Any) -> None:
        assert isinstance(sys.stdout, io.StringIO)
        printed_before.append(sys.stdout.getvalue())
        run(*arguments)

    run = later_stage.run
    monkeypatch.setattr(later_stage, "run", run_later_stage)
    result = assay("grade", "examples/hw13", COLUMNS="96")
    assert result.returncode == 0, result.stderr
    lines = {line.rstrip() for line in result.stdout.splitlines() if re.search(r"\d / [\d.]+\s*$", line)}
    assert len(lines) == 7
    numbers = ["1.1", "1.2", "2.1", "2.2", "3.1", "3.2"]
    assert sorted(re.findall(r"^\d\.\d", printed_before[0], re.M)) == numbers, "each verdict is printed as it comes"
    assert "was trained briefly" not in printed_before[0]
    assert result.stdout.startswith(printed_before[0])
    assert result.stdout.count("Your plot arrived") == result.stdout.count("was trained briefly") == 1
    readme = (ROOT / "README.md").read_text()
    assert [line for line in lines if f"    {line}\n" not in readme] == []
