"""What opening a picture will cost, by the pieces of its file: counted before Pillow sees it.

Pillow walks over chunks and segments in Python and copies some of them again for each; libjpeg goes over all pixels for
each scan, and neither can be stopped. So the pieces are counted first, in the same steps, and never beyond the limit.
"""

from __future__ import annotations

_CHUNK_LIMIT = 1_000
"""PNG chunks beyond one for each KiB; honest image data comes in 8 KiB and more, and few other chunks."""
_SEGMENT_LIMIT = 400
"""JPEG segments before the first scan. A photo has below 50; profiles and depth maps come in segments of 64 KiB."""
_SCAN_LIMIT = 100
"""A progressive JPEG has about ten."""
_SCANNED_LIMIT = 400_000_000
"""Pixels times scans: 25 scans of the largest picture taken."""
_WITHOUT_LENGTH = frozenset({0x00, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)})
_ARITHMETIC = frozenset(range(0xC9, 0xD0))
"""Frames of arithmetic coding: a scan takes its full time without any data, and next to no program writes them."""
_START_OF_SCAN = b"\xff\xda"
_END_OF_IMAGE = b"\xff\xd9"


def bounded(data: bytes) -> bytes | None:
    """The PNG or JPEG without what follows a JPEG's end; nothing, if it has too many pieces."""
    if not data.startswith(b"\xff\xd8"):
        return data if _few_chunks(data) else None
    scan = _first_scan(data)
    if scan is None:
        return None
    end = data.find(_END_OF_IMAGE, scan)
    picture = data if end < 0 else data[: end + 2]
    return picture if _scans(picture) <= _SCAN_LIMIT else None


def too_many_scans(jpeg: bytes, pixels: int) -> bool:
    """Whether decoding goes over too many pixels, all scans together."""
    return _scans(jpeg) * pixels > _SCANNED_LIMIT


def _scans(jpeg: bytes) -> int:
    """At most so many: each begins with this marker, which compressed data cannot hold and metadata rarely does."""
    return jpeg.count(_START_OF_SCAN)


def _few_chunks(png: bytes) -> bool:
    at = 8
    for _ in range(_CHUNK_LIMIT + len(png) // 1024):
        if at >= len(png) or png[at + 4 : at + 8] == b"IEND":
            return True
        at += 12 + int.from_bytes(png[at : at + 4])
    return False


def _first_scan(jpeg: bytes) -> int | None:
    """Where the first scan begins, or the end of the file; nothing after too many segments or stray bytes."""
    at = 2
    for _ in range(_SEGMENT_LIMIT):
        if at + 1 >= len(jpeg) or jpeg.startswith(_START_OF_SCAN, at):
            return at
        marker = jpeg[at + 1]
        if jpeg[at] != 0xFF or marker == 0xFF:
            at += 1
        elif marker in _ARITHMETIC:
            return None
        elif marker in _WITHOUT_LENGTH:
            at += 2
        else:
            at += 2 + max(int.from_bytes(jpeg[at + 2 : at + 4]), 2)
    return None
