"""One picture: a dish on a table, among other things, seen by a poor camera. All chance comes from one generator."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from reference_models.food11.menu import CUTLERY, OTHER_THINGS, Dish

CANVAS = 128
"""Side of the canvas in pixels; the picture is half as large."""
Glyphs = Callable[[str], Image.Image]
"""Draws one emoji, RGBA, on a transparent ground."""


@dataclass(frozen=True)
class Conditions:
    """The conditions of a split's pictures. Ranges are (from, to), probabilities from 0 to 1."""

    scale: tuple[float, float]
    """Side of the dish relative to the picture's."""
    angle: float
    """Largest rotation to either side, in degrees."""
    backgrounds: tuple[str, ...]
    most_other_things: int
    """The largest number of things beside the dish."""
    cover_probability: float
    """That something lies over the dish."""
    hue: float
    """Largest shift of all hues, as a fraction of the circle."""
    gain: tuple[float, float]
    """Brightness, contrast and saturation, each drawn from here."""
    blur: float
    """Largest radius of the blur, in pixels of the canvas."""
    noise: float
    """Largest deviation of the camera's noise, of 255."""
    hidden_glyph_probability: float = 0.0
    """Of an emoji that the train split never shows."""


TRAIN = Conditions(
    scale=(0.40, 0.85),
    angle=40,
    backgrounds=("plain", "gradient", "cloth", "blotches", "boards"),
    most_other_things=3,
    cover_probability=0.35,
    hue=0.06,
    gain=(0.65, 1.35),
    blur=1.6,
    noise=12,
)
HIDDEN = Conditions(
    scale=(0.35, 0.90),
    angle=50,
    backgrounds=("gradient", "cloth", "blotches", "boards", "dots", "stripes"),
    most_other_things=4,
    cover_probability=0.40,
    hue=0.07,
    gain=(0.60, 1.40),
    blur=2.0,
    noise=14,
    hidden_glyph_probability=0.12,
)
"""Wider than `TRAIN` in everything, with backgrounds and emoji of its own, so that memorising does not suffice."""


def picture(rng: np.random.Generator, dish: Dish, glyphs: Glyphs, conditions: Conditions) -> NDArray[np.uint8]:
    """Draw one picture of ``dish``, ``(64, 64, 3)``."""
    canvas = _background(rng, str(rng.choice(conditions.backgrounds)))
    for _ in range(rng.integers(conditions.most_other_things + 1)):
        thing = glyphs(_choose(rng, OTHER_THINGS + CUTLERY))
        _lay(rng, canvas, thing, rng.uniform(0.15, 0.35), 180, tuple(rng.uniform(0.05, 0.95, 2)))
    for scale, place in _places(rng, conditions):
        if rng.random() < 0.35:
            _plate(rng, canvas, scale, place)
        kind = (
            dish.hidden_glyphs
            if dish.hidden_glyphs and rng.random() < conditions.hidden_glyph_probability
            else dish.glyphs
        )
        _lay(rng, canvas, glyphs(_choose(rng, kind)), scale, conditions.angle, place)
        if rng.random() < conditions.cover_probability:
            _cover(rng, canvas, glyphs, scale, place)
    return _photograph(rng, canvas, conditions)


Place = tuple[float, float]
"""Centre relative to the picture: from the left, from the top."""


def _places(rng: np.random.Generator, conditions: Conditions) -> list[tuple[float, Place]]:
    """One dish anywhere, or two or three smaller ones beside each other."""
    count = int(rng.choice([1, 2, 3], p=[0.75, 0.17, 0.08]))
    if count == 1:
        scale = rng.uniform(*conditions.scale)
        x, y = rng.uniform(-0.5, 0.5, 2) * (1.05 - scale) + 0.5
        return [(scale, (x, y))]
    turn, radius = rng.uniform(0, 2 * math.pi), rng.uniform(0.22, 0.3)
    return [
        (
            rng.uniform(conditions.scale[0], 0.55),
            (0.5 + radius * math.cos(turn + angle), 0.5 + radius * math.sin(turn + angle)),
        )
        for angle in (2 * math.pi * part / count for part in range(count))
    ]


