"""Packs: one file with the images and labels of a split, memory-mapped; every image is checked when it is read.

A pack is a magic number, the images, a table and a trailer; integers are little-endian:

    "ASSAYPK1" | image 0 | image 1 | ... | header (JSON) | index | lengths of header and index (2 x uint32) | SHA-256

The index has one row for each image: offset, length, label and the SHA-256 of its bytes. The last SHA-256 covers
header, index and lengths, and through the index every image: it is the pack's digest. Opening a pack of gigabytes
therefore reads only its table, and a damaged image is still detected.
"""

from __future__ import annotations

import hashlib
import io
import json
import mmap
import os
import struct
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAGIC = b"ASSAYPK1"
_ROW = np.dtype([("begin", "<u8"), ("length", "<u4"), ("label", "<u4"), ("sha256", "V32")])
_LENGTHS = struct.Struct("<II")
_TRAILER = _LENGTHS.size + hashlib.sha256().digest_size


class Encoding(StrEnum):
    """The format of an image's bytes."""

    WEBP = "webp"
    """A few percent of the size; 0.1 ms to decode at 64 x 64."""
    RAW = "raw"
    """uint8, row by row, RGB: for large sets, because nothing is decoded."""


class DamagedPack(Exception):
    """The file is no pack, is truncated, or its bytes do not match its digest."""


class PackWriter:
    """Writes a pack under a temporary name and renames it at the end, so that a reader never sees half a pack.

    A context manager; an exception removes the temporary file.
    """

    def __init__(self, path: Path, size: int, encoding: Encoding, metadata: Mapping[str, Any]) -> None:
        """``size`` is the side of the square images in pixels; ``metadata`` is stored in the header."""
        self._path = path
        self._partial = path.with_name(f"{path.name}.{os.getpid()}.part")
        self.metadata = dict(metadata)
        """JSON data of the header; entries may be added until the pack is closed."""
        self._header = {"size": size, "encoding": encoding.value, "about": self.metadata}
        self._rows: list[tuple[int, int, int, bytes]] = []
        self._file = self._partial.open("wb")
        self._file.write(MAGIC)

    def append(self, data: bytes, label: int) -> None:
        """Add one image, encoded as the header says."""
        self._rows.append((self._file.tell(), len(data), label, hashlib.sha256(data).digest()))
        self._file.write(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._file.write(self._table())
                self._file.flush()
                os.fsync(self._file.fileno())
        if kind is None:
            self._partial.replace(self._path)
        else:
            self._partial.unlink()

    def _table(self) -> bytes:
        header = json.dumps(self._header, sort_keys=True, ensure_ascii=False).encode()
        index = np.array(self._rows, dtype=_ROW).tobytes()
        table = header + index + _LENGTHS.pack(len(header), len(index))
        return table + hashlib.sha256(table).digest()


class Pack:
    """A pack opened for reading, memory-mapped. Safe to share between threads and across a fork."""

    def __init__(self, path: Path) -> None:
        """Map ``path``. Raises `DamagedPack`, or ``OSError`` when there is no such file."""
        self.path = path
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < len(MAGIC) + _TRAILER:
                raise DamagedPack(f"{path} is no pack: it is too short")
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if self._bytes[: len(MAGIC)] != MAGIC:
            raise DamagedPack(f"{path} is no pack")
        header, self._index, self.digest = self._read_table()
        self.size: int = header["size"]
        self.encoding = Encoding(header["encoding"])
        self.metadata: dict[str, Any] = header["about"]
        self.labels: NDArray[np.int64] = self._index["label"].astype(np.int64)
        """Labels ``(N,)``."""

    def __len__(self) -> int:
        return len(self._index)

    def pixels(self, indices: Sequence[int] | NDArray[np.int64] | slice) -> NDArray[np.uint8]:
        """Images ``(N, size, size, 3)``, RGB. Raises `DamagedPack` for an image that has changed."""
        rows = self._index[indices]
        images = np.empty((len(rows), self.size, self.size, 3), np.uint8)
        for image, row in zip(images, rows, strict=True):
            image[:] = self._decode(row)
        return images

    def _decode(self, row: np.void) -> NDArray[np.uint8]:
        begin = int(row["begin"])
        data = self._bytes[begin : begin + int(row["length"])]
        if hashlib.sha256(data).digest() != row["sha256"].tobytes():
            raise DamagedPack(f"{self.path}: the image at byte {begin} has changed since it was packed")
        if self.encoding is Encoding.RAW:
            return np.frombuffer(data, np.uint8).reshape(self.size, self.size, 3)
        with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
            return np.asarray(image.convert("RGB"))

    def _read_table(self) -> tuple[dict[str, Any], NDArray[np.void], str]:
        end = len(self._bytes) - hashlib.sha256().digest_size
        header_length, index_length = _LENGTHS.unpack_from(self._bytes, end - _LENGTHS.size)
        begin = end - _LENGTHS.size - header_length - index_length
        digest = hashlib.sha256(self._bytes[max(begin, 0) : end]).digest()
        if begin < len(MAGIC) or self._bytes[end:] != digest:
            raise DamagedPack(f"{self.path}: its table is damaged or it is truncated")
        header = json.loads(self._bytes[begin : begin + header_length])
        index = np.frombuffer(self._bytes[begin + header_length : end - _LENGTHS.size], _ROW)
        return header, index, digest.hex()
