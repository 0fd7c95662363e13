"""What a person can get wrong ends in one line on stderr and an exit code, in every command that there is.

The commands are found by walking the tree of them, so a new one is tried here without being named.
"""

from __future__ import annotations

import socket
import sqlite3
import sys
from collections.abc import Callable
from enum import EnumType
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from app import cli
from tests.unit.test_cli import ROOT
from tests.unit.test_cli_help import COMMANDS

EXAMPLE = str(ROOT / "examples/hw13")
HW13 = str(ROOT / "grader/assignments/hw13")
NOWHERE = "nowhere/at/all"
NEEDS_NO_DATABASE = {
    "grade", "submit", "gradescope", "assignment check", "assignment try", "dataset import", "dataset list", "settings",
}  # fmt: skip
"""These do their work whatever the database is. `assay doctor` tells of it after a child was locked down."""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs `assay` in this process, where an exception that is no exit fails the test. Settings come as variables."""

    def command(*arguments: str, **variables: str) -> Ended:
        with monkeypatch.context() as patched:
            for name in ("ASSAY_TOKEN", "ASSAY_URL", "ASSAY_DATABASE_URL", "ASSAY_PORT"):
                patched.delenv(name, raising=False)
            for name, value in ({"ASSAY_DATA_DIR": str(tmp_path / "var")} | variables).items():
                patched.setenv(name, value)
            patched.setattr(sys, "argv", ["assay", *arguments])
            capfd.readouterr()
            with pytest.raises(SystemExit) as ended:
                cli.main()
        return Ended(int(ended.value.code or 0), *capfd.readouterr())

    monkeypatch.chdir(tmp_path)
    return command


def assert_one_line(ended: Ended, *codes: int) -> None:
    """One of these exit codes, and nothing on stderr but one line."""
    assert ended.code in codes, ended
    assert ended.stderr.startswith("assay: "), ended
    assert ended.stderr.count("\n") == 1, ended


USABLE = {
    "extensions grant": ("--until", "2026-12-24"),
    "tokens links": ("--url", "https://assay.example.edu"),
    "tokens revoke": ("--links",),
}
"""What some commands check before they open the database."""


def needed(name: str) -> list[str]:
    """The command and a word for everything that it cannot do without: no such person, file or assignment."""
    words = []
    for option in COMMANDS[name].params:
        if option.required:
            kind: Any = option.type_descriptor.annotation
            if option.param_type_name == "option":
                words.append(option.opts[0])
            words.append(next(iter(kind)).value if isinstance(kind, EnumType) else NOWHERE)
    return [*name.split(), *words]


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_and_a_word_too_many(run: Run, name: str) -> None:
    assert_one_line(run(*needed(name), "--no-such-option"), 2)
    assert_one_line(run(*needed(name), "one", "word", "too", "many"), 2)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("--no-such-option", "assay"),
        ("no-such-command", "assay"),
        ("users no-such-command", "assay users"),
        ("users import --no-such-option", "assay users import"),
        ("grade users --no-such-option", "assay grade"),
    ],
)
def test_a_mistake_names_the_help_of_its_command(run: Run, line: str, command: str) -> None:
    ended = run(*line.split())
    assert_one_line(ended, 2)
    assert ended.stderr.endswith(f". See `{command} --help`.\n")


@pytest.mark.parametrize("line", ["", "users", "lti"])
def test_no_command_shows_the_help(run: Run, line: str) -> None:
    ended = run(*line.split())
    assert (ended.code, ended.stderr) == (2, "")
    assert f"{line} [OPTIONS] COMMAND [ARGS]..." in ended.stdout


@pytest.mark.parametrize("name", sorted(name for name in COMMANDS if needed(name) != name.split()))
def test_what_is_missing_and_what_is_nowhere(run: Run, name: str) -> None:
    assert_one_line(run(*name.split()), 2)
    if name != "backup":  # which makes what it names
        assert_one_line(run(*needed(name)), 1, 2)


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - NEEDS_NO_DATABASE - {"doctor"}))
def test_a_database_that_is_none_or_out_of_reach(run: Run, name: str, tmp_path: Path) -> None:
    words = [str(tmp_path / "roster.csv") if word == NOWHERE else word for word in needed(name)]
    if name.startswith("assignment"):
        words[-1] = HW13
    elif name in ("course add", "course copy"):
        words = [*name.split(), *("ml27" for _ in needed(name)[2:])]
    elif name != "backup":
        (tmp_path / "roster.csv").write_text("login,name\nb1,Ada\n")
    words += USABLE.get(name, ())
    for place in ("in-the-way", "in-the-way/below", "/proc/nowhere"):
        (tmp_path / "in-the-way").touch()
        assert_one_line(run(*words, ASSAY_DATA_DIR=place), 1, 2)
    for address in ("postgresql://nobody@127.0.0.1:9/none", "mysql://host/name", "postgresql://host:port/name"):
        assert_one_line(run(*words, ASSAY_DATABASE_URL=address), 1, 2)
    if name != "restore":  # which finds the place taken
        (tmp_path / "damaged").mkdir()
        (tmp_path / "damaged/assay.sqlite3").write_bytes(b"this is no database, and never was one" * 100)
        assert_one_line(run(*words, ASSAY_DATA_DIR="damaged"), 1)


@pytest.mark.parametrize(
    "name", sorted(COMMANDS.keys() - {"submit", "grade", "gradescope", "assignment check", "doctor"})
)
def test_a_setting_that_makes_no_sense(run: Run, name: str, tmp_path: Path) -> None:
    (tmp_path / NOWHERE).mkdir(parents=True)
    assert_one_line(run(*needed(name), ASSAY_PORT="many"), 2)


def test_a_schema_that_no_version_made(run: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "assay.sqlite3") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('0000_older')")
    assert_one_line(run("migrate", ASSAY_DATA_DIR=str(tmp_path)), 1)
    assert_one_line(run("export", "hw13", ASSAY_DATA_DIR=str(tmp_path)), 1)


def test_a_place_that_is_taken_or_of_the_wrong_kind(run: Run, tmp_path: Path) -> None:
    assert run("migrate").stdout.startswith("the database has schema 0")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"\xff\xfe\x00 is no text")
    for line in (
        "backup file",
        "backup folder",
        f"backup {NOWHERE}",
        "backup /proc/copy",
        "restore file",
        "restore folder",
        "users import file",
        "users import folder",
        "export hw13 --out folder",
        f"export hw13 --out {NOWHERE}",
        "dataset import food11 folder",
        "dataset import food11 file",
        "grade folder",
        "grade file",
        "grade --model folder",
        f"grade {EXAMPLE} --assignment folder",
        "submit folder",
        "assignment check file",
        "assignment publish folder",
        f"gradescope --submission {EXAMPLE} --results file",
        f"gradescope --submission {EXAMPLE} --results /proc/results",
        "gradescope --submission file --results folder",
    ):
        assert_one_line(run(*line.split()), 1, 2)


@pytest.mark.parametrize("host", ["203.0.113.9", "no.such.host.invalid", "no host's name" * 9 + "\u00e9"])
def test_an_address_that_is_not_this_machines(run: Run, host: str) -> None:
    assert_one_line(run("serve", "--host", host, "--port", "0"), 1)


def test_a_port_that_is_taken(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        assert_one_line(run("serve", ASSAY_PORT=port), 1)
        assert_one_line(run("demo", "--json", ASSAY_PORT=port), 1)


@pytest.mark.parametrize("address", ["nowhere", "http://[", "ftp://127.0.0.1", "http://no.such.host.invalid"])
def test_a_server_that_is_none(run: Run, address: str) -> None:
    assert_one_line(run("submit", EXAMPLE, ASSAY_TOKEN="x", ASSAY_URL=address), 1)


def test_a_token_that_is_none(run: Run) -> None:
    assert_one_line(run("submit", EXAMPLE, ASSAY_TOKEN="\u00fc", ASSAY_URL="http://127.0.0.1:9"), 2)