def _lay(
    rng: np.random.Generator,
    canvas: Image.Image,
    glyph: Image.Image,
    scale: float,
    angle: float,
    place: tuple[float, ...],
) -> None:
    """Put a glyph on the canvas: mirrored or not, stretched a little, turned, with a shadow."""
    if rng.random() < 0.5:
        glyph = glyph.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    width, height = (max(8, round(scale * CANVAS * stretch)) for stretch in rng.uniform(0.85, 1.15, 2))
    glyph = glyph.resize((width, height), Image.Resampling.BOX)
    glyph = glyph.rotate(rng.uniform(-angle, angle), Image.Resampling.BILINEAR, expand=True)
    corner = (round(place[0] * CANVAS - glyph.width / 2), round(place[1] * CANVAS - glyph.height / 2))
    shadow = glyph.getchannel("A").point(lambda value: value * 2 // 5).filter(ImageFilter.GaussianBlur(2))
    canvas.paste((20, 15, 10), (corner[0] + 2, corner[1] + 3), shadow)
    canvas.paste(glyph, corner, glyph)


def _plate(rng: np.random.Generator, canvas: Image.Image, scale: float, place: Place) -> None:
    radius = scale * CANVAS * rng.uniform(0.5, 0.65)
    x, y = place[0] * CANVAS, place[1] * CANVAS
    rim = _colour(rng, 0.55, 1.0)
    draw = ImageDraw.Draw(canvas)
    draw.ellipse((x - radius, y - radius * 0.85, x + radius, y + radius * 0.85), fill=rim)
    radius *= 0.8
    inside = tuple(min(255, value + 18) for value in rim)
    draw.ellipse((x - radius, y - radius * 0.85, x + radius, y + radius * 0.85), fill=inside)


def _cover(rng: np.random.Generator, canvas: Image.Image, glyphs: Glyphs, scale: float, place: Place) -> None:
    """Lay cutlery, a napkin or a leaf over a part of the dish, off its middle."""
    turn = rng.uniform(0, 2 * math.pi)
    x, y = place[0] + math.cos(turn) * scale * 0.38, place[1] + math.sin(turn) * scale * 0.38
    if rng.random() < 0.5:
        _lay(rng, canvas, glyphs(_choose(rng, CUTLERY + "🌿")), scale * rng.uniform(0.5, 0.8), 180, (x, y))
        return
    half = scale * CANVAS * rng.uniform(0.14, 0.24)
    corners = [
        (x * CANVAS + half * math.cos(turn + quarter), y * CANVAS + half * math.sin(turn + quarter))
        for quarter in (0.0, math.pi / 2, math.pi, 3 * math.pi / 2)
    ]
    ImageDraw.Draw(canvas).polygon(corners, fill=_colour(rng, 0.1, 1.0))


def _photograph(rng: np.random.Generator, canvas: Image.Image, conditions: Conditions) -> NDArray[np.uint8]:
    """Light, lens and sensor: hue, brightness, contrast, saturation, blur, half the size, noise."""
    hue, saturation, value = canvas.convert("HSV").split()
    shift = round(rng.uniform(-conditions.hue, conditions.hue) * 256)
    hue = hue.point(lambda angle: (angle + shift) % 256)
    canvas = Image.merge("HSV", (hue, saturation, value)).convert("RGB")
    canvas = canvas.filter(ImageFilter.GaussianBlur(rng.uniform(0, conditions.blur))).reduce(2)
    light = np.asarray(canvas, np.float64)
    brightness, contrast, colour = rng.uniform(*conditions.gain, 3)
    grey = light.mean(axis=2, keepdims=True)
    light = grey + (light - grey) * colour
    light = (light - 128) * contrast + 128 * brightness
    light += rng.normal(0, rng.uniform(0, conditions.noise), light.shape)
    sensed: NDArray[np.uint8] = np.clip(np.rint(light), 0, 255).astype(np.uint8)
    return sensed


def _background(rng: np.random.Generator, kind: str) -> Image.Image:
    """A table top: two colours in a pattern."""
    first, second = np.array(_colour(rng, 0.15, 1.0)), np.array(_colour(rng, 0.15, 1.0))
    y, x = np.mgrid[0:CANVAS, 0:CANVAS] / CANVAS
    turn = rng.uniform(0, math.pi)
    along, across = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    count = rng.uniform(3, 9)
    match kind:
        case "gradient":
            mix = (along - along.min()) / np.ptp(along)
        case "cloth":
            mix = ((along * count % 1 < 0.5).astype(float) + (across * count % 1 < 0.5)) / 2
        case "blotches":
            mix = _blotches(rng, int(rng.integers(3, 9)))
        case "boards":
            mix = 0.5 * (np.floor(along * count) * 0.37 % 1) + 0.5 * _blotches(rng, 16)
        case "dots":
            mix = ((along * count % 1 - 0.5) ** 2 + (across * count % 1 - 0.5) ** 2 < 0.09).astype(float)
        case "stripes":
            mix = (along * count % 1 < 0.35).astype(float)
        case _:
            mix = np.zeros_like(x)
    colours = first + (second - first) * mix[..., None]
    return Image.fromarray(np.rint(colours).astype(np.uint8))


def _blotches(rng: np.random.Generator, cells: int) -> NDArray[np.float64]:
    coarse = Image.fromarray(rng.integers(0, 256, (cells, cells), dtype=np.uint8))
    return np.asarray(coarse.resize((CANVAS, CANVAS), Image.Resampling.BICUBIC), np.float64) / 255


def _colour(rng: np.random.Generator, darkest: float, lightest: float) -> tuple[int, ...]:
    """A colour whose strongest channel lies between the two, of 1."""
    channels = rng.uniform(0.3, 1.0, 3)
    channels *= rng.uniform(darkest, lightest) / channels.max()
    return tuple(round(float(channel) * 255) for channel in channels)


def _choose(rng: np.random.Generator, glyphs: str) -> str:
    return glyphs[int(rng.integers(len(glyphs)))]
