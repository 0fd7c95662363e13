"""Question 3.1: the uploaded plot, made safe to show, and the points behind it."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from grader.checks.pruning import picture_pieces, plot_shapes, points_check, pruning_points
from grader.checks.pruning.evidence import PictureProblem, PruningEvidence, PruningFact
from grader.evidence import Observation
from grader.picture_fingerprint import fingerprint

BYTE_LIMIT = 20 * 1024 * 1024
PIXEL_LIMIT = 16_000_000
"""Pixels of one picture, read from its header before decoding: at most 64 MB as RGBA, at any colour depth."""
_STRIP = 256
"""Rows that are composed on white at a time: a whole picture would be in memory five times."""
_BLANK_SPREAD = 8
"""Levels of 256 between the darkest and the lightest part of a blank picture, compression noise included."""
_SAMPLED_SIDE, _TILES = 256, 4
"""Pixels of a side of the sample in which the background is looked for, and tiles of a side."""
_NEAR = 8
"""Levels from a background's own within which its pixels are."""
_BACKGROUND_SHARE = 0.45
"""Least share of the background in a plot. Bars and a photographed screen have 0.69, gradients and noise 0.3."""
SIDE_MINIMUM = 50
"""Pixels. A smaller plot is unreadable."""
_SHOWN_SIDE = 2_400
"""Pixels. Larger pictures are scaled down; a plot stays readable."""
_SIGNATURES = (
    (b"%PDF", "pdf"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"PK\x03\x04", "archive"),
    (b"\0\0\0\x0cJXL ", "other"),
)
_NAMES = {"pdf": "PDF", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF", "webp": "WebP", "svg": "SVG", "heic": "HEIC"}


@dataclass(frozen=True)
class _Picture:
    """The re-encoded upload with its facts, or why it is unusable."""

    data: bytes | None = None
    facts: dict[str, Any] | None = None
    notes: tuple[Observation, ...] = ()
    error: PictureProblem | None = None
    params: dict[str, Any] = field(default_factory=dict)


def measure(picture: bytes | None, points: bytes | None) -> tuple[PruningEvidence, bytes | None]:
    """The evidence, and the re-encoded picture (PNG or JPEG as uploaded, without metadata), if it is usable."""
    if picture is None and points is None:
        return PruningEvidence(submitted=False), None
    plot = _Picture() if picture is None else _read(picture)
    series = pruning_points.Points() if points is None else pruning_points.read(points)
    evidence = PruningEvidence(
        picture=plot.facts,
        picture_error=plot.error,
        picture_error_params=plot.params,
        points=series.points,
        notes=(*plot.notes, *series.notes, *points_check.remarks(series.points)),
    )
    return evidence, plot.data


def _read(data: bytes) -> _Picture:
    if not data:
        return _Picture(error=PictureProblem.EMPTY)
    if len(data) > BYTE_LIMIT:
        return _Picture(error=PictureProblem.TOO_LARGE, params={"size": len(data), "limit": BYTE_LIMIT})
    if not data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        return _other_format(data)
    trimmed = picture_pieces.trim(data)
    if trimmed is None:
        return _Picture(error=PictureProblem.TOO_COSTLY)
    with warnings.catch_warnings():
        # Pillow warns of large pictures before our lower limit is checked.
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(trimmed), formats=("PNG", "JPEG")) as probe:
                width, height = probe.size
                if width * height > PIXEL_LIMIT:
                    params = {"width": width, "height": height, "limit": PIXEL_LIMIT}
                    return _Picture(error=PictureProblem.TOO_MANY_PIXELS, params=params)
                if min(width, height) < SIDE_MINIMUM:
                    params = {"width": width, "height": height, "minimum": SIDE_MINIMUM}
                    return _Picture(error=PictureProblem.TOO_SMALL, params=params)
                if probe.format != "PNG" and picture_pieces.too_many_scans(trimmed, width * height):
                    return _Picture(error=PictureProblem.TOO_COSTLY)
                probe.verify()
            with Image.open(io.BytesIO(trimmed), formats=("PNG", "JPEG")) as image:
                return _encode(image)
        except Image.DecompressionBombError:  # Pillow's own limit, for still larger headers
            return _Picture(error=PictureProblem.TOO_MANY_PIXELS, params={"limit": PIXEL_LIMIT})
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError):
            return _Picture(error=PictureProblem.BROKEN)


