"""Question 3.1: plots of honest programs, and pictures that are none."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from grader import scoring
from grader.assignment import bundled
from grader.checks.pruning import measure as pruning
from grader.verdicts import Verdict
from tests import slices
from tests.unit.checks import plot_drawings

_EXAMPLE = Path(__file__).parents[3] / "examples/hw13/pruning.png"
_RAMP = np.tile(np.linspace(0, 255, 640).astype(np.uint8), (480, 1))
_DOWN = np.tile(np.linspace(0, 255, 480).astype(np.uint8)[:, None], (1, 640))


def chart(style: str = "line", size: tuple[int, int] = (640, 480), line: str = "#1f77b4") -> Image.Image:
    """Axes with margins as the plotting libraries of the homework draw them, and an accuracy that falls."""
    width, height = size
    page, frame = ("#222", "white") if style == "dark" else ("white", "black")
    image = Image.new("RGB", size, page)
    drawing = ImageDraw.Draw(image)
    left, top, right, bottom = width * 0.125, height * 0.12, width * 0.9, height * 0.88
    drawing.rectangle((left, top, right, bottom), outline=frame, fill="#eaeaf2" if style == "seaborn" else None)
    for k in range(4) if style == "several" else range(1):
        across = np.linspace(left + 10, right - 10, 10)
        down = top + 10 + (bottom - top - 20) * np.linspace(0, 1, 10) ** (k + 2)
        for x, y in zip(across, down, strict=True):
            if style == "bars":
                drawing.rectangle((x - 22, y, x + 22, bottom), fill=line)
            if style == "points":
                drawing.ellipse((x - 3, y - 3, x + 3, y + 3), fill=line)
        if style not in ("bars", "points", "axes"):
            drawing.line(list(zip(across, down, strict=True)), fill=line, width=2)
    return image


def bare(size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A line without axes."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).line([(5, 10), (size[0] // 2, size[1] // 3), (size[0] - 5, size[1] - 10)], fill="blue")
    return image


def screenshot() -> Image.Image:
    image = Image.new("RGB", (1600, 900), "#303030")
    image.paste(chart(), (500, 200))
    return image


def photographed_screen() -> Image.Image:
    turned = chart(size=(1280, 960)).rotate(4, expand=True, fillcolor=(60, 50, 40))
    pixels = np.asarray(turned).astype(float)
    pixels *= np.linspace(0.65, 1, pixels.shape[1])[None, :, None] * np.linspace(0.85, 1, len(pixels))[:, None, None]
    return picture(pixels + np.random.default_rng(0).normal(0, 4, pixels.shape))


def picture(pixels: NDArray[np.floating] | NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def noise(*shape: int) -> Image.Image:
    return picture(np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8))


def drawn(kind: str) -> Image.Image:
    image = Image.new("RGB", (640, 480), "white")
    drawing = ImageDraw.Draw(image)
    if kind == "spot":
        drawing.ellipse((300, 200, 340, 240), fill="red")
    elif kind == "word":
        drawing.text((20, 20), "my curve", fill="black")
    else:
        image.putpixel((3, 3), (0, 0, 0))
    return image


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    written = io.BytesIO()
    image.save(written, kind)
    return written.getvalue()


PLOTS = {
    "a line": encoded(chart()),
    "a dark style": encoded(chart("dark", line="#8dd3c7")),
    "a grey panel": encoded(chart("seaborn")),
    "a yellow line": encoded(chart(line="yellow")),
    "bars": encoded(chart("bars")),
    "points only": encoded(chart("points")),
    "several lines": encoded(chart("several")),
    "a line without axes": encoded(bare()),
    "a thin line on a large page": encoded(bare((3000, 2000))),
    "a screenshot with margins": encoded(screenshot()),
    "a photographed screen": encoded(photographed_screen(), "JPEG"),
    "the example": _EXAMPLE.read_bytes(),
}
DOUBTFUL = {
    "coloured noise": encoded(noise(480, 640, 3)),
    "grey noise": encoded(noise(480, 640)),
    "coarse noise": encoded(noise(6, 8, 3).resize((640, 480), Image.Resampling.BICUBIC)),
    "a grey ramp": encoded(picture(_RAMP)),
    "a rainbow": encoded(picture(np.stack([_RAMP, _RAMP[:, ::-1], _DOWN], -1))),
}
EMPTY = {
    "a spot": encoded(drawn("spot")),
    "a word": encoded(drawn("word")),
    "a speck": encoded(drawn("speck")),
    "a scanned white page": encoded(picture(np.random.default_rng(2).normal(245, 4, (480, 640, 3))), "JPEG"),
    "one colour": encoded(Image.new("RGB", (640, 480), "navy")),
}


@pytest.mark.parametrize(
    ("data", "points", "remark"),
    [
        *(pytest.param(data, 1.0, None, id=name) for name, data in PLOTS.items()),
        *(pytest.param(data, 0.5, "pruning.picture.doubtful", id=name) for name, data in DOUBTFUL.items()),
        *(pytest.param(data, 0.0, "pruning.picture.single_colour", id=name) for name, data in EMPTY.items()),
    ],
)
def test_only_a_plot_has_all_provisional_points(data: bytes, points: float, remark: str | None) -> None:
    """With weights that reach the highest baseline. All of them wait for review."""
    evidence, _ = pruning.measure(data, None)
    assert [note.id for note in evidence.notes] == ([] if remark is None else [remark])
    measured = evidence.model_copy(update={"weights": "uploaded", "baseline": "boss"})
    result = scoring.score(bundled("hw13"), "3.1", measured)
    assert (result.score, result.verdict) == (points, Verdict.NEEDS_REVIEW)


@pytest.mark.parametrize("name", slices.every(3, list(plot_drawings.HONEST), list(plot_drawings.HONEST)))
def test_plots_of_every_program_have_all_provisional_points(name: str) -> None:
    evidence, _ = pruning.measure(plot_drawings.HONEST[name](), None)
    assert evidence.notes == ()
    assert scoring.score(bundled("hw13"), "3.1", evidence).score == 1.0


@pytest.mark.parametrize("name", slices.every(3, list(plot_drawings.NONE), list(plot_drawings.NONE)))
def test_a_picture_without_curve_bars_or_points_has_half_of_them(name: str) -> None:
    evidence, _ = pruning.measure(plot_drawings.NONE[name](), None)
    assert [note.id for note in evidence.notes] in (["pruning.picture.no_curve"], ["pruning.picture.doubtful"])
    result = scoring.score(bundled("hw13"), "3.1", evidence.model_copy(update={"weights": "uploaded"}))
    assert (result.score, result.verdict) == (0.5, Verdict.NEEDS_REVIEW)
