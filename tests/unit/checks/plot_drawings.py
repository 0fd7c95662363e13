"""Pictures for the tests of question 3.1: plots as many programs and people draw them, and pictures that are none."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Point = tuple[float, float]
TEXT = (
    "the model is pruned by the magnitude of its weights and evaluated on the held out images after each step so that "
    "the accuracy can be compared with the ratio of parameters that were removed from every layer of the network"
)
WORDS = TEXT.split()


@cache
def font(size: float) -> ImageFont.FreeTypeFont:
    made = ImageFont.load_default(size)
    assert isinstance(made, ImageFont.FreeTypeFont)
    return made


def picture(pixels: NDArray[np.floating]) -> Image.Image:
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "PNG", quality: int = 75) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **({"quality": quality} if kind == "JPEG" else {}))
    return written.getvalue()


# Plots


def sigmoid(ratio: float) -> float:
    """An accuracy that holds and then falls."""
    return 0.82 / (1 + math.exp(14 * (ratio - 0.65))) + 0.09


def gentle(ratio: float) -> float:
    """An accuracy that loses a little at every step."""
    return 0.85 - 0.6 * ratio


def bumpy(ratio: float) -> float:
    """An accuracy of few pictures, which rises now and then."""
    return sigmoid(ratio) + 0.03 * math.sin(40 * ratio)


class Axes:
    """Axes with tick labels and a title on a page, as programs draw them."""

    def __init__(
        self,
        size: tuple[int, int] = (640, 480),
        page: str = "white",
        ink: str = "black",
        panel: str | None = None,
        grid: str | None = None,
        frame: bool = True,
        labels: bool = True,
    ) -> None:
        self.image = Image.new("RGB", size, page)
        self.drawing = ImageDraw.Draw(self.image)
        width, height = size
        self.box = (0.125 * width, 0.12 * height, 0.9 * width, 0.88 * height)
        left, top, right, bottom = self.box
        if panel:
            self.drawing.rectangle(self.box, fill=panel)
        for k in range(11):
            x, y = left + (right - left) * k / 10, bottom - (bottom - top) * k / 10
            if grid:
                self.drawing.line((x, top, x, bottom), fill=grid)
                self.drawing.line((left, y, right, y), fill=grid)
            if labels:
                text = font(max(height / 48, 5))
                self.drawing.line((x, bottom, x, bottom + height / 120), fill=ink)
                self.drawing.line((left - height / 120, y, left, y), fill=ink)
                self.drawing.text((x, bottom + height / 50), f"{k / 10:.1f}", fill=ink, font=text, anchor="mt")
                self.drawing.text((left - height / 60, y), f"{k / 10:.1f}", fill=ink, font=text, anchor="rm")
        if labels:
            text = font(max(height / 40, 6))
            self.drawing.text((width / 2, top / 2), "Accuracy after pruning", fill=ink, font=text, anchor="mm")
            self.drawing.text((width / 2, height * 0.96), "pruning ratio", fill=ink, font=text, anchor="mm")
        if frame:
            self.drawing.rectangle(self.box, outline=ink)
        else:
            self.drawing.line([(left, top), (left, bottom), (right, bottom)], fill=ink)

    def at(self, ratio: float, accuracy: float) -> Point:
        left, top, right, bottom = self.box
        return left + (right - left) * (0.04 + 0.92 * ratio), bottom - (bottom - top) * (0.04 + 0.92 * accuracy)

    def points(self, accuracy: Callable[[float], float], count: int = 20) -> list[Point]:
        return [self.at(k / (count - 1), accuracy(k / (count - 1))) for k in range(count)]

    def line(
        self, accuracy: Callable[[float], float] = sigmoid, colour: str = "#1f77b4", width: int = 2, count: int = 20
    ) -> Axes:
        self.drawing.line(self.points(accuracy, count), fill=colour, width=width)
        return self

    def marks(self, accuracy: Callable[[float], float], colour: str, radius: float = 4, count: int = 12) -> Axes:
        for x, y in self.points(accuracy, count):
            self.drawing.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        return self

    def dashes(self, on: float, off: float, colour: str = "#1f77b4", width: int = 2) -> Axes:
        path = [self.at(k / 2_000, sigmoid(k / 2_000)) for k in range(2_001)]
        travelled, stroke = 0.0, [path[0]]
        for before, after in itertools.pairwise(path):
            travelled += math.dist(before, after)
            if travelled % (on + off) < on:
                stroke.append(after)
                continue
            if len(stroke) > 1:
                self.drawing.line(stroke, fill=colour, width=width)
            stroke = [after]
        return self

    def bars(self, accuracy: Callable[[float], float] = sigmoid, colour: str = "#1f77b4", count: int = 10) -> Axes:
        bottom = self.box[3]
        points = self.points(accuracy, count)
        half = (points[1][0] - points[0][0]) * 0.4
        for x, y in points:
            self.drawing.rectangle((x - half, y, x + half, bottom), fill=colour)
        return self


def across() -> Image.Image:
    """Bars from the left, one below the other."""
    axes = Axes()
    left, top, _, bottom = axes.box
    step = (bottom - top) / 10
    for k in range(10):
        length = (axes.box[2] - left) * sigmoid(k / 9)
        axes.drawing.rectangle((left, top + (k + 0.1) * step, left + length, top + (k + 0.9) * step), fill="#4472c4")
    return axes.image


def area() -> Image.Image:
    axes = Axes(frame=False)
    points = axes.points(sigmoid)
    axes.drawing.polygon([*points, (points[-1][0], axes.box[3]), (points[0][0], axes.box[3])], fill="#aec7e8")
    return axes.image


def steps() -> Image.Image:
    axes = Axes()
    points = axes.points(sigmoid, 12)
    path = [corner for (x, y), (right, _) in itertools.pairwise(points) for corner in ((x, y), (right, y))]
    axes.drawing.line(path, fill="#d62728", width=2)
    return axes.image


def by_hand() -> Image.Image:
    """A pencil on squared paper."""
    rng = np.random.default_rng(4)
    image = Image.new("RGB", (1000, 800), "#f4f1e6")
    drawing = ImageDraw.Draw(image)
    for k in range(0, 1000, 25):
        drawing.line((k, 0, k, 800), fill="#dfe3ea")
        drawing.line((0, k, 1000, k), fill="#dfe3ea")
    wobble = rng.normal(0, 1.5, (200, 2)).cumsum(0) * 0.3
    for begin, end in (((120, 80), (120, 700)), ((120, 700), (900, 700))):
        drawing.line([begin, end], fill="#444", width=4)
    curve = [(150 + 700 * k / 199 + wobble[k, 0], 680 - 600 * sigmoid(k / 199) + wobble[k, 1]) for k in range(200)]
    drawing.line(curve, fill="#333", width=4)
    return image.filter(ImageFilter.GaussianBlur(1))


def photographed(image: Image.Image, degrees: float = 3, dark: float = 0.62) -> Image.Image:
    """A page or a screen, lit from one side, turned, with the noise of a camera."""
    turned = image.resize((1280, 960)).rotate(degrees, expand=True, fillcolor=(70, 60, 52))
    pixels = np.asarray(turned.filter(ImageFilter.GaussianBlur(1.2))).astype(float)
    pixels *= np.linspace(dark, 1, pixels.shape[1])[None, :, None] * np.linspace(0.9, 1, len(pixels))[:, None, None]
    return picture(pixels + np.random.default_rng(0).normal(0, 5, pixels.shape))


def in_notebook() -> Image.Image:
    """A screenshot of a notebook with a plot between code and output."""
    image = text(("code", 14), (1600, 1000), lines=16)
    image.paste(Axes((432, 288)).line(width=1).image, (120, 560))
    return image


def in_window() -> Image.Image:
    image = Image.new("RGB", (1600, 900), "#303030")
    image.paste(Axes().line().image, (500, 200))
    return image


def thumbnail() -> Image.Image:
    return Axes().line(width=3).image.resize((120, 90), Image.Resampling.LANCZOS)


def faint() -> Image.Image:
    return Axes((1600, 1200)).line(colour="#9ecae1", width=1).image


def several() -> Image.Image:
    axes = Axes(grid="#b0b0b0")
    for k, colour in enumerate(("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728")):
        power = 1 + k / 3
        axes.drawing.line([axes.at(r / 19, sigmoid(r / 19) ** power) for r in range(20)], fill=colour, width=2)
    return axes.image


HONEST: dict[str, Callable[[], bytes]] = {
    "a line as of matplotlib": lambda: encoded(Axes().line().image),
    "a line with a grid": lambda: encoded(Axes(grid="#b0b0b0").line().marks(sigmoid, "#1f77b4", 3, 20).image),
    "a panel as of seaborn": lambda: encoded(Axes(panel="#eaeaf2", grid="white").line(colour="#4c72b0").image),
    "a chart as of Excel": lambda: encoded(
        Axes((963, 578), grid="#d9d9d9", ink="#595959", frame=False).line(gentle, "#4472c4", 4).image
    ),
    "a chart as of Google Sheets": lambda: encoded(
        Axes((600, 371), grid="#cccccc", ink="#444444", frame=False).line(bumpy, "#4285f4", 3).image
    ),
    "a dark theme": lambda: encoded(Axes(page="#111111", ink="#dddddd", grid="#333333").line(colour="#8dd3c7").image),
    "a dark editor": lambda: encoded(Axes(page="#1e1e1e", ink="#cccccc").line(bumpy, "#569cd6", 1).image),
    "a yellow line": lambda: encoded(Axes().line(colour="yellow").image),
    "a black line": lambda: encoded(Axes().line(colour="black", width=1).image),
    "a grey scan": lambda: encoded(Axes().line(colour="black").image.convert("L"), "JPEG", 60),
    "four lines": lambda: encoded(several()),
    "dashes": lambda: encoded(Axes().dashes(7, 4).image),
    "wide dashes": lambda: encoded(Axes().dashes(10, 14).image),
    "dots": lambda: encoded(Axes().dashes(3, 4).image),
    "points alone": lambda: encoded(Axes().marks(sigmoid, "#1f77b4").image),
    "few large points": lambda: encoded(Axes((1000, 700)).marks(gentle, "crimson", 9, 7).image),
    "bars": lambda: encoded(Axes().bars().image),
    "narrow bars with a grid": lambda: encoded(Axes(grid="#e0e0e0").bars(gentle, "#2ca02c", 20).image),
    "bars from the left": lambda: encoded(across()),
    "an area": lambda: encoded(area()),
    "steps with few ratios": lambda: encoded(Axes().line(count=5).image),
    "a drawing by hand": lambda: encoded(by_hand(), "JPEG"),
    "a photographed drawing": lambda: encoded(photographed(by_hand()), "JPEG"),
    "a photographed screen": lambda: encoded(photographed(Axes().line().image), "JPEG"),
    "a photographed dark screen": lambda: encoded(
        photographed(Axes(page="#181818", ink="#dddddd").line(colour="#ffcc00", width=3).image, -4), "JPEG"
    ),
    "a notebook around it": lambda: encoded(in_notebook()),
    "a window around it": lambda: encoded(in_window()),
    "a thumbnail": lambda: encoded(thumbnail()),
    "a small thumbnail": lambda: encoded(Axes((80, 60), labels=False).line(width=1).image),
    "a large page with a thin line": lambda: encoded(Axes((3000, 2250)).line(width=1).image),
    "a faint line": lambda: encoded(faint()),
    "no axes at all": lambda: encoded(Axes(frame=False, labels=False).line(gentle).image),
    "a low range": lambda: encoded(Axes().line(lambda ratio: 0.8 - 0.15 * ratio**2).image),
    "a wide picture": lambda: encoded(Axes((1600, 400)).line().image),
    "a tall picture": lambda: encoded(Axes((500, 1100)).line().image),
    "a JPEG of low quality": lambda: encoded(Axes().line().image, "JPEG", 20),
}

# Pictures that are none


def text(
    kind: tuple[str, float], size: tuple[int, int] = (800, 1000), lines: int = 200, page: str = "white"
) -> Image.Image:
    """A page of words or of code."""
    rng = np.random.default_rng(7)
    name, height = kind
    image = Image.new("RGB", size, page)
    drawing = ImageDraw.Draw(image)
    ink = "black" if page == "white" else "#d4d4d4"
    y = size[1] * 0.05
    for _ in range(lines):
        if y > size[1] * 0.95 - height:
            break
        x = size[0] * 0.06 + (height * 2 * rng.integers(0, 4) if name == "code" else 0)
        end = size[0] * (rng.uniform(0.3, 0.9) if name == "code" else 0.92)
        while x < end:
            word = str(rng.choice(WORDS)) + (str(rng.choice(["(", ")", " =", ":", "."])) if name == "code" else "")
            colour = str(rng.choice([ink, "#0000cc", "#008000", "#aa22ff"])) if name == "code" else ink
            drawing.text((x, y), word, fill=colour, font=font(height))
            x += drawing.textlength(word + " ", font=font(height))
        y += height * 1.35
    return image


def table(lined: bool, digits: int = 4, size: tuple[int, int] = (900, 600)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    drawing = ImageDraw.Draw(image)
    rng = np.random.default_rng(3)
    rows, columns = 14, 5
    for row in range(rows):
        y = size[1] * (0.06 + 0.88 * row / rows)
        if lined:
            drawing.line((40, y, size[0] - 40, y), fill="#999")
        for column in range(columns):
            x = 60 + (size[0] - 120) * column / columns
            number = f"{rng.integers(0, 10**digits):0{digits}d}"
            drawing.text((x, y + 8), number, fill="black", font=font(18))
            if lined:
                drawing.line((x - 10, size[1] * 0.06, x - 10, size[1] * 0.94), fill="#999")
    return image


def striped() -> Image.Image:
    """A table with shaded rows, as pandas shows one."""
    image = Image.new("RGB", (900, 500), "white")
    drawing = ImageDraw.Draw(image)
    for row in range(12):
        y = 20 + 38 * row
        drawing.rectangle((20, y, 880, y + 37), fill="#f5f5f5" if row % 2 else "white")
        for column in range(4):
            number = f"{0.9 - row / 20:.4f}"
            drawing.text((880 - 200 * column, y + 10), number, fill="black", font=font(15), anchor="ra")
    return image


def summary() -> Image.Image:
    """A summary in a terminal."""
    image = Image.new("RGB", (820, 640), "#1e1e1e")
    drawing = ImageDraw.Draw(image)
    for row in range(26):
        y = 15 + 23 * row
        if row in (0, 2, 20, 25):
            drawing.text((15, y), "=" * 60, fill="#cccccc", font=font(15))
            continue
        for x, cell in ((25, f"Conv2d-{row}"), (330, f"[-1, {2 ** (row % 7 + 2)}, 64, 64]"), (640, f"{row * 1_117:,}")):
            drawing.text((x, y), cell, fill="#cccccc", font=font(15))
    return image


def room() -> Image.Image:
    """A blurred photo with soft shapes and the noise of a camera."""
    rng = np.random.default_rng(11)
    image = picture(rng.integers(0, 256, (9, 12, 3)).astype(float)).resize((1200, 900), Image.Resampling.BICUBIC)
    drawing = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, side = int(rng.integers(0, 1_000)), int(rng.integers(0, 700)), int(rng.integers(60, 300))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        (drawing.ellipse if side % 2 else drawing.rectangle)((x, y, x + side, y + side * 0.8), fill=colour)
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(6))).astype(float)
    return picture(pixels + rng.normal(0, 8, pixels.shape))


def flow(filled: bool = False, upright: bool = False) -> Image.Image:
    """Boxes with words and straight arrows between them."""
    size = (500, 900) if upright else (1000, 400)
    image = Image.new("RGB", size, "white")
    drawing = ImageDraw.Draw(image)
    for k, word in enumerate(("images", "student", "teacher", "loss")):
        x, y = (150, 60 + 210 * k) if upright else (50 + 245 * k, 150)
        drawing.rectangle((x, y, x + 170, y + 90), outline="black", width=2, fill="#cfe2f3" if filled else None)
        drawing.text((x + 85, y + 45), word, fill="black", font=font(22), anchor="mm")
        if k < 3 and upright:
            drawing.line((x + 85, y + 90, x + 85, y + 205), fill="black", width=2)
            drawing.polygon([(x + 79, y + 198), (x + 91, y + 198), (x + 85, y + 210)], fill="black")
        elif k < 3:
            drawing.line((x + 170, y + 45, x + 240, y + 45), fill="black", width=2)
            drawing.polygon([(x + 233, y + 39), (x + 233, y + 51), (x + 245, y + 45)], fill="black")
    return image


def icon() -> Image.Image:
    image = Image.new("RGB", (512, 512), "white")
    drawing = ImageDraw.Draw(image)
    drawing.rectangle((96, 96, 416, 416), fill="#e74c3c")
    drawing.rectangle((226, 160, 286, 352), fill="white")
    drawing.rectangle((160, 226, 352, 286), fill="white")
    return image


def legend() -> Image.Image:
    """Axes whose curve was never drawn, with a legend."""
    axes = Axes(grid="#b0b0b0")
    axes.drawing.rectangle((430, 70, 560, 100), outline="#999", fill="white")
    axes.drawing.line((440, 85, 470, 85), fill="#1f77b4", width=2)
    axes.drawing.text((480, 78), "accuracy", fill="black", font=font(12))
    return axes.image


def flat() -> Image.Image:
    """A line that an empty list of accuracies leaves: none but the zero."""
    axes = Axes()
    axes.drawing.line([axes.at(0, 0.5), axes.at(1, 0.5)], fill="#1f77b4", width=2)
    return axes.image


NONE: dict[str, Callable[[], bytes]] = {
    "empty axes": lambda: encoded(Axes().image),
    "empty axes with a grid": lambda: encoded(Axes(grid="#b0b0b0").image),
    "empty axes on a panel": lambda: encoded(Axes(panel="#eaeaf2", grid="white", frame=False).image),
    "empty dark axes": lambda: encoded(Axes(page="#111111", ink="#dddddd", grid="#333333").image),
    "empty axes without labels": lambda: encoded(Axes(labels=False).image),
    "empty axes of a large page": lambda: encoded(Axes((3000, 2250), grid="#cccccc").image),
    "empty axes in a JPEG": lambda: encoded(Axes().image, "JPEG", 40),
    "empty axes with a legend": lambda: encoded(legend()),
    "photographed empty axes": lambda: encoded(photographed(Axes().image, 0), "JPEG"),
    "a level line": lambda: encoded(flat()),
    "a page of text": lambda: encoded(text(("words", 16))),
    "a page of small text": lambda: encoded(text(("words", 10))),
    "a page of large text": lambda: encoded(text(("words", 30))),
    "a page of text in a JPEG": lambda: encoded(text(("words", 14)), "JPEG", 50),
    "a scanned page": lambda: encoded(photographed(text(("words", 16)), 0, 0.9), "JPEG"),
    "a photographed page": lambda: encoded(photographed(text(("words", 16)), 0, 0.75), "JPEG"),
    "a screenshot of code": lambda: encoded(text(("code", 14), (1200, 800))),
    "a screenshot of dark code": lambda: encoded(text(("code", 16), (1200, 800), page="#1e1e1e")),
    "a few lines of code": lambda: encoded(text(("code", 18), (1000, 300))),
    "a lined table": lambda: encoded(table(lined=True)),
    "a plain table": lambda: encoded(table(lined=False)),
    "a table of digits": lambda: encoded(table(lined=False, digits=1)),
    "a striped table": lambda: encoded(striped()),
    "a summary in a terminal": lambda: encoded(summary()),
    "a photo of a room": lambda: encoded(room(), "JPEG"),
    "a diagram of boxes": lambda: encoded(flow()),
    "a diagram of filled boxes": lambda: encoded(flow(filled=True)),
    "an upright diagram": lambda: encoded(flow(upright=True)),
    "an icon": lambda: encoded(icon()),
}
