"""Clients that others generate from the API document submit, read and meet errors. `make check-all` installs them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.service import Site

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "tests/clients"
GENERATORS = Path(sys.prefix) / "client-generators/bin"
"""The environment of the Python generator; see the Makefile."""
EXAMPLE = ROOT / "examples/hw13"
QUESTIONS = ["1.1", "1.2", "2.1", "2.2", "3.1", "3.2"]

pytestmark = pytest.mark.thorough


def run(*command: str | Path, folder: Path, **variables: str) -> str:
    """The output of a command, which must succeed."""
    environment = {**os.environ, **variables}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=250)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def document(api: Site, tmp_path: Path) -> Path:
    """The document as the service serves it."""
    file = tmp_path / "openapi.json"
    file.write_text(api.plain.get("/openapi.json").text, encoding="utf-8")
    return file


def test_a_generated_python_client_submits_and_decides(api: Site, document: Path) -> None:
    folder = document.parent
    config = CLIENTS / "openapi-python-client.yaml"
    options: list[str | Path] = [
        "--path",
        document,
        "--config",
        config,
        "--meta",
        "none",
        "--output-path",
        folder / "assay_client",
    ]
    output = run(GENERATORS / "openapi-python-client", "generate", "--fail-on-warning", *options, folder=folder)
    assert "WARNING" not in output
    student = api.person()
    arguments: list[str | Path] = [api.url, str(student.token), str(api.admin.token), EXAMPLE]
    script = CLIENTS / "submit.py"
    result: dict[str, Any] = json.loads(
        run(GENERATORS / "python", script, *arguments, folder=folder, PYTHONPATH=str(folder))
    )
    assert_submitted(result, api, student.login)
    assert result["conflict"] == 412
    assert result["people"] == ["ada"]
    assert result["scores"].startswith("login,")
    assert result["gradebook"]["column"] == "HW13 (11)", result["gradebook"]


def test_a_typescript_client_with_generated_types_submits(api: Site, document: Path) -> None:
    folder = document.parent
    for name in ("submit.ts", "tsconfig.json", "package.json"):
        shutil.copy(CLIENTS / name, folder)
    (folder / "node_modules").symlink_to(CLIENTS / "node_modules")
    tools = CLIENTS / "node_modules/.bin"
    run(tools / "openapi-typescript", document, "-o", "schema.d.ts", folder=folder)
    run(tools / "tsc", folder=folder)
    student = api.person()
    output = run("node", "built/submit.js", api.url, str(student.token), EXAMPLE, folder=folder)
    assert_submitted(json.loads(output), api, student.login)


def assert_submitted(result: dict[str, Any], api: Site, login: str) -> None:
    """The service has what the client sent, and the client could read it."""
    report = api.admin.report(result["id"])
    assert (report["student"], [part["name"] for part in report["parts"]]) == (login, ["model", "answers"])
    assert (result["questions"], result["is_same_file"]) == (QUESTIONS, True)
    assert result["problem"] == "urn:assay:problem:assignment-not-found"
