"""The measured curve on the report: what is drawn is what the table beside it says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from app.pages import rendering
from app.presenting import language
from grader.checks.pruning.evidence import PruningEvidence

CURVE = (
    {"ratio": 0.0, "accuracy": 0.7, "low": 0.66, "high": 0.74},
    {"ratio": 0.5, "accuracy": 0.4, "low": 0.36, "high": 0.44},
)
EVIDENCE = PruningEvidence(
    points=((0.0, 0.71), (0.5, 0.3)),
    curve=CURVE,
    weights="distilled",
    reference_curve=({"ratio": 0.0, "accuracy": 0.95}, {"ratio": 0.5, "accuracy": 0.9}),
    images=550,
    baseline="medium",
    baselines={"simple": 0.4482, "medium": 0.6484, "strong": 0.8237},
    data="food11-mini",
    image_size=32,
    class_names=("bread", "dairy"),
    confusion=((200, 75), (90, 185)),
    first_layer_curve=({"ratio": 0.0, "accuracy": 0.7}, {"ratio": 0.5, "accuracy": 0.69}),
)


def html(
    evidence: PruningEvidence, tag: str = "en", without: Sequence[str] = (), interim: dict[str, Any] | None = None
) -> str:
    template = rendering._environment.get_template("evidence_pruning.html")
    data = {name: value for name, value in evidence.model_dump(mode="json").items() if name not in without}
    return template.render(
        evidence=data,
        report=SimpleNamespace(picture="/picture"),
        question=SimpleNamespace(number="3.1", interim=interim),
        t=partial(language.text, tag),
    )


def drawing(text: str) -> ElementTree.Element:
    found = re.search(r"<svg.*?</svg>", text, re.DOTALL)
    assert found is not None
    return ElementTree.fromstring(found[0])


@pytest.mark.parametrize("tag", language.LANGUAGES)
def test_curve_interval_teacher_and_points_are_drawn_and_listed(tag: str) -> None:
    text = html(EVIDENCE, tag)
    svg = drawing(text)
    lines = {line.get("class"): line.get("points", "").split() for line in svg.iter("polyline")}
    assert lines[None] == ["40.0,84.24", "164.0,139.68"]
    assert lines["reference"] == ["40.0,38.04", "164.0,47.28"]
    assert lines["alone"] == ["40.0,84.24", "164.0,86.09"]
    (interval,) = svg.iter("polygon")
    assert interval.get("points", "").split() == ["40.0,76.85", "164.0,132.29", "164.0,147.07", "40.0,91.63"]
    assert len([path for path in svg.iter("path") if path.get("class") == "own"]) == 2
    assert len(list(svg.iter("circle"))) == 2
    baselines = [node.text for node in svg.iter("text") if node.get("class") == "baseline"]
    assert baselines == ["simple", "medium", "strong"]
    cells = re.findall(r"<td class=\"number(?: nowrap)?\">([^<]*)</td>", text)
    assert cells[:10] == [
        "0.00",
        "0.700",
        "0.660 – 0.740",
        "0.710",
        "0.950",
        "0.50",
        "0.400",
        "0.360 – 0.440",
        "0.300",
        "0.900",
    ]


@pytest.mark.parametrize(
    ("width", "height", "drawn"),
    [(640, 480, 240), (1000, 500, 180), (300, 900, 320), (512, 440, 275)],
)
def test_the_chart_has_the_frame_of_the_picture_and_its_axes(width: int, height: int, drawn: int) -> None:
    picture = {"format": "PNG", "width": width, "height": height, "sha256": "0" * 64}
    text = html(EVIDENCE.model_copy(update={"picture": picture}))
    image = re.search(r'<img src="/picture"[^>]* width="(\d+)" height="(\d+)"', text)
    assert image is not None
    svg = drawing(text)
    assert svg.get("viewBox", "").split() == ["0", "0", *image.groups()] == ["0", "0", "320", str(drawn)]
    grid = [float(node.get("y1", "")) for node in svg.iter("line") if node.get("class") == "grid"]
    assert (grid[0], grid[-1]) == pytest.approx((0.89 * drawn, 0.12 * drawn), abs=0.01)
    labels = [node.text for node in svg.iter("text")]
    assert {"0%", "50%", "100%", "0.25", "Accuracy"} <= set(labels)


def test_accuracy_is_told_with_interval_and_baselines() -> None:
    text = " ".join(html(EVIDENCE).split())
    assert "70.0% (95% interval 66.0 to 74.0, 550 held-out images)" in text
    assert "✓ simple 44.8%" in text
    assert "✓ medium 64.8%" in text
    assert "– strong 82.4%" in text
    assert "food11-mini, 32 × 32" in text


def test_confusion_matrix_names_the_true_classes_and_the_answers() -> None:
    text = html(EVIDENCE)
    assert (
        '<th scope="row" class="nowrap">1 dairy</th><td class="number">90</td><td class="number right">185</td>' in text
    )
    assert '<td class="number">0.67</td>' in text


def test_evidence_of_an_older_grader_is_shown_as_before() -> None:
    curve = tuple({"ratio": point["ratio"], "accuracy": point["accuracy"]} for point in CURVE)
    new = ("data", "image_size", "class_names", "confusion", "baselines", "first_layer_curve", "points_check")
    text = html(EVIDENCE.model_copy(update={"curve": curve}), without=new)
    assert not list(drawing(text).iter("polygon"))
    assert "confusion" not in text


@pytest.mark.parametrize(
    ("tag", "count"), [("en", "points so far 2, still to come 7 at most"), ("zh-Hant", "目前 2 點")]
)
def test_curve_is_drawn_while_it_grows_and_says_how_much_is_to_come(tag: str, count: str) -> None:
    before = PruningEvidence(points=EVIDENCE.points)
    interim = {"curve": CURVE, "weights": "distilled", "reference_curve": EVIDENCE.reference_curve, "to_come": 7}
    text = html(before, tag, interim=interim)
    svg = drawing(text)
    assert len(list(svg.iter("circle"))) == 2
    assert {line.get("class") for line in svg.iter("polyline")} == {None, "reference"}
    assert len([path for path in svg.iter("path") if path.get("class") == "own"]) == 2
    assert count in text
    assert "<table" not in text, "its numbers come with the whole curve"
    assert count not in html(EVIDENCE, tag, interim=interim), "the stored curve counts"
