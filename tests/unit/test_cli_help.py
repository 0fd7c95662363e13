"""What every command has: an example in its help, results for programs, completion in the shell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from app.cli import app
from tests.command_line import assay
from tests.unit.test_cli import ROOT

SAYS_NOTHING = {"serve", "worker"}
"""These run until they are stopped; what they say is the log, which is JSON where no person reads it."""
WRITES_FILES = {"gradescope", "export", "course export"}
"""What these write is for programs already."""


def leaves(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by its full name."""
    children = getattr(command, "commands", None)
    if children is None:
        yield name.strip(), command
        return
    for child, subcommand in children.items():
        yield from leaves(subcommand, f"{name} {child}")


COMMANDS = dict(leaves(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_and_says_what_each_option_is(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert "Example" in (command.epilog or "")
    assert f"assay {name}" in command.epilog
    assert "Exit codes: 0 " in command.epilog
    assert all(option.help for option in command.params)


def test_help_says_in_whole_sentences_what_each_command_does() -> None:
    for words, sentence in (
        ([], "Submit to the server at ASSAY_URL as the owner of ASSAY_TOKEN, and show the results as they arrive."),
        (["course"], "Delete an archived course for good, with its submissions and scores."),
    ):
        printed = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "80"}).stdout
        assert sentence in " ".join(printed.split())
        assert max(map(len, printed.splitlines())) <= 80


def test_a_missing_command_shows_the_commands() -> None:
    result = assay("course")
    assert result.returncode == 2
    assert result.stdout.startswith("Usage: ")
    assert "See `assay" not in result.stdout + result.stderr
    assert "archive  Make a course read-only" in result.stdout


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - SAYS_NOTHING - WRITES_FILES))
def test_results_can_be_had_as_json(name: str) -> None:
    assert "--json" in [text for option in COMMANDS[name].params for text in option.opts]


def test_the_shell_completes_commands_and_options() -> None:
    def completed(words: str) -> str:
        environment = {"_ASSAY_COMPLETE": "complete_bash", "COMP_WORDS": words}
        environment["COMP_CWORD"] = str(len(words.split(" ")) - 1)
        return CliRunner().invoke(app, [], env=environment, prog_name="assay").stdout

    assert set(completed("assay gra").split()) == {"grade", "gradescope"}
    assert set(completed("assay users ").split()) >= {"import"}
    assert "--preview" in completed("assay users import --pre")
    assert completed("assay export hw13 --as f").split() == ["feedback"]


def test_json_is_json() -> None:
    def printed(*words: str, code: int = 0) -> Any:
        ended = CliRunner().invoke(app, [*words, "--json"])
        assert ended.exit_code == code
        return json.loads(ended.stdout)

    assert [(item["name"], item["hidden"]) for item in printed("dataset", "list")] == [("food11-mini", 550)]
    assert [item["variable"] for item in printed("settings")][:2] == ["ASSAY_HOST", "ASSAY_PORT"]
    checked = printed("assignment", "check", str(ROOT / "grader/assignments/hw13-2023"))
    assert [remark.pop("file") for remark in checked["remarks"]] == ["assignment.toml"] * 2
    assert (checked["faults"], checked["rubrics"]) == ([], [])
    bad = printed("assignment", "check", str(ROOT / "docs"), code=1)
    assert "no assignment.toml" in bad["faults"][0]["what"]


def test_json_of_a_databases_life(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def printed(*words: str) -> Any:
        ended = CliRunner().invoke(app, [*words, "--json"])
        assert ended.exit_code == 0, ended
        return json.loads(ended.stdout)

    monkeypatch.setenv("ASSAY_DATA_DIR", str(tmp_path / "old"))
    assert printed("migrate")["revision"][:2] == "00"
    assert printed("audit", "verify") == {"broken": None, "entry": None, "hash": None}
    (tmp_path / "roster.csv").write_text("login,name\nb1,Ada\n")
    assert printed("users", "import", str(tmp_path / "roster.csv"))[0]["login"] == "b1"
    result = printed("audit", "verify")
    assert (result["broken"], result["entry"], len(result["hash"])) == (None, 2, 64)
    copy = tmp_path / "copy"
    assert printed("backup", str(copy)) == {"file": str(copy), "bytes": copy.stat().st_size}
    monkeypatch.setenv("ASSAY_DATA_DIR", str(tmp_path / "new"))
    assert printed("restore", str(copy)) == {"people": 1, "hand_ins": 0, "platforms_on_hold": 0}
