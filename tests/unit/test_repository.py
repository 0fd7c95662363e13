"""The files around the code: the CI workflow, the hooks, the Makefile, the description of the HTTP API."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.openapi_document import DOCUMENT, text_of_document

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github/workflows/ci.yml"


def workflow_job() -> dict[str, Any]:
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    (job,) = jobs.values()
    return dict(job)


def test_workflow_fits_github_s_schema() -> None:
    schema = ["--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, WORKFLOW], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflow_runs_every_declared_python() -> None:
    job = workflow_job()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [line.rpartition(" ")[2] for line in project["classifiers"] if "Python ::" in line]
    assert job["strategy"]["matrix"]["python"] == declared == ["3.11", "3.12", "3.13"]
    assert project["requires-python"] == f">={declared[0]}"


def test_workflow_calls_the_script_of_ci() -> None:
    assert [step["run"] for step in workflow_job()["steps"] if "run" in step] == [".ci/run"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    assert re.search(r"^make test$", (ROOT / ".ci/run").read_text(), re.M)


def test_hooks_are_local_and_their_programs_are_installed() -> None:
    (source,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert source["repo"] == "local"
    for hook in source["hooks"]:
        program = hook["entry"].split()[0]
        assert hook["language"] == "system"
        assert program.startswith(".venv/bin/")
        assert (Path(sys.executable).parent / Path(program).name).is_file(), program


def test_make_help_lists_every_target_with_its_comment() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.M)
    listed = subprocess.run(["make", "--silent", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    rows = [re.fullmatch(r"make ([a-z-]+) +\S.*", line) for line in listed.splitlines()]
    assert [row[1] for row in rows if row] == phony.split()
    assert all(rows)


def test_api_description_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == text_of_document(), "run `make openapi` and commit docs/openapi.json"
