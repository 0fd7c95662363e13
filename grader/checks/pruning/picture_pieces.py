"""Bound the cost of opening a picture by counting the pieces of its file before Pillow opens it.

Pillow walks over chunks and segments in Python and copies some of them repeatedly, and libjpeg decodes all pixels for
each scan; neither can be interrupted. The count takes the same steps and ends at the limit.
"""

from __future__ import annotations

_CHUNK_LIMIT = 1_000
"""PNG chunks beyond one for each KiB. Honest files have few chunks besides image data in pieces of 8 KiB or more."""
_SEGMENT_LIMIT = 400
"""JPEG segments before the first scan. A photo has fewer than 50; profiles and depth maps come in 64 KiB segments."""
_SCAN_LIMIT = 100
"""A progressive JPEG has about ten."""
_SCANNED_LIMIT = 400_000_000
"""Pixels times scans: 25 scans of the largest picture."""
_WITHOUT_LENGTH = frozenset({0x00, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)})
_ARITHMETIC = frozenset(range(0xC9, 0xD0))
"""Frames of arithmetic coding: a scan takes its full time without any data, and hardly any program writes them."""
_START_OF_SCAN = b"\xff\xda"
_END_OF_IMAGE = b"\xff\xd9"


def trim(data: bytes) -> bytes | None:
    """The PNG or JPEG without the bytes after a JPEG's end; ``None`` if it has too many pieces."""
    if not data.startswith(b"\xff\xd8"):
        return data if _has_few_chunks(data) else None
    scan = _first_scan(data)
    if scan is None:
        return None
    end = data.find(_END_OF_IMAGE, scan)
    picture = data if end < 0 else data[: end + 2]
    return picture if _count_scans(picture) <= _SCAN_LIMIT else None


def too_many_scans(jpeg: bytes, pixels: int) -> bool:
    """Whether all scans together decode too many pixels."""
    return _count_scans(jpeg) * pixels > _SCANNED_LIMIT


def _count_scans(jpeg: bytes) -> int:
    """An upper bound: each scan begins with this marker, which compressed data cannot hold and metadata rarely does."""
    return jpeg.count(_START_OF_SCAN)


def _has_few_chunks(png: bytes) -> bool:
    position = 8
    for _ in range(_CHUNK_LIMIT + len(png) // 1024):
        if position >= len(png) or png[position + 4 : position + 8] == b"IEND":
            return True
        position += 12 + int.from_bytes(png[position : position + 4])
    return False


def _first_scan(jpeg: bytes) -> int | None:
    """The position of the first scan or of the end; ``None`` after too many segments or stray bytes."""
    position = 2
    for _ in range(_SEGMENT_LIMIT):
        if position + 1 >= len(jpeg) or jpeg.startswith(_START_OF_SCAN, position):
            return position
        marker = jpeg[position + 1]
        if jpeg[position] != 0xFF or marker == 0xFF:
            position += 1
        elif marker in _ARITHMETIC:
            return None
        elif marker in _WITHOUT_LENGTH:
            position += 2
        else:
            position += 2 + max(int.from_bytes(jpeg[position + 2 : position + 4]), 2)
    return None
