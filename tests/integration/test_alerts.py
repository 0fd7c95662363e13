"""The alert rules and the dashboard: every expression is PromQL and asks for what there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.service import Site

ROOT = Path(__file__).parents[2]
MONITORING = (ROOT / "docs/monitoring.md").read_text()
BOARD: dict[str, Any] = json.loads((ROOT / "ops/grafana/assay.json").read_text())
PANELS: list[dict[str, Any]] = BOARD["panels"]
GROUPS: list[dict[str, Any]] = yaml.safe_load((ROOT / "ops/prometheus/alerts.yaml").read_text())["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
OF_PROMETHEUS = {"up": {"job": {"assay"}, "instance": set[str]()}}
"""What Prometheus itself adds. The job's name is the one that the documents configure."""
_UNSEEN = {"status": {"500"}, "state": {"queued", "running"}}
"""Values that a service without a fault and without work does not show."""
_COLUMNS = 24
SQLITE = pytest.mark.parametrize("api", ["sqlite"], indirect=True)
Samples = dict[str, dict[str, set[str]]]
"""For every sample's name its labels, for each label the values seen."""


def asked() -> dict[str, str]:
    """Every expression by where it stands."""
    of_panels = {panel["title"]: target["expr"] for panel in PANELS for target in panel["targets"]}
    return of_panels | {rule["alert"]: rule["expr"] for rule in RULES}


@pytest.fixture(scope="module")
def documented() -> dict[str, set[str]]:
    """The labels of every metric, as the page about monitoring has them."""
    found = {}
    for row in re.findall(r"^\| (`assay_.*?) \|(.*?)\|", MONITORING, re.M):
        names, labels = (re.findall(r"`([a-z_]+)`", cell) for cell in row)
        for name in names:
            # A row of several metrics has the label of each in turn, where it has one.
            found[name] = set(labels) if len(names) == 1 else set()
    return found


def samples(service: Site) -> Samples:
    """What the service tells."""
    service.admin.get("/submissions")
    found: Samples = {}
    for family in text_string_to_metric_families(service.plain.get("/metrics").text):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return found | OF_PROMETHEUS


def selectors(node: Any) -> Iterator[tuple[Any, set[str]]]:
    """Every selector of an expression, with the labels that what stands around it groups by."""
    if isinstance(node, promql.VectorSelector):
        yield node, set()
    elif isinstance(node, promql.MatrixSelector):
        yield node.vector_selector, set()
    elif isinstance(node, promql.AggregateExpr):
        by = set(node.modifier.labels) if node.modifier else set()
        for selector, labels in selectors(node.expr):
            yield selector, labels | by
    elif isinstance(node, promql.Call):
        for argument in node.args:
            yield from selectors(argument)
    elif isinstance(node, promql.BinaryExpr):
        yield from selectors(node.lhs)
        yield from selectors(node.rhs)
    elif isinstance(node, promql.ParenExpr | promql.UnaryExpr | promql.SubqueryExpr):
        yield from selectors(node.expr)
    else:
        assert isinstance(node, promql.NumberLiteral | promql.StringLiteral), node


def wrong(expression: str, told: Samples) -> list[str]:
    """What an expression asks for that nothing tells. Raises ``ValueError`` when it is no PromQL."""
    found = list(selectors(promql.parse(expression)))
    assert found, expression
    faults = []
    for selector, grouped in found:
        if selector.name not in told:
            faults.append(f"no metric {selector.name}")
            continue
        labels = told[selector.name]
        faults += [f"{selector.name} has no label {label}" for label in sorted(grouped - labels.keys())]
        for matcher in selector.matchers.matchers:
            values = labels.get(matcher.name, set()) | _UNSEEN.get(matcher.name, set())
            wanted = matcher.value.split("|") if matcher.op in (promql.MatchOp.Re, promql.MatchOp.NotRe) else None
            for one in wanted or [re.escape(matcher.value)]:
                if matcher.name not in labels or not any(re.fullmatch(one, value) for value in values):
                    faults.append(f"{selector.name} has no {matcher}")
    return faults


@SQLITE
def test_every_expression_asks_for_what_there_is(api: Site) -> None:
    told = samples(api)
    told.setdefault("assay_stage_seconds_bucket", {"stage": {"total"}, "le": {"1.0"}})  # once a run has ended
    assert len(asked()) == len(PANELS) + len(RULES) > 15
    assert {where: wrong(expression, told) for where, expression in asked().items()} == {where: [] for where in asked()}


@SQLITE
@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("max(assay_worker)", "no metric assay_worker"),
        ('max(assay_workers{state="live"})', 'assay_workers has no state="live"'),
        ('max(assay_workers{status="alive"})', 'assay_workers has no status="alive"'),
        ("max by (owner) (assay_workers) > 0.5 * sum(up)", "assay_workers has no label owner"),
    ],
)
def test_what_there_is_not_is_found(api: Site, expression: str, fault: str) -> None:
    assert wrong(expression, samples(api)) == [fault]


@SQLITE
def test_every_metric_is_described_with_its_labels(api: Site, documented: dict[str, set[str]]) -> None:
    families = {family.name: family for family in text_string_to_metric_families(api.plain.get("/metrics").text)}
    ours = {name if family.type != "counter" else f"{name}_total" for name, family in families.items()}
    assert documented.keys() == {name for name in ours if name.startswith("assay_") and not name.endswith("_created")}
    told = samples(api)
    for name, labels in documented.items():
        seen = told.get(name) or told.get(f"{name}_bucket") or {}
        assert not labels or not seen or set(seen) - {"le"} == labels, name


@SQLITE
def test_what_a_rule_counts_is_there_before_it_grows(api: Site) -> None:
    """An increase from nothing is none to Prometheus: a first fault must find its series at 0."""
    told = samples(api)
    for rule in RULES:
        for selector, _ in selectors(promql.parse(rule["expr"])):
            counted = selector.name.endswith("_total") and selector.name != "assay_http_requests_total"
            assert not counted or told.get(selector.name), rule["alert"]


def test_every_alert_is_explained() -> None:
    assert re.findall(r"^### (\w+)$", MONITORING, re.M) == [rule["alert"] for rule in RULES]
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, rule
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert not rule.get("for") or promql.parse_duration(rule["for"])
        named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        grouped = set().union(*(labels for _, labels in selectors(promql.parse(rule["expr"]))))
        assert named <= grouped, "a label that the expression throws away is empty in the alert"


def test_the_dashboard_is_one() -> None:
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time", "refresh"} <= set(BOARD)
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    variables = {f"${{{variable['name']}}}" for variable in BOARD["templating"]["list"]}
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        assert 0 < place["w"] <= _COLUMNS - place["x"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["type"] == "timeseries"
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        for where in (panel, *panel["targets"]):
            assert (where["datasource"]["type"], where["datasource"]["uid"] in variables) == ("prometheus", True)
        for target in panel["targets"]:
            grouped = set().union(*(labels for _, labels in selectors(promql.parse(target["expr"]))))
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= grouped, panel["title"]
