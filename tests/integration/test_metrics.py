"""What operators watch: metrics of the whole installation, and logs that name the hand-in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.integration.service import MODEL, Service, assert_problem

ROOT = Path(__file__).parents[2]
MONITORING = (ROOT / "docs/monitoring.md").read_text()
DIES = MODEL.replace("    return StudentNet()", "    import os\n    os._exit(0)")


def metrics(service: Service) -> dict[str, float]:
    """Every sample by name and labels."""
    text = service.plain.get("/metrics").text
    return {name: float(value) for name, value in re.findall(r"^([a-z_]+(?:\{[^}]*\})?) ([\d.e+-]+)$", text, re.M)}


def grown(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """By how much each sample grew."""
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}


@pytest.mark.parametrize("service", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_gradings_are_counted_once_by_outcome_stage_and_kill(service: Service) -> None:
    student = service.person()
    before = metrics(service)
    student.report(student.hand_in(model=MODEL), wait=60)
    submission = student.hand_in(model=DIES)
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


def test_the_age_of_the_queue_is_that_of_the_oldest_hand_in(api: Service) -> None:
    api.person().hand_in(model=MODEL)
    first = metrics(api)["assay_queue_age_seconds"]
    assert first > 0
    api.person().hand_in(model=MODEL + "# later\n")
    assert metrics(api)["assay_queue_age_seconds"] > first


def test_refused_tokens_are_counted(api: Service) -> None:
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


def test_the_dashboard_and_the_alerts_ask_for_what_there_is(api: Service) -> None:
    told = set(re.findall(r"^# TYPE (\w+) \w+$", api.plain.get("/metrics").text, re.M))
    told |= {f"{name}_{part}" for name in told for part in ("bucket", "sum", "count")}
    panels = json.loads((ROOT / "ops/grafana/assay.json").read_text())["panels"]
    asked = {panel["title"]: target["expr"] for panel in panels for target in panel["targets"]}
    asked |= {rule["alert"]: rule["expr"] for rule in alerts()}
    assert len(asked) > 15
    for where, expression in asked.items():
        assert set(re.findall(r"\bassay_[a-z_]+", expression)) <= told, where
    table = re.findall(r"^\| (`assay_.*?) \|", MONITORING, re.M)
    described = {name for cell in table for name in re.findall(r"assay_[a-z_]+", cell)}
    assert described == {name for name in told if name.startswith("assay_")} - _parts(told)


def test_every_alert_is_explained() -> None:
    explained = re.findall(r"^### (\w+)$", MONITORING, re.M)
    assert explained == [rule["alert"] for rule in alerts()]
    assert all(rule["labels"]["severity"] in ("page", "ticket") and rule["annotations"]["summary"] for rule in alerts())


def alerts() -> list[dict[str, Any]]:
    """Every alert rule."""
    groups = yaml.safe_load((ROOT / "ops/prometheus/alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _parts(names: set[str]) -> set[str]:
    """Samples that belong to a metric of another name."""
    return {name for name in names if re.search(r"_(bucket|sum|count|created)$", name)}
