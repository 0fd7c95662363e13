"""What operators watch: metrics of the whole installation, and logs that name the hand-in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.integration.conftest import MakeSettings
from tests.integration.service import MODEL, Service, Site, assert_problem

DIES = MODEL.replace("    return StudentNet()", "    import os\n    os._exit(0)")


def metrics(service: Site) -> dict[str, float]:
    """Every sample by name and labels."""
    text = service.plain.get("/metrics").text
    return {name: float(value) for name, value in re.findall(r"^([a-z_]+(?:\{[^}]*\})?) ([\d.e+-]+)$", text, re.M)}


def grown(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """By how much each sample grew."""
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}


@pytest.fixture(scope="module")
def service(make_settings: MakeSettings) -> Iterator[Service]:
    """A process of its own: its log is read, and nobody else counts in it."""
    started = Service(make_settings("postgresql"), worker=True)
    yield started
    started.close()


@pytest.mark.postgresql
def test_gradings_are_counted_once_by_outcome_stage_and_kill(service: Service) -> None:
    student = service.person()
    before = metrics(service)
    student.report(student.submit(model=MODEL), wait=60)
    submission = student.submit(model=DIES)
    assert student.report(submission, wait=60)["questions"][0]["evidence"]["outcome"] == "died"
    after = metrics(service)
    grew = grown(before, after)
    assert grew['assay_runs_ended_total{outcome="finished"}'] == 2
    assert grew['assay_sandbox_kills_total{reason="died"}'] == 1
    assert grew['assay_stage_seconds_count{stage="total"}'] == 2
    assert grew['assay_stage_seconds_sum{stage="model"}'] > 0
    assert not any(name.startswith("assay_question_faults") for name in grew)
    assert not any(name.startswith("assay_runs_ended") for name in grown(after, metrics(service))), "counted again"
    assert after['assay_workers{state="alive"}'] == 1
    assert after["assay_queue_age_seconds"] == 0

    events = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    about = [event for event in events if event["event"] in ("grading", "question", "graded")]
    assert {event["submission"] for event in about if event.get("submission") == submission} == {submission}
    assert all(event.get("submission") for event in about)
    first = next(number for number, event in enumerate(events) if event.get("submission") == submission)
    last = max(number for number, event in enumerate(events) if event.get("submission") == submission)
    between = events[first : last + 1]
    assert [event for event in between if event.get("submission") != submission] == [], "this service does nothing else"
    assert {"grading", "question", "graded"} <= {event["event"] for event in between}


def test_the_age_of_the_queue_is_that_of_the_oldest_submission(api: Site) -> None:
    api.person().submit(model=MODEL)
    first = metrics(api)["assay_queue_age_seconds"]
    assert first > 0
    api.person().submit(model=MODEL + "# later\n")
    assert metrics(api)["assay_queue_age_seconds"] > first


def test_refused_tokens_are_counted(api: Site) -> None:
    before = metrics(api)
    assert_problem(api.client("assay_nonsense").get("/submissions"), 401)
    assert api.plain.post("/login", data={"token": "nonsense"}).status_code == 401
    assert api.admin.get("/submissions").status_code == 200
    assert api.plain.get("/api/v1/submissions").status_code == 401
    refused = {name: n for name, n in grown(before, metrics(api)).items() if "tokens_refused_total" in name}
    assert refused == {
        'assay_tokens_refused_total{where="bearer"}': 1,
        'assay_tokens_refused_total{where="login"}': 1,
    }
