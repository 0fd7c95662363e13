"""What every command has: an example in its help, results for programs, completion in the shell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from app.cli import app
from tests.unit.test_cli import ROOT, assay

SAYS_NOTHING = {"serve", "worker", "migrate", "demo", "dataset import", "audit verify"}
"""These run until they are stopped, or do one thing and say so in a line."""
WRITES_FILES = {"gradescope", "export", "backup", "restore"}


def leaves(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by its full name."""
    children = getattr(command, "commands", None)
    if children is None:
        yield name.strip(), command
        return
    for child, found in children.items():
        yield from leaves(found, f"{name} {child}")


COMMANDS = dict(leaves(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_and_says_what_each_option_is(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert "Example" in (command.epilog or "")
    assert f"assay {name}" in command.epilog
    assert all(option.help for option in command.params)


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
    listed = json.loads(assay("dataset", "list", "--json").stdout)
    assert [(item["name"], item["hidden"]) for item in listed] == [("food11-mini", 550)]
    good = assay("assignment", "check", "grader/assignments/hw13-2023", "--json")
    assert (good.returncode, json.loads(good.stdout)) == (0, {"faults": []})
    bad = assay("assignment", "check", str(ROOT / "docs"), "--json")
    assert bad.returncode == 2
    assert "no assignment.toml" in json.loads(bad.stdout)["faults"][0]["what"]
