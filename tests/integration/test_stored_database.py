"""A database that 804ec7a made keeps every score: read, scored again, measured again, on both kinds of database."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from app.assignments import service as assignments
from app.assignments.models import PublishedAssignment
from app.audit import service as audit
from app.db import migrate
from app.db.engine import Database
from app.scores.models import StoredScore
from app.settings import Settings
from grader import scoring, stored_evidence
from grader.sandbox.supervisor import Sandbox
from tests.integration.conftest import KINDS, EmptySettings
from tests.integration.service import ServiceInProcess, Site
from tests.stored import loading, record
from tests.stored.people import ADMIN_TOKEN, Course

BEFORE = loading.answers()


ON_EACH = [pytest.param("sqlite", marks=pytest.mark.thorough), KINDS[1]]
"""The slice of `make test` is on PostgreSQL."""


@pytest.fixture(scope="module", params=ON_EACH)
def old_settings(request: pytest.FixtureRequest, empty_settings: EmptySettings) -> Settings:
    """Settings of a copy of the old database, migrated."""
    settings = empty_settings(request.param)
    loading.restore(settings)
    migrate.upgrade(settings)
    return settings


@pytest.fixture(scope="module")
def readers(old_settings: Settings) -> Iterator[Site]:
    """The service on the old database, without a worker: everything stays as it is."""
    service = ServiceInProcess(old_settings)
    yield service
    service.close()


def test_the_api_says_what_it_said(readers: Site) -> None:
    course = Course(readers.url)
    after = json.loads(record.as_lines(record.answers(course)))
    course.http.close()
    assert after.keys() == BEFORE.keys()
    for name in BEFORE:
        moves = [place for place in keeps(after[name], BEFORE[name]) if not OTHER_ATTEMPT.match(place)]
        assert moves == [], name


OTHER_ATTEMPT = re.compile(r"/dated/10/(?:attempt|submission|submitted_at|started_at|finished_at): ")
"""The best attempt is chosen without the choices of an assignment with a deadline; the later of equal ones counts."""
TOLD_ONCE = ("intake.dropped", "intake.import_dropped")
"""Remarks on skipped code, which each question repeated."""


def keeps(after: Any, before: Any, path: str = "") -> list[str]:
    """Where an answer no longer holds what it held. What was added since may stand beside it."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [place for name in before for place in keeps(after.get(name, "missing"), before[name], f"{path}/{name}")]
    if path.endswith("/messages"):
        after, before = ([name for name in names if name not in TOLD_ONCE] for names in (after, before))
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = zip(after, before, strict=True)
        return [place for number, pair in enumerate(pairs) for place in keeps(*pair, f"{path}/{number}")]
    return [] if after == before else [f"{path}: {before!r} became {after!r}"]


@pytest.mark.parametrize("language", ["en", "zh-Hant"])
def test_every_page_renders(readers: Site, language: str) -> None:
    paths = ["/", "/admin", "/admin/people", "/admin/regrades", "/admin/audit", "/admin/assignments"]
    paths += [f"/submissions/{submission}" for submission in BEFORE["reports"]]
    paths += [f"/admin/regrades/{regrade}" for regrade in BEFORE["regrades"]]
    for slug, rows in BEFORE["scores"].items():
        paths += [f"/dashboard/{slug}", f"/dashboard/{slug}/requests", f"/dashboard/{slug}/review"]
        paths += [f"/dashboard/{slug}/students/{row['student']}" for row in rows[:3]]
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Accept": "text/html", "Accept-Language": language}
    broken = {
        path: answer.status_code
        for path in paths
        if (answer := readers.plain.get(path, headers=headers)).status_code != 200
    }
    assert broken == {}


def test_every_export_and_replay_can_be_had(readers: Site) -> None:
    paths = [
        f"/submissions/{submission}/{end}" for submission in BEFORE["reports"] for end in ("results.json", "replay")
    ]
    for slug in BEFORE["scores"]:
        paths += [f"/scores{end}?assignment={slug}" for end in (".csv", "/statistics", "/gradescope.csv")]
    broken = {path: answer.text for path in paths if (answer := readers.admin.get(path)).status_code not in (200, 409)}
    assert broken == {}


def test_the_audit_chain_is_whole(old_settings: Settings) -> None:
    database = Database(old_settings)
    with database.read() as session:
        assert audit.first_broken(session) is None
    database.close()


def test_stored_evidence_earns_what_it_earned(old_settings: Settings) -> None:
    """Every stored score, computed again from its evidence and its rubric."""
    database = Database(old_settings)
    with database.read() as session:
        rows = list(session.scalars(select(StoredScore)))
        changed = []
        for row in rows:
            rubric = assignments.definition(session.get_one(PublishedAssignment, row.rubric_id))
            result = scoring.score(rubric, row.question, stored_evidence.parse(row.evidence.data))
            now = (result.score, result.max_score, result.verdict, result.fault)
            if now != (row.score, row.max_score, row.verdict, row.fault):
                ids = [message["id"] for message in row.messages]
                changed.append((row.question, ids, (row.score, row.verdict, row.fault), now))
    database.close()
    assert len(rows) > 300
    assert changed == []


