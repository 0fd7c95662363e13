"""`assay gradescope`: the entry point of a Gradescope autograder, which needs no server.

Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from app.commands import uploaded_files
from app.commands.failures import CommandError, ExitCode, UnusableInput
from app.commands.grade import load_assignment, warm_sandbox
from app.exports import gradescope
from app.reports.schemas import QuestionReport
from grader import grade, telling
from grader.assignment import Assignment, Tell
from grader.report import Report
from grader.scoring import Verdict
from grader.submission import SubmittedParts
from grader.version import GRADER_VERSION

_MAX_TRIES = 2
_GRADER_FAILED = "The grader failed in question {numbers}. It is not your mistake: ask the staff to run it again."


def run(name: str, submission: Path, results: Path, repair: str, language: str) -> None:
    """Grade what a student uploaded and write ``results.json``, also when nothing of it can be used.

    Raises `CommandError` when the fault is ours. There is no results file then, so Gradescope records no
    score.
    """
    start = time.perf_counter()
    file = results / "results.json"
    try:
        results.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
    except OSError as error:
        raise UnusableInput(f"cannot write {file}: {error.strerror}") from error
    assignment = load_assignment(name)
    if not submission.is_dir():
        raise UnusableInput(f"there is no folder {submission}; --submission names the uploaded files")
    parts, remarks = uploaded_files.collect(assignment, submission)
    report = _grade_with_retry(assignment, SubmittedParts(parts, "apply" if repair == "apply" else "suggest"), language)
    questions = [
        QuestionReport.model_validate({**question, "evidence": question["evidence"] or {}})
        for question in report.model_dump(mode="json")["questions"]
    ]
    rules = {question.number: telling.rule(assignment, question) for question in assignment.questions}
    output = gradescope.Results(
        score=report.score,
        execution_time=round(time.perf_counter() - start, 3),
        output="\n".join([*remarks, *_remarks(questions, rules)]),
        extra_data={
            "assignment": f"{assignment.slug} version {assignment.version}",
            "grader_version": GRADER_VERSION,
            "files": {name: part.filename for name, part in parts.items()},
        },
        tests=gradescope.tests(questions, rules),
    )
    try:
        file.write_text(json.dumps(output.model_dump(mode="json"), ensure_ascii=False, indent=2), encoding="utf-8")
    except OSError as error:
        raise UnusableInput(f"cannot write {file}: {error.strerror}") from error
    typer.echo(f"{file}: {output.score:g} of {assignment.max_score:g} points")


def _grade_with_retry(assignment: Assignment, submission: SubmittedParts, language: str) -> Report:
    for attempt in range(1, _MAX_TRIES + 1):
        try:
            with warm_sandbox() as sandbox:
                return grade(submission.parts, assignment, repair=submission.repair, language=language, sandbox=sandbox)
        except CommandError as error:
            if attempt == _MAX_TRIES or error.exit_code is not ExitCode.FAILED:
                raise
    raise AssertionError("the last try returns or raises")


def _remarks(questions: Sequence[QuestionReport], rules: Mapping[str, Tell]) -> list[str]:
    failed = [question.number for question in questions if question.verdict is Verdict.FAULT]
    provisional = any(
        question.verdict is Verdict.NEEDS_REVIEW and rules[question.number] is Tell.AT_ONCE for question in questions
    )
    return [
        *([_GRADER_FAILED.format(numbers=", ".join(failed))] if failed else []),
        *([gradescope.PROVISIONAL] if provisional else []),
    ]
