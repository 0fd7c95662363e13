"""Fingerprints of pictures: copies of a plot lie close together, other plots apart."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from grader.checks.pruning import measure
from grader.picture_fingerprint import NEAR, SIDE, Fingerprint, fingerprint
from tests.unit.checks.plot_drawings import Axes, encoded, gentle, sigmoid

PLOT = Axes(grid="#dddddd").line().marks(sigmoid, "#1f77b4").image


def distance(first: Image.Image, second: Image.Image) -> float:
    digits = [fingerprint(image) for image in (first, second)]
    assert digits[0] is not None
    assert digits[1] is not None
    return Fingerprint(digits[0]).distance(Fingerprint(digits[1]))


def with_margin(image: Image.Image) -> Image.Image:
    page = Image.new("RGB", (image.width + 120, image.height + 90), "white")
    page.paste(image, (70, 20))
    return page


@pytest.mark.parametrize(
    "copied",
    [
        lambda image: Image.open(io.BytesIO(encoded(image, "JPEG", 40))),
        lambda image: image.resize((517, 388)),
        lambda image: image.resize((1920, 1440)),
        with_margin,
    ],
    ids=["jpeg", "smaller", "larger", "margin"],
)
def test_a_copy_is_near(copied: Callable[[Image.Image], Image.Image]) -> None:
    assert distance(PLOT, copied(PLOT)) <= NEAR


@pytest.mark.parametrize(
    "other",
    [
        Axes(grid="#dddddd").line(gentle).marks(gentle, "#1f77b4").image,
        Axes(grid="#dddddd").line(lambda ratio: sigmoid(ratio + 0.12)).marks(sigmoid, "#1f77b4").image,
        Axes().bars().image,
        Axes(page="#222222", ink="white").line(gentle, "yellow").image,
    ],
    ids=["gentle", "earlier", "bars", "dark"],
)
def test_another_plot_is_not_near(other: Image.Image) -> None:
    assert distance(PLOT, other) > NEAR


def test_curves_on_a_shaded_panel_are_told_apart() -> None:
    first, second = (
        Axes(panel="#eaeaf2").line(curve).image for curve in (sigmoid, lambda ratio: sigmoid(ratio + 0.06))
    )
    assert distance(first, first.resize((800, 600))) <= NEAR
    assert distance(first, second) > NEAR


def test_a_distance_is_the_share_of_ink_that_only_one_has() -> None:
    left, right = ("f" * 10 + "0" * (SIDE * SIDE - 10)), ("0" * 10 + "f" * 10 + "0" * (SIDE * SIDE - 20))
    both = "f" * 20 + "0" * (SIDE * SIDE - 20)
    first, second, third = (Fingerprint(digits) for digits in (left, right, both))
    assert first.distance(second) == 1
    assert first.distance(third) == third.distance(first) == 0.5
    assert first.distance(first) == 0


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_no_ink_has_no_fingerprint(mode: str) -> None:
    assert fingerprint(Image.new(mode, (300, 200), "white")) is None


def test_the_evidence_of_a_plot_has_its_fingerprint() -> None:
    evidence, shown = measure.measure(encoded(PLOT), None)
    assert evidence.picture is not None
    assert shown is not None
    assert evidence.picture["fingerprint"] == fingerprint(Image.open(io.BytesIO(shown)))
    assert len(evidence.picture["fingerprint"]) == SIDE * SIDE
