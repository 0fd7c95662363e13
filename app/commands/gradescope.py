"""`assay gradescope`: the entry point of a Gradescope autograder, which needs no server.

Gradescope's metadata say when the submission came, when it was due, and which came before: the assignment's late rule
and its limit of attempts hold there too.

Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import typer

from app import language as language_of
from app.commands import gradescope_metadata, uploaded_files
from app.commands.failures import CommandError, ExitCode, UnusableInput
from app.commands.grade import load_assignment
from app.commands.gradescope_metadata import Metadata
from app.commands.warm_sandbox import warm_sandbox
from app.exports import gradescope
from app.reports.building import late_text
from app.reports.schemas import QuestionReport
from grader import grade, telling
from grader.assignment import Assignment, Tell
from grader.lateness import Lateness
from grader.report import Report
from grader.scoring import Verdict
from grader.submission import SubmittedParts
from grader.version import GRADER_VERSION

_MAX_TRIES = 2
_GRADER_FAILED = "The grader failed in question {numbers}. It is not your mistake: ask the staff to run it again."


_NOT_GRADED = {
    "en": "All {limit} attempts of the 24 hours before this submission were used, so it was not graded: its score is "
    "that of your earlier submission that counts. Submit again after {time}.",
    "zh-Hant": "此次繳交前 24 小時內的 {limit} 次機會都已用完，因此未評分，分數沿用先前採計的繳交。"
    "請在 {time} 之後再繳交。",
}
_LATE = {
    "en": "Submitted late, on day {days} after the deadline: {percent:g}% of the points are deducted.",
    "zh-Hant": "遲交 {days} 天（不足一天以一天計），扣除 {percent:g}% 的分數。",
}
"""Where a result is hidden, the sentence tells no points."""
_BETTER = {
    "en": "An earlier submission has {score:g} points. Gradescope counts the active one: you can activate it in the "
    "submission history.",
    "zh-Hant": "先前有一次繳交得到 {score:g} 分。Gradescope 採計使用中的繳交：可在繳交紀錄中改為使用該次。",
}


def run(name: str, submission: Path, results: Path, metadata: Path, repair: str, language: str) -> None:
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
    history = _read_metadata(metadata)
    rules = {question.number: telling.rule(assignment, question) for question in assignment.questions}
    if history is not None and (next_at := history.next_attempt_at(assignment.schedule)):
        _write(file, _not_graded(assignment, history, rules, next_at, language))
        return
    parts, remarks = uploaded_files.collect(assignment, submission)
    report = _grade_with_retry(assignment, SubmittedParts(parts, "apply" if repair == "apply" else "suggest"), language)
    questions = [
        QuestionReport.model_validate({**question, "evidence": question["evidence"] or {}})
        for question in report.model_dump(mode="json")["questions"]
    ]
    late = None if history is None else history.lateness(assignment.schedule)
    score = report.score if late is None else late.reduced(report.score)
    notes = [] if history is None else _notes(assignment, history, late, rules, report.score, score, language)
    output = gradescope.Results(
        score=score,
        execution_time=round(time.perf_counter() - start, 3),
        output="\n".join([*remarks, *_remarks(questions, rules), *notes]),
        extra_data={
            "assignment": f"{assignment.slug} version {assignment.version}",
            "grader_version": GRADER_VERSION,
            "files": {name: part.filename for name, part in parts.items()},
            **({} if history is None else {"attempt": len(history.attempts()) + 1}),
            **({} if late is None else {"days_late": late.days, "percent_deducted": late.percent}),
        },
        tests=gradescope.tests(questions, rules),
    )
    _write(file, output)
    typer.echo(f"{file}: {output.score:g} of {assignment.max_score:g} points")


def _write(file: Path, output: gradescope.Results) -> None:
    try:
        file.write_text(json.dumps(output.model_dump(mode="json"), ensure_ascii=False, indent=2), encoding="utf-8")
    except OSError as error:
        raise UnusableInput(f"cannot write {file}: {error.strerror}") from error


def _read_metadata(file: Path) -> Metadata | None:
    """The metadata. Without any that can be read the submission is graded all the same, and the staff's log says so."""
    try:
        metadata = gradescope_metadata.read(file)
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {' '.join(str(error).split())[:300]}"
    else:
        if metadata is not None:
            return metadata
        reason = "is missing"
    typer.echo(f"{file} {reason}. Graded without a deadline and without a limit of attempts.", err=True)
    return None


def _not_graded(
    assignment: Assignment, history: Metadata, rules: Mapping[str, Tell], next_at: datetime, language: str
) -> gradescope.Results:
    """The results of a submission beyond the limit of attempts.

    The one test has the strictest visibility of the questions, because Gradescope hides the total with it.
    """
    score, limit = history.counted_score(assignment.schedule), assignment.schedule.attempts_per_day
    time = next_at.astimezone(history.created_at.tzinfo).strftime("%Y-%m-%d %H:%M (UTC%z)")
    return gradescope.Results(
        score=score,
        output=language_of.text(_NOT_GRADED, language).format(limit=limit, time=time),
        extra_data={gradescope_metadata.REFUSED: "attempts", "grader_version": GRADER_VERSION},
        tests=[gradescope.earlier_score(score, assignment.max_score, rules.values())],
    )


def _notes(
    assignment: Assignment,
    history: Metadata,
    late: Lateness | None,
    rules: Mapping[str, Tell],
    earned: float,
    score: float,
    language: str,
) -> list[str]:
    """What the student reads of lateness and of an earlier submission: no points while Gradescope hides the total."""
    is_open = all(rule is Tell.AT_ONCE for rule in rules.values())
    notes = []
    if late is not None and (is_open or not late.percent):
        notes.append(late_text(late, earned, language))
    elif late is not None:
        notes.append(language_of.text(_LATE, language).format(days=late.days, percent=late.percent))
    best = max((one.score for one in history.attempts() if one.score is not None), default=0.0)
    if is_open and assignment.schedule.keep == "best" and best > score:
        notes.append(language_of.text(_BETTER, language).format(score=best))
    return notes


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
