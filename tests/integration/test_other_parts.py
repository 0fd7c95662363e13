"""An assignment without any name of hw13: submitted by API and from a shell, compared, replayed and graded."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from grader.sandbox.supervisor import Sandbox
from tests import command_line
from tests.integration.other_parts import (
    NETWORK,
    PARAMETERS,
    SLUG,
    SUBMISSION,
    VERDICTS,
    publish,
    write_assignment,
    write_submission,
)
from tests.integration.service import Client, Site, assert_problem, questions

PARTS = {Path(name).stem: (name, data) for name, data in SUBMISSION.items()}


@pytest.fixture
def site(service: Site, tmp_path: Path) -> Site:
    """The service with the assignment."""
    publish(service.settings, tmp_path)
    return service


def submit(student: Client, **parts: tuple[str, bytes]) -> str:
    answer = student.post("/submissions", files={"assignment": (None, SLUG), **parts})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_the_api_takes_shows_compares_and_replays_any_parts(site: Site, tmp_path: Path) -> None:
    student = site.person()
    view = student.get(f"/assignments/{SLUG}").json()
    assert [(part["name"], part["kind"]) for part in view["parts"]] == [
        ("network", "code"),
        ("objective", "code"),
        ("report", "text"),
        ("choices", "answers"),
        ("figure", "picture"),
        ("series", "table"),
    ]
    assert view["questions"][0]["text"] == "At most **1,500** parameters in `build_network`. <b>No tags</b>"
    submission = submit(student, **PARTS)
    report = student.report(submission, wait=60)
    assert {number: row["verdict"] for number, row in questions(report).items()} == VERDICTS
    assert questions(report)["1"]["evidence"]["parameters"] == PARAMETERS
    assert [part["title"] for part in report["parts"]][:2] == ["Your network", "Your objective"]
    assert student.get(f"/submissions/{submission}/files/figure").content == SUBMISSION["figure.png"]

    changed = NETWORK.replace("stride=2", "stride=1").encode()
    second = submit(student, network=("network.py", changed))
    student.report(second, wait=60)
    headers = {"Authorization": f"Bearer {student.token}", "Accept": "text/html"}
    page = site.plain.get("/compare", params={"first": submission, "second": second}, headers=headers).text
    assert "<h3>Your network (network.py)</h3>" in page
    assert "stride=1" in page

    archive = zipfile.ZipFile(io.BytesIO(student.get(f"/submissions/{submission}/replay").content))
    assert {"as_run/network.py", "as_run/objective.py", "uploaded/network.py"} <= set(archive.namelist())
    archive.extractall(tmp_path / "replay")
    for script, words in (("replay_model.py", f"parameters: {PARAMETERS}"), ("replay_loss.py", "Nothing failed")):
        ended = subprocess.run(
            [sys.executable, script], cwd=tmp_path / "replay", capture_output=True, text=True, timeout=120, check=False
        )
        assert words in ended.stdout, ended.stderr


def test_a_part_of_another_assignment_is_refused(site: Site) -> None:
    student = site.person()
    answer = student.post("/submissions", files={"assignment": (None, SLUG), "model": ("model.py", NETWORK.encode())})
    problem = assert_problem(answer, 422, "unknown-part")
    assert "network, objective, report" in problem["detail"]
    answer = student.post("/submissions", files={"assignment": (None, SLUG), "report": ("r.txt", b"x" * 2001)})
    assert assert_problem(answer, 413, "part-too-large")["limit"] == 2000


def test_the_command_line_submits_the_folder_and_any_part(site: Site, tmp_path: Path) -> None:
    folder = write_submission(tmp_path)
    (folder / "figure.png").rename(folder / "x.bin")
    variables = {"ASSAY_URL": site.url, "ASSAY_TOKEN": str(site.person().token)}
    pair = f"figure={folder / 'x.bin'}"
    ended = command_line.assay("submit", str(folder), "--part", pair, "--assignment", SLUG, "--json", **variables)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert {number: row["verdict"] for number, row in questions(report).items()} == VERDICTS
    ended = command_line.assay("submit", "--model", str(folder / "network.py"), "--assignment", SLUG, **variables)
    assert ended.returncode == 2
    assert "has no part model; its parts are network, objective" in ended.stderr


def test_the_folder_is_graded_without_a_server(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command_line.borrow(sandbox, monkeypatch)
    assignment, submission = write_assignment(tmp_path), write_submission(tmp_path)
    (submission / "objective.py").unlink()
    both = (submission / "network.py").read_bytes() + SUBMISSION["objective.py"]
    (submission / "network.py").write_bytes(both)  # one part may hold the functions of several questions
    ended = command_line.assay("grade", str(submission), "--assignment", str(assignment), "--json")
    assert ended.returncode == 0, ended.stderr
    assert {number: row["verdict"] for number, row in questions(json.loads(ended.stdout)).items()} == VERDICTS
