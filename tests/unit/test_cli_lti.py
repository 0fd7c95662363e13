"""`assay lti`: platforms and keys from a shell, and what it says where the extra is not installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from app.commands.failures import CommandError
from tests.unit.test_cli import MAIN, ROOT, in_a_shell

ADD = (
    "lti add moodle --issuer https://moodle.example.edu --client-id KMgJ --deployment-id 3 "
    "--auth-url https://moodle.example.edu/mod/lti/auth.php --token-url https://moodle.example.edu/mod/lti/token.php "
    "--jwks-url https://moodle.example.edu/mod/lti/certs.php"
)
WITHOUT = f"import sys; sys.modules['jwt'] = None; {MAIN}"
"""The commands as they are where the packages of the extra are missing."""
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ASSAY_DATA_DIR", str(tmp_path))

    def invoked(line: str) -> Result:
        return CliRunner().invoke(app, line.split())

    return invoked


def list_all(run: Run) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(run("lti list --json").stdout)
    return result


def test_a_platform_is_registered_changed_listed_and_removed(run: Run, tmp_path: Path) -> None:
    added = run(ADD)
    assert added.exit_code == 0, added.output
    assert "/lti/login" in added.stdout
    changed = run(f"{ADD} --deployment-id 4 --host files.example.edu --staff --match login=ext.user_username --json")
    assert json.loads(changed.stdout)["deployments"] == ["3", "4"]
    (platform,) = list_all(run)["platforms"]
    assert platform["hosts"] == ["files.example.edu", "moodle.example.edu"]
    assert (platform["staff"], platform["match"]) == (True, "login=ext.user_username")
    assert platform["token_audience"] == "https://moodle.example.edu/mod/lti/token.php"
    plain = run("lti list").stdout
    assert "identifies people by login=ext.user_username" in plain
    assert len(list_all(run)["keys"]) == 1
    for output in (added.output, changed.output, plain, run("lti list --json").stdout):
        assert "PRIVATE" not in output
    assert run("lti remove moodle --json").stdout.strip() == '{"removed": "moodle"}'
    assert list_all(run)["platforms"] == []


def test_the_database_is_its_owners_alone_once_it_holds_a_key(run: Run, tmp_path: Path) -> None:
    assert run("users import /dev/null").exception is not None  # makes the database
    assert (tmp_path / "assay.sqlite3").stat().st_mode & 0o077 != 0
    run(ADD)
    for file in tmp_path.glob("assay.sqlite3*"):
        assert file.stat().st_mode & 0o077 == 0, file
    copy = tmp_path / "copy.sqlite3"
    assert run(f"backup {copy}").exit_code == 0
    assert copy.stat().st_mode & 0o077 == 0


def test_the_database_is_its_owners_alone_when_its_first_key_is_rotated_in(run: Run, tmp_path: Path) -> None:
    assert run("lti rotate").exit_code == 0
    for file in tmp_path.glob("assay.sqlite3*"):
        assert file.stat().st_mode & 0o077 == 0, file


def test_courses_of_a_platform_are_linked_and_unlinked(run: Run) -> None:
    def said(line: str) -> str:
        result = run(line)
        return str(result.exception) if result.exception else result.output

    run(ADD)
    run("course add ml27 Learning")
    assert said("lti contexts moodle") == "none\n"
    assert json.loads(run("lti link moodle 17 ml27 --json").stdout) == [
        {"context": "17", "title": None, "deployment": "3", "course": "ml27"}
    ]
    assert json.loads(run("lti link moodle 17 ml27 --json").stdout)[0]["course"] == "ml27", "as it is"
    assert "17 is linked to ml27; unlink it first" in said("lti link moodle 17 main")
    assert "There is no course 'ml99'" in said("lti link moodle 18 ml99")
    assert "has no deployment '9'" in said("lti link moodle 18 ml27 --deployment 9")
    assert "No platform has the name canvas" in said("lti link canvas 18 ml27")
    assert json.loads(run("lti unlink moodle 17 --json").stdout)[0]["course"] is None
    assert "17 is not linked" in said("lti unlink moodle 17")
    assert json.loads(run("lti link moodle 17 main --json").stdout)[0]["course"] == "main"
    run(f"{ADD} --deployment-id 4")
    assert "--deployment is one of 3, 4" in said("lti unlink moodle 17")
    assert [row["course"] for row in json.loads(run("lti contexts moodle --json").stdout)] == ["main"]


def test_keys_are_rotated(run: Run) -> None:
    run(ADD)
    (first,) = list_all(run)["keys"]
    new_key = json.loads(run("lti rotate --json").stdout)
    keys = {key["kid"]: key for key in list_all(run)["keys"]}
    assert keys.keys() == {first["kid"], new_key["kid"]}
    assert keys[first["kid"]]["ends_at"] is not None
    last = json.loads(run("lti rotate --now --json").stdout)
    assert [key["kid"] for key in list_all(run)["keys"]] == [last["kid"]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("--issuer http://moodle.example.edu", "https://"),
        ("--jwks-url http://127.0.0.1/jwks", "https://"),
        ("--match email=lis.person_sourcedid", "not a rule"),
        ("--match login=email", "not a rule"),
        ("--host evil/../x;y", "is not a host"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, change: str, message: str) -> None:
    refused = run(f"{ADD} {change}")
    assert isinstance(refused.exception, CommandError)
    assert message in str(refused.exception)
    assert list_all(run)["platforms"] == []


def test_one_client_of_an_issuer_has_one_name(run: Run) -> None:
    run(ADD)
    refused = run(ADD.replace("add moodle", "add other"))
    assert "is registered as moodle" in str(refused.exception)
    assert run(ADD.replace("add moodle", "add other").replace("KMgJ", "another")).exit_code == 0


def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path) -> None:
    result = in_a_shell("lti", "list", program=("-c", WITHOUT), ASSAY_DATA_DIR=str(tmp_path))
    assert result.returncode == 1
    assert result.stderr == "assay: LTI needs more packages: install `assay[lti]` in the place of `assay`\n"


def test_without_the_extra_the_service_has_no_such_routes_and_imports_nothing_of_it() -> None:
    code = (
        "import sys; sys.modules['jwt'] = sys.modules['cryptography'] = None\n"
        "from app.main import create_app; from app.settings import Settings; import app.worker.worker\n"
        "from app.worker.worker import Worker\n"
        "paths = [getattr(route, 'path', '') for route in create_app(Settings()).routes]\n"
        "assert Worker._start_lti(None) is None\n"
        "sys.exit(any('/lti' in path for path in paths) or 'app.lti.keys' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
