"""A kind of check from outside the package is graded like those inside it: both stages, page, export and regrade."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from jinja2 import ChoiceLoader, DictLoader

from app.assignments import service as assignments
from app.db.engine import Database
from app.exports import json_lines
from app.pages import rendering
from app.queue.dbos_engine import DbosJobs
from app.regrades import service
from app.regrades.models import Kind, RegradeState
from app.regrades.preview import Previewer
from app.regrades.remeasuring import Remeasurement
from app.scores.class_cache import ClassCache
from app.settings import Settings
from app.submissions.models import State
from grader import assignment_check, grade, messages
from grader.assignment import Assignment, bundled, from_files
from grader.checks import registry
from grader.sandbox.supervisor import Sandbox
from tests.integration import length_check
from tests.integration import test_jobs as jobs_of_workers
from tests.integration.service import MODEL
from tests.integration.test_later_stage import ON_SQLITE
from tests.integration.test_regrade_jobs import RegradedCourse
from tests.unit.pages.conftest import open_course

SUMMARY = "Total params: 3,611 of 3,611"
FRAGMENT = '<p id="length">{{ evidence.characters }} characters, {{ evidence.numbers }} numbers</p>'


@pytest.fixture(autouse=True)
def sixth_check(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    environment = rendering._environment
    loaders = [environment.loader, DictLoader({"evidence_length.html": FRAGMENT})]
    monkeypatch.setattr(environment, "loader", ChoiceLoader([loader for loader in loaders if loader is not None]))
    length_check.add()
    yield
    del registry.CHECKS["length"]
    messages._FILES.remove(length_check.MESSAGES)
    messages.catalogue.cache_clear()


def asked(version: int = 1, most: int = 40, skip: str = "") -> Assignment:
    """The worked assignment, whose question 1.2 has the sixth kind."""
    text = bundled("hw13").files["assignment.toml"].replace("version = 1\n", f"version = {version}\n")
    begin, end = text.index('check = "summary"'), text.index("[[questions]]", text.index('check = "summary"'))
    question = f'''check = "length"
points = 0.5
parts = ["summary"]
title = {{ en = "Short summary", zh-Hant = "短的 summary" }}
[questions.options]
most = {most}
too_long_points = 0.25
skip = "{skip}"

'''
    return from_files({**bundled("hw13").files, "assignment.toml": text[:begin] + question + text[end:]})


def of_length(report: dict[str, Any]) -> dict[str, Any]:
    return next(question for question in report["questions"] if question["number"] == "1.2")


def test_options_of_a_sixth_check_are_checked(tmp_path: Any) -> None:
    for name, text in asked().files.items():
        (tmp_path / name).write_text(text.replace("too_long_points = 0.25", "too_long_points = 0.75\nmore = 1"))
    _, faults = assignment_check.check(tmp_path)
    wrong = [fault.what for fault in faults]
    assert len(wrong) == 2, wrong
    assert "too_long_points: is a number of points from 0 to 0.5, not 0.75" in wrong[0]
    assert "more: is no option of length" in wrong[1]


def test_sixth_check_is_graded_from_python(sandbox: Sandbox) -> None:
    report = grade({"model": MODEL.encode(), "summary": SUMMARY.encode()}, asked(), sandbox=sandbox)
    question = of_length(report.model_dump(mode="json"))
    assert (question["verdict"], question["score"]) == ("full", 0.5)
    assert (question["evidence"]["kind"], question["evidence"]["numbers"]) == ("length", 2)
    assert question["messages"][0]["text"] == "Your summary has 28 characters and 2 numbers: short enough."


@ON_SQLITE
def test_sixth_check_has_stages_page_export_and_regrade(
    settings: Settings, database: Database, jobs: DbosJobs, sandbox: Sandbox
) -> None:
    course = RegradedCourse(database, jobs)
    with database.write() as session:
        assignments.publish(session, asked())
    submission = course.submit(model=MODEL, summary=SUMMARY)

    jobs_of_workers.grade(course, sandbox, submission)
    first = of_length(course.report(submission))
    assert (first["verdict"], first["score"], first["evidence"]["numbers"]) == ("full", 0.5, None)
    assert course.submission(submission).state is State.RUNNING, "the later stage is due"

    jobs_of_workers.measure(course, sandbox, submission)
    assert course.submission(submission).state is State.GRADED
    graded = of_length(course.report(submission))
    assert (graded["score"], graded["evidence"]["numbers"]) == (0.5, 2)

    page = open_course(settings).get(f"/submissions/{submission}").text
    assert '<p id="length">28 characters, 2 numbers</p>' in page
    (line,) = [
        data for data in map(json.loads, json_lines.lines(database, "hw13", "en")) if data["kind"] == "submission"
    ]
    assert of_length(line)["evidence"] == graded["evidence"]
    with database.read() as session:
        (attempt,) = ClassCache().snapshot(session, "hw13").graded
    assert (attempt.parameters, attempt.accuracy) == (graded["evidence"]["parameters"], 28)

    after_rescore = regraded(course, sandbox, submission, Kind.RESCORE, asked(version=2, most=20))
    assert (after_rescore["score"], after_rescore["messages"][-1]["id"]) == (0.25, "length.too_long")
    same = regraded(course, sandbox, submission, Kind.REMEASURE, asked(version=3, most=30))
    assert (same["score"], same["evidence"]) == (0.5, graded["evidence"])
    assert runs_of_regrades(course, submission) == 0, "an option for scoring makes nothing stale"
    again = regraded(course, sandbox, submission, Kind.REMEASURE, asked(version=4, skip=","))
    assert (again["evidence"]["characters"], again["evidence"]["numbers"]) == (26, 2)
    assert runs_of_regrades(course, submission) == 1


def runs_of_regrades(course: RegradedCourse, submission: uuid.UUID) -> int:
    return sum(run.regrade_id is not None for run in course.runs(submission))


def regraded(
    course: RegradedCourse, sandbox: Sandbox, submission: uuid.UUID, kind: Kind, version: Assignment
) -> dict[str, Any]:
    """The question after a published regrade with this version."""
    with course.database.write() as session:
        assignments.publish_version(session, version, "test")
    regrade = course.regrade(kind)
    Previewer(course.database, course.jobs, lambda: False).run(regrade)
    if kind is Kind.REMEASURE:
        Remeasurement(jobs_of_workers.grader(course, sandbox), regrade, submission).run()
    assert course.view(regrade).state is RegradeState.PREVIEW
    with course.database.write() as session:
        service.publish(session, course.admin, regrade)
    return of_length(course.report(submission))
