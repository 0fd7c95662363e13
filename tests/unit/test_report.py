"""`from grader import grade`: files or contents, a typed report, and errors that name what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grader import Report, grade
from grader.answers import AnswersError
from grader.assignment import ASSIGNMENTS, Assignment
from grader.checks.choice.evidence import ChoiceEvidence
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.sandbox.supervisor import Sandbox
from grader.scoring import Verdict
from grader.submission import Part

EXAMPLE = Path(__file__).parents[2] / "examples/hw13"
ANSWERS = b'{"2.2": "softer"}'


def verdicts(report: Report) -> dict[str, Verdict]:
    return {question.number: question.verdict for question in report.questions}


def test_report_is_typed(sandbox: Sandbox) -> None:
    report = grade({"loss": EXAMPLE / "loss.py", "answers": ANSWERS}, "hw13", sandbox=sandbox)
    assert (report.assignment, report.state, report.score, report.max_score) == ("hw13", "graded", 0.75, 4.0)
    questions = {question.number: question for question in report.questions}
    loss, choice = questions["2.1"], questions["2.2"]
    assert (loss.verdict, loss.score, loss.max_score) == (Verdict.PARTIAL, 0.25, 0.5)
    assert isinstance(loss.evidence, KDLossEvidence)
    assert loss.messages[0].id == loss.evidence.diagnosis == "kd.soft_term.probabilities_not_log"
    assert "log_softmax" in loss.messages[0].text
    assert isinstance(choice.evidence, ChoiceEvidence)
    assert choice.verdict is Verdict.FULL
    assert report.sandbox
    assert report.timings["total"] > 0
    assert Report.model_validate(json.loads(report.model_dump_json())).score == report.score


@pytest.mark.parametrize("assignment", ["hw13", ASSIGNMENTS / "hw13"], ids=["slug", "folder"])
def test_contents_are_graded_as_files_are(sandbox: Sandbox, tmp_path: Path, assignment: str | Path) -> None:
    (tmp_path / "answers.json").write_bytes(ANSWERS)
    contents: tuple[Path | bytes | Part, ...] = (tmp_path / "answers.json", ANSWERS, Part(ANSWERS))
    reports = [grade({"answers": content}, assignment, sandbox=sandbox) for content in contents]
    assert [verdicts(report)["2.2"] for report in reports] == [Verdict.FULL] * 3
    assert len({report.score for report in reports}) == 1


def test_texts_are_in_the_language_that_is_asked_for(sandbox: Sandbox, hw13: Assignment) -> None:
    report = grade({"answers": ANSWERS}, hw13, language="zh-Hant", sandbox=sandbox)
    assert report.title == hw13.title["zh-Hant"]
    assert report.questions[3].title == "知識蒸餾中的溫度"


@pytest.mark.parametrize(
    ("parts", "assignment", "error"),
    [
        ({"model": "model.py"}, "hw13", TypeError),
        ({"modle": b""}, "hw13", ValueError),
        ({"answers": b"{"}, "hw13", AnswersError),
        ({"loss": EXAMPLE / "absent.py"}, "hw13", FileNotFoundError),
        ({"loss": b""}, "hw99", KeyError),
        ({"loss": b""}, EXAMPLE, ValueError),
    ],
)
def test_unusable_input_is_refused(
    sandbox: Sandbox, parts: dict[str, Any], assignment: str | Path, error: type[Exception]
) -> None:
    with pytest.raises(error):
        grade(parts, assignment, sandbox=sandbox)


def test_importing_the_package_loads_no_engine() -> None:
    code = "import sys, grader; sys.exit(any(name in sys.modules for name in ('numpy', 'pydantic', 'grader.report')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_package_has_no_other_names() -> None:
    import grader

    with pytest.raises(AttributeError, match="no attribute 'grades'"):
        grader.grades  # noqa: B018
