"""Question 3.1: pictures of every kind are made safe or refused with advice, points are read."""

from __future__ import annotations

import hashlib
import io
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, PngImagePlugin

from grader import messages, scoring
from grader.assignment import bundled
from grader.checks.pruning import measure as pruning
from grader.checks.pruning import pruning_points
from grader.checks.pruning.evidence import PruningEvidence
from grader.verdicts import Verdict
from tests import slices


def plot(mode: str = "RGB", size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A curve on white, drawn and not loaded."""
    image = Image.new("RGB", size, "white")
    drawing = ImageDraw.Draw(image)
    drawing.line([(20, 20), (160, 40), (300, 200)], fill="blue", width=4)
    drawing.rectangle([(20, 20), (300, 220)], outline="black")
    return image.convert(mode)


def sixteen_bits(image: Image.Image) -> Image.Image:
    """The same picture in grey values up to 65,535, most of which no 8-bit value equals."""
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 200 + 9000)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def reopened(data: bytes | None) -> Image.Image:
    assert data is not None
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def brightness(image: Image.Image, x: int, y: int) -> int:
    """Of one pixel, 0 to 255."""
    return image.convert("L").tobytes()[y * image.width + x]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
def test_png_of_every_mode_is_shown(mode: str) -> None:
    image = sixteen_bits(plot()) if mode == "I;16" else plot(mode)
    evidence, picture = pruning.measure(encoded(image), None)
    assert evidence.picture_error is None
    assert evidence.picture is not None
    reopened_picture = reopened(picture)
    assert (reopened_picture.format, reopened_picture.size) == ("PNG", (320, 240))
    assert brightness(reopened_picture, 5, 5) > 200  # the page stays white
    assert brightness(reopened_picture, 160, 40) < 130  # the curve stays dark
    assert evidence.picture["sha256"] == hashlib.sha256(picture or b"").hexdigest()
    assert (evidence.picture["width"], evidence.picture["height"]) == (320, 240)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_of_every_mode_stays_jpeg(mode: str) -> None:
    evidence, picture = pruning.measure(encoded(plot(mode), "JPEG"), None)
    reopened_picture = reopened(picture)
    assert reopened_picture.format == "JPEG"
    assert brightness(reopened_picture, 5, 5) > 200
    assert evidence.picture is not None
    assert evidence.picture["format"] == "JPEG"


def test_rotated_photo_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    _, picture = pruning.measure(encoded(plot(), "JPEG", exif=exif), None)
    assert reopened(picture).size == (240, 320)


def test_metadata_and_trailing_bytes_are_gone() -> None:
    metadata = PngImagePlugin.PngInfo()
    metadata.add_text("Comment", "<script>secret</script>")
    data = encoded(plot(), pnginfo=metadata, icc_profile=b"secret profile") + b"<?php secret ?>"
    _, picture = pruning.measure(data, None)
    assert b"secret" in data
    assert b"secret" not in (picture or b"")
    exif = Image.Exif()
    exif[0x010E] = "secret"
    _, picture = pruning.measure(encoded(plot(), "JPEG", exif=exif, comment=b"secret"), None)
    assert b"secret" not in (picture or b"")


def test_transparent_background_becomes_white() -> None:
    image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    ImageDraw.Draw(image).line([(0, 0), (99, 99)], fill=(0, 0, 255, 255), width=3)
    _, picture = pruning.measure(encoded(image), None)
    assert reopened(picture).convert("RGB").getpixel((90, 10)) == (255, 255, 255)


def test_large_plot_is_shown_smaller() -> None:
    evidence, picture = pruning.measure(encoded(plot(size=(5000, 3000))), None)
    assert evidence.picture_error is None
    assert max(reopened(picture).size) == 2400


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises more pixels than its few bytes hold."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND")
    return b"\x89PNG\r\n\x1a\n" + packed


PNG = encoded(plot())
JPEG = encoded(plot(), "JPEG")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "empty"),
        (b"ratio,accuracy\n0.0,0.9\n", "text_file"),
        ("剪枝".encode(), "text_file"),
        (encoded(plot(), "GIF"), "wrong_format"),
        (encoded(plot(), "BMP"), "wrong_format"),
        (encoded(plot(), "TIFF"), "wrong_format"),
        (encoded(plot(), "WEBP"), "wrong_format"),
        (encoded(plot(), "PDF"), "wrong_format"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>x()</script></svg>', "wrong_format"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "wrong_format"),
        (b"\0\1\2\3" * 50, "unknown_format"),
        (PNG[: len(PNG) // 2], "broken"),
        (PNG[:20], "broken"),
        (JPEG[: len(JPEG) // 2], "broken"),
        (b"\x89PNG\r\n\x1a\n", "broken"),
        (PNG.replace(b"IDAT", b"XDAT"), "broken"),
        (encoded(Image.new("RGB", (1, 1))), "too_small"),
        (encoded(plot(size=(400, 20))), "too_small"),
        (_bomb(50_000, 50_000), "too_many_pixels"),
        (_bomb(2**31 - 1, 2**31 - 1), "too_many_pixels"),
        (_bomb(4_000, 4_001), "too_many_pixels"),
        (encoded(Image.new("L", (4_001, 4_000)), "JPEG"), "too_many_pixels"),
        (_bomb(1000, 1000), "broken"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * pruning.BYTE_LIMIT, "too_large"),
    ],
)
def test_unusable_picture_is_refused_with_its_reason(data: bytes, error: str) -> None:
    begun = time.process_time()
    evidence, picture = pruning.measure(data, None)
    assert evidence.picture_error == f"pruning.picture.{error}"
    assert evidence.picture_error in messages.ids()
    assert evidence.picture is None
    assert picture is None
    assert time.process_time() - begun < 2


_PEAK = """
import sys
from grader.checks.pruning import measure as pruning

def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024

data = sys.stdin.buffer.read()
before = peak()
found, _ = pruning.measure(data, None)
assert found.picture_error is None, found
print(peak() - before)
"""


def _largest(depth: int, colour: int, channels: int, frames: int = 0) -> bytes:
    """A PNG of the largest size that is taken, all of one colour, so that its file is small."""
    side = 4_000
    head = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x80" * (side * channels * depth // 8)) * side, 1)
    control = [struct.pack(">IIIIIHHBB", number, side, side, 0, 0, 1, 10, 1, 1) for number in range(2 * frames)]
    pieces = [chunk(b"IHDR", head)]
    if frames:
        pieces += [chunk(b"acTL", struct.pack(">II", frames, 0)), chunk(b"fcTL", control[0])]
    pieces.append(chunk(b"IDAT", pixels))
    for frame in range(1, frames):
        number = 2 * frame - 1
        pieces += [chunk(b"fcTL", control[number]), chunk(b"fdAT", struct.pack(">I", number + 1) + pixels)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(pieces) + chunk(b"IEND")


LARGEST: dict[str, Callable[[], bytes]] = {
    "sixteen bits and transparent": lambda: _largest(16, 6, 4),
    "animated": lambda: _largest(8, 6, 4, frames=4),
    "sixteen bits of grey": lambda: _largest(16, 0, 1),
    "palette": lambda: encoded(Image.new("P", (4_000, 4_000)), transparency=bytes(100)),
    "progressive": lambda: encoded(Image.new("CMYK", (4_000, 4_000)), "JPEG", progressive=True),
}
"""Made when they are needed, because each takes a moment."""


@pytest.mark.parametrize("name", slices.every(4, LARGEST))
def test_the_largest_pictures_take_little_memory(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", _PEAK], input=LARGEST[name](), capture_output=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 256


def test_transparency_reads_white_in_every_strip() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2 * pruning._STRIP + 77, 90, 4), np.uint8)
    image = Image.fromarray(noise)
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    _, picture = pruning.measure(encoded(image), None)
    assert reopened(picture).tobytes() == Image.alpha_composite(white, image).convert("RGB").tobytes()


def scans(data: bytes, times: int) -> bytes:
    """A progressive JPEG whose last scan is sent again and again."""
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * times + data[-2:]


PROGRESSIVE = encoded(plot(), "JPEG", progressive=True)
EXIF = b"\xff\xe1\0\x0aExif\0\0II"


@pytest.mark.parametrize(
    "data",
    [
        scans(PROGRESSIVE, 1_000),
        JPEG[:2] + EXIF * 1_000 + JPEG[2:],
        JPEG[:2] + b"\xff\xfe\0\2" * 1_000 + JPEG[2:],
        JPEG[:2] + b"\xff" * 1_000 + JPEG[2:],
        JPEG[:-2] + b"\xff\xda" * 1_000 + JPEG[-2:],
        PNG[:33] + chunk(b"prVt") * 5_000 + PNG[33:],
        PNG[:-12] + chunk(b"tEXt", b"k\0v") * 5_000 + PNG[-12:],
        PNG[:-12] + chunk(b"IDAT") * 5_000 + PNG[-12:],
    ],
    ids=["scans", "exif", "comments", "fill", "empty scans", "chunks", "text after the image", "empty image data"],
)
def test_picture_in_thousands_of_pieces_is_refused(data: bytes) -> None:
    evidence, picture = pruning.measure(data, None)
    assert evidence.picture_error == "pruning.picture.too_costly"
    assert picture is None


def test_large_progressive_picture_may_have_few_scans_only() -> None:
    wide = encoded(Image.new("L", (4_000, 4_000)), "JPEG", progressive=True)
    assert pruning.measure(wide, None)[0].picture_error is None
    assert pruning.measure(scans(wide, 50), None)[0].picture_error == "pruning.picture.too_costly"
    assert pruning.measure(scans(PROGRESSIVE, 50), None)[0].picture_error is None


def test_arithmetic_coding_is_refused() -> None:
    data = PROGRESSIVE.replace(b"\xff\xc2", b"\xff\xca", 1)
    assert pruning.measure(data, None)[0].picture_error == "pruning.picture.too_costly"


def idat_of(size: int) -> bytes:
    """A noisy PNG with its image data in chunks of so many bytes."""
    noise = np.random.default_rng(0).integers(0, 256, (1_000, 1_001), np.uint8)
    noise[:, 0] = 0  # the filter of a row
    packed = zlib.compress(noise.tobytes())
    parts = [chunk(b"IDAT", packed[at : at + size]) for at in range(0, len(packed), size)]
    head = struct.pack(">IIBBBBB", 1_000, 1_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(parts) + chunk(b"IEND")


@pytest.mark.parametrize(
    "data",
    [
        idat_of(1_024),
        idat_of(8_192),
        PNG[:33] + chunk(b"tEXt", b"k\0v") * 100 + PNG[33:],
        JPEG[:2] + (b"\xff\xe2\xff\xff" + b"\xff\xda" + bytes(65_531)) * 80 + JPEG[2:],
        JPEG[:2] + b"\xff\xff\xff" + JPEG[2:],
        JPEG + b"\xff\xda" * 1_000,
        encoded(plot(), "MPO", save_all=True, append_images=[plot()] * 2),
        PROGRESSIVE,
    ],
    ids=["1 KB", "8 KB", "text", "profile", "fill", "film behind the photo", "several photos", "progressive"],
)
def test_pictures_of_honest_programs_are_accepted(data: bytes) -> None:
    evidence, picture = pruning.measure(data, None)
    assert evidence.picture_error is None
    assert picture is not None


@pytest.mark.parametrize("colour", ["white", "red"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_single_colour_is_remarked(mode: str, colour: str) -> None:
    evidence, _ = pruning.measure(encoded(Image.new("RGB", (200, 200), colour).convert(mode)), None)
    assert [note.id for note in evidence.notes] == ["pruning.picture.single_colour"]
    assert evidence.picture is not None
    result = scoring.score(bundled("hw13"), "3.1", evidence)
    assert (result.score, result.verdict) == (0.0, Verdict.NEEDS_REVIEW)
    assert pruning.measure(PNG, None)[0].notes == ()


def test_animated_picture_shows_its_first_frame() -> None:
    other = Image.new("RGB", (320, 240), "red")
    data = encoded(plot(), save_all=True, append_images=[other], duration=100)
    evidence, picture = pruning.measure(data, None)
    assert [note.id for note in evidence.notes] == ["pruning.picture.animated"]
    assert reopened(picture).convert("RGB").getpixel((5, 5)) == (255, 255, 255)


def test_nothing_at_all_was_not_submitted() -> None:
    assert pruning.measure(None, None) == (PruningEvidence(submitted=False), None)


def test_points_alone_are_kept_without_a_picture() -> None:
    evidence, picture = pruning.measure(None, b"0.5,0.8\n")
    assert (evidence.submitted, evidence.picture, evidence.picture_error, evidence.points) == (
        True,
        None,
        None,
        ((0.5, 0.8),),
    )
    assert picture is None


CURVE = ((0.0, 0.87), (0.5, 0.52), (0.95, 0.1))
EVEN = ((0.0, 0.87), (0.1, 0.8), (0.2, 0.7), (0.3, 0.5), (0.4, 0.2))


@pytest.mark.parametrize(
    ("text", "points", "notes"),
    [
        ("ratio,accuracy\n0,0.87\n0.5,0.52\n0.95,0.1\n", CURVE, []),
        ("0,0.87\n0.5,0.52\n0.95,0.1", CURVE, []),
        ("\ufeffRatio;Accuracy\r\n0;0,87\r\n0,5;0,52\r\n0,95;0,1\r\n", CURVE, []),
        ("ratio\taccuracy\n0\t.87\n.5\t.52\n.95\t.1\n", CURVE, []),
        ("0 0.87\n0.5 0.52\n0.95 0.1\n", CURVE, []),
        ('"0","0.87"\n"0.5","0.52"\n"0.95","0.1"\n', CURVE, []),
        ("0.95,0.1\n0.5,0.52\n0,0.87\n", CURVE, []),
        ("0,0.87,extra\n0.5,0.52,\n0.95,0.1\n\n\n", CURVE, []),
        ("(0, 0.87)\n(0.5, 0.52)\n(0.95, 0.1)\n", CURVE, []),
        ("0,tensor(0.87)\n0.5,tensor(0.52)\n0.95,tensor(0.1)\n", CURVE, []),
        ("0,0,0.87\n1,.1,0.8\n2,.2,0.7\n3,.3,0.5\n4,.4,0.2\n", EVEN, []),
        (",r,a\n0,0,0.87\n1,.1,0.8\n2,.2,0.7\n3,.3,0.5\n4,.4,0.2\n", EVEN, []),
        ("0,.1,.2,.3,.4\n0.87,0.8,0.7,0.5,0.2\n", EVEN, []),
        ("ratio,0,.1,.2,.3,.4\nacc,0.87,0.8,0.7,0.5,0.2\n", EVEN, []),
        ("[0, .1, .2, .3, .4]\n\n[0.87, 0.8, 0.7, 0.5, 0.2]", EVEN, []),
        ("0,0.87\n0.5,0.52\n", ((0.0, 0.87), (0.5, 0.52)), []),
        ("0,87\n50,52\n95,10\n", CURVE, ["percent"]),
        ("0%,87%\n50%,52%\n95%,10%\n", CURVE, []),
        ("0,87%\n0.5,52%\n0.95,10%\n", CURVE, []),
        ("0,0.87\n0.5,0.52\n1.5,0.2\n0.95,0.1\n", CURVE, ["out_of_range"]),
        ("0,0.87\n0.5,-1\n0.5,0.52\n0.95,0.1\n", CURVE, ["out_of_range"]),
        ("0,0.87\nhello\n0.5,0.52\nnan,1\n0.95,0.1\n0.3,inf\n", CURVE, ["skipped"]),
        ("0,0.87\n0,0.87\n", ((0.0, 0.87), (0.0, 0.87)), ["repeated"]),
        ("", (), ["unreadable"]),
        ("hello\nworld\n", (), ["unreadable"]),
        ("1_0,0.5\n", (), ["unreadable"]),
    ],
)
def test_points(text: str, points: tuple[tuple[float, float], ...], notes: list[str]) -> None:
    result = pruning_points.read(text.encode())
    assert result.points == points
    assert [note.id for note in result.notes] == [f"pruning.points.{note}" for note in notes]


@pytest.mark.parametrize(
    "text",
    [
        ",ratio,accuracy\n0,0.0,0.81\n1,0.5,0.55\n",
        "accuracy,pruning ratio\n0.81,0.0\n0.55,0.5\n",
        "accuracy after pruning,ratio\n0.81,0.0\n0.55,0.5\n",
        "step;Sparsity;loss;Test Acc\n0;0,0;1,2;0,81\n1;0,5;1,9;0,55\n",
        "ratio,test_accuracy,train_accuracy\n0.0,0.81,0.9\n0.5,0.55,0.6\n",
        "remaining,quality\n0.0,0.81\n0.5,0.55\n",
    ],
)
def test_columns_are_found_by_their_heading(text: str) -> None:
    points = pruning_points.read(text.encode())
    assert (points.points, points.notes) == (((0.0, 0.81), (0.5, 0.55)), ())


def test_million_points_are_refused_and_many_are_cut() -> None:
    assert [note.id for note in pruning_points.read(b"0.5,0.5\n" * 1_000_000).notes] == ["pruning.points.too_large"]
    many = pruning_points.read("\n".join(f"{n / 2000},{n / 2000}" for n in range(2000)).encode())
    assert len(many.points) == pruning_points.POINT_LIMIT
    assert [note.id for note in many.notes] == ["pruning.points.too_many"]


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", PNG[:60], PNG[:200], JPEG[:30], JPEG[:300]])
)
def test_any_bytes_are_answered(data: bytes, head: bytes) -> None:
    evidence, picture = pruning.measure(head + data, data)
    assert (evidence.picture is None) == (picture is None)
    assert (evidence.picture is None) == (evidence.picture_error is not None)
    assert PruningEvidence.model_validate_json(evidence.model_dump_json()) == evidence


@given(st.integers(0, len(PNG) - 1), st.integers(0, 255), st.booleans())
def test_one_changed_byte_never_breaks_the_check(at: int, value: int, png: bool) -> None:
    data = bytearray(PNG if png else JPEG)
    data[at % len(data)] = value
    evidence, picture = pruning.measure(bytes(data), None)
    assert (evidence.picture is None) == (picture is None)


GRID, FALLING = [0.0, 0.2, 0.4, 0.6, 0.8], [0.91, 0.9, 0.84, 0.6, 0.1]


@pytest.mark.parametrize(("first", "second", "is_swapped"), [
    (FALLING, GRID, True),
    ([100 * value for value in FALLING], GRID, True),
    ([100 * value for value in FALLING], [100 * value for value in GRID], True),
    (GRID, FALLING, False),
    (GRID[::-1], FALLING[::-1], False),
    (FALLING[:4], GRID[:4], True),
    (FALLING[:3], GRID[:3], False),
    ([0.9, 0.7, 0.5, 0.3, 0.1], GRID, False),
])  # fmt: skip
def test_swapped_columns_of_points_are_told(first: list[float], second: list[float], is_swapped: bool) -> None:
    points = pruning_points.read("\n".join(f"{a},{b}" for a, b in zip(first, second, strict=True)).encode())
    assert ("pruning.points.swapped" in {note.id for note in points.notes}) is is_swapped
    if is_swapped:
        assert [ratio for ratio, _ in points.points] == pytest.approx(GRID[: len(first)])
        assert points.points[0][1] == pytest.approx(FALLING[0])