DATED_ANEW = [("eager", "late", 0.0, 20.0), ("eve", "late", 0.0, 20.0)]
"""Version 2 of the assignment has an earlier deadline, and no published regrade has told these two so."""
MEASURED_ANEW = {("s029", "2.1", 0.0, 0.5), ("s059", "1.1", 0.0, 0.5), ("s048", "1.2", 0.5, 0.0)}
"""Intake reads more than 0.1.0 did, and a list of several totals without a table waits for review at 0 points."""


@pytest.fixture(scope="module", params=ON_EACH)
def graders(request: pytest.FixtureRequest, empty_settings: EmptySettings, sandbox: Sandbox) -> Iterator[Course]:
    """The service on another copy, which grades: what was under way when the copy was made goes on."""
    settings = empty_settings(request.param)
    loading.restore(settings)
    migrate.upgrade(settings)
    service = ServiceInProcess(settings, sandbox)
    course = Course(service.url)
    yield course
    course.http.close()
    service.close()


def unfinished() -> list[str]:
    """The submissions that waited or ran when the old worker was killed."""
    return [name for name, report in BEFORE["reports"].items() if report["state"] in ("queued", "running")]


def test_submissions_under_way_are_graded(graders: Course) -> None:
    assert len(unfinished()) >= 4
    for submission in unfinished():
        graders.end(submission)
        report = graders.ask("GET", f"/submissions/{submission}")
        assert (report["state"], report["fault"]) == ("graded", None)
        assert report["score"] == (2.5 if report["student"] in ("quinn", "quentin") else 2.0)


def test_a_regrade_under_way_comes_to_its_preview(graders: Course) -> None:
    (running,) = [name for name, regrade in BEFORE["regrades"].items() if regrade["state"] == "running"]
    view = preview(graders, running)
    assert (view["done"], view["faults"]) == (view["total"], [])
    assert moved(graders, running) == []
    graders.ask("POST", f"/admin/regrades/{running}/publish")


@pytest.mark.parametrize("student", ["olga", "late"])
def test_measured_again_it_earns_the_same(graders: Course, student: str) -> None:
    measure_again(graders, "dated" if student == "late" else "hw13", student=student)


@pytest.mark.thorough
@pytest.mark.parametrize("slug", ["hw13", "dated", "curves"])
def test_measured_again_every_class_earns_the_same(graders: Course, slug: str) -> None:
    measure_again(graders, slug)


def measure_again(course: Course, slug: str, **where: str) -> None:
    """Measure with today's checks, publish, and compare."""
    body = {"assignment": slug, "kind": "remeasure", "where": where}
    made = course.ask("POST", "/admin/regrades", 202, json=body)["id"]
    view = preview(course, made)
    assert view["total"] > 0
    assert view["faults"] == []
    moves = moved(course, made)
    assert moves == DATED_ANEW or MEASURED_ANEW.issuperset(moves)
    course.ask("POST", f"/admin/regrades/{made}/{'publish' if where else 'cancel'}")


@pytest.mark.parametrize(("slug", "moves"), [("hw13", []), ("dated", DATED_ANEW), ("curves", []), ("no-files", [])])
def test_scored_again_every_class_earns_the_same(graders: Course, slug: str, moves: list[Any]) -> None:
    made = rescore(graders, slug)
    assert moved(graders, made) == moves
    graders.ask("POST", f"/admin/regrades/{made}/cancel")


def rescore(course: Course, slug: str) -> str:
    """A rescore that has come to its preview."""
    made: str = course.ask("POST", "/admin/regrades", 202, json={"assignment": slug, "kind": "rescore"})["id"]
    assert preview(course, made)["faults"] == []
    return made


def preview(course: Course, regrade: str, seconds: float = 240) -> dict[str, Any]:
    """A regrade that has come to its preview."""
    until = time.monotonic() + seconds
    while (view := course.ask("GET", f"/admin/regrades/{regrade}"))["state"] == "running":
        assert time.monotonic() < until, view
        time.sleep(0.1)
    assert view["state"] == "preview", view
    return dict(view)


def moved(course: Course, regrade: str) -> list[tuple[str, str, float, float]]:
    """The changes of points, by student and question."""
    changes = course.ask("GET", f"/admin/regrades/{regrade}/changes")
    return [
        (change["student"], change["question"], change["old"], change["new"])
        for change in changes
        if change["old"] != change["new"]
    ]