def _other_format(data: bytes) -> _Picture:
    """Name the format of a file that is neither PNG nor JPEG, so that the advice is exact."""
    head = data[:4096]
    kind = next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), "")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        kind = "webp"
    elif head[4:12] in {b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif"}:
        kind = "heic"
    elif b"<svg" in head.lower():
        kind = "svg"
    if kind in _NAMES:
        return _Picture(error=PictureProblem.WRONG_FORMAT, params={"format": _NAMES[kind]})
    printable = sum(byte in b"\t\r\n" or 32 <= byte < 127 or byte >= 128 for byte in head)
    is_text = b"\0" not in head and printable > 0.97 * len(head)
    return _Picture(error=PictureProblem.TEXT_FILE if is_text else PictureProblem.UNKNOWN_FORMAT)


def _encode(image: Image.Image) -> _Picture:
    """Decode, turn upright, reduce to 8 bits of grey or colour, and re-encode the pixels only."""
    original = "JPEG" if image.format == "JPEG" else "PNG"
    notes: list[Observation] = []
    if getattr(image, "is_animated", False):
        notes.append(Observation(id=PruningFact.PICTURE_ANIMATED))
        image.seek(0)
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    flat = _as_eight_bits(image)
    if flat is not image:
        image.close()
    is_blank = all(high - low <= _BLANK_SPREAD for low, high in _extrema(flat))
    width, height = flat.size
    if max(width, height) > _SHOWN_SIDE:
        flat.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE))
    is_doubtful = _background_share(flat) < _BACKGROUND_SHARE
    is_blank = is_blank or not (is_doubtful or _spans_width(flat))
    has_curve = is_blank or is_doubtful or plot_shapes.shows_plot(flat)
    if is_blank:
        notes.append(Observation(id=PruningFact.PICTURE_SINGLE_COLOUR))
    elif is_doubtful:
        notes.append(Observation(id=PruningFact.PICTURE_DOUBTFUL))
    elif not has_curve:
        notes.append(Observation(id=PruningFact.PICTURE_NO_CURVE))
    is_doubtful = is_doubtful or not has_curve
    written = io.BytesIO()
    clean = Image.new(flat.mode, flat.size)
    clean.paste(flat)
    clean.save(written, original, **({"quality": 92} if original == "JPEG" else {"optimize": False}))
    data = written.getvalue()
    facts = {
        "format": original,
        "width": clean.width,
        "height": clean.height,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    return _Picture(
        data=data,
        facts=facts | {"blank": is_blank, "doubtful": is_doubtful and not is_blank, "fingerprint": fingerprint(clean)},
        notes=tuple(notes),
    )


def _background_share(image: Image.Image) -> float:
    """The share of pixels near the commonest level of their tile, where it is least of all bands.

    It is looked for in tiles, because a photographed screen is lit unevenly.
    """
    # Sample pixels instead of averaging them, which would turn noise into one grey.
    sample = np.asarray(image.resize((_SAMPLED_SIDE, _SAMPLED_SIDE), Image.Resampling.NEAREST))
    side = _SAMPLED_SIDE // _TILES
    tiles = sample.reshape(_TILES, side, _TILES, side, -1).transpose(4, 0, 2, 1, 3).reshape(-1, _TILES**2, side**2)
    counts = [[np.bincount(tile, minlength=256) for tile in band] for band in tiles]
    near = [[np.convolve(tile, np.ones(2 * _NEAR + 1)).max() for tile in band] for band in counts]
    return float(np.mean(near, axis=1).min()) / side**2


def _spans_width(image: Image.Image) -> bool:
    """Whether what is drawn on the background is at least a quarter of the picture wide, as a curve or its axes are."""
    grey = image.convert("L")
    counts = grey.histogram()
    background = counts.index(max(counts))
    box = grey.point([255 * (abs(level - background) > 2 * _NEAR) for level in range(256)]).getbbox()
    return box is not None and box[2] - box[0] >= image.width / 4


def _as_eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        low, high = _extrema(image)[0]
        spread = max(high - low, 1)
        return image.convert("F").point(lambda value: (value - low) * (255.0 / spread)).convert("L")
    if image.mode == "L" or (image.mode == "RGB" and "transparency" not in image.info):
        return image
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        # A transparent background reads as black in a plain conversion; plots are drawn on white.
        flat = Image.new("RGB", image.size)
        for top in range(0, image.height, _STRIP):
            strip = image.crop((0, top, image.width, min(top + _STRIP, image.height))).convert("RGBA")
            white = Image.new("RGBA", strip.size, (255, 255, 255, 255))
            flat.paste(Image.alpha_composite(white, strip).convert("RGB"), (0, top))
        return flat
    return image.convert("RGB")


def _extrema(image: Image.Image) -> list[tuple[float, float]]:
    """Lowest and highest value of each band."""
    extrema: Any = image.getextrema()
    return [extrema] if isinstance(extrema[0], int | float) else list(extrema)
