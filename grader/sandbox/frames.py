"""Frames on a pipe between the trusted side and a child: a fixed header, JSON, raw arrays. No pickle, no code.

Layout, little-endian: magic, sequence number, kind, length of the JSON, length of the body, then the JSON, then the
arrays' bytes one after the other. The JSON's ``arrays`` lists dtype and shape of each. Everything is checked, because
the child's side may be written by a student.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Answer = tuple[dict[str, Any], list[Array]]
"""JSON data and arrays, in answer to a request."""
Operation = Callable[[dict[str, Any], tuple[Array, ...]], Answer]
"""Answers one kind of request: takes its JSON data and its arrays."""

HEADER = struct.Struct("<4sIBxxxIQ")
_MAGIC = b"ASY1"
READY, REQUEST, REPLY, FAILURE = 1, 2, 3, 4
MAX_JSON = 4 << 20
MAX_ARRAYS, MAX_RANK, MAX_DIMENSION = 64, 8, 1 << 28
DTYPES: dict[str, np.dtype[Any]] = {
    "f16": np.dtype("<f2"),
    "f32": np.dtype("<f4"),
    "f64": np.dtype("<f8"),
    "i32": np.dtype("<i4"),
    "i64": np.dtype("<i8"),
    "u8": np.dtype("u1"),
}
_CODES = {dtype: code for code, dtype in DTYPES.items()}


_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_ESCAPES = re.compile(r"\\\\|\\(u0000)")  # an escaped backslash may stand before the letters u0000


class ProtocolError(Exception):
    """The bytes are not the frame that was expected."""


class TooLarge(ProtocolError):
    """A frame is larger than allowed."""

    def __init__(self, size: int) -> None:
        super().__init__(f"a frame of {size} bytes is larger than allowed")
        self.size = size


def encode(kind: int, sequence: int, meta: dict[str, Any], arrays: Sequence[Array] = ()) -> bytes:
    """One frame. Raises ``KeyError`` for a dtype that has no code."""
    arrays = [np.asarray(array, order="C") for array in arrays]
    descriptions = [{"dtype": _CODES[array.dtype], "shape": array.shape} for array in arrays]
    text = json.dumps({**meta, "arrays": descriptions}, allow_nan=False).encode()
    body = b"".join(array.tobytes() for array in arrays)
    return HEADER.pack(_MAGIC, sequence, kind, len(text), len(body)) + text + body


def sizes(header: bytes, sequence: int, kinds: tuple[int, ...], cap: int) -> tuple[int, int, int]:
    """(kind, JSON length, body length) of a header with this sequence number. Raises `ProtocolError`."""
    magic, number, kind, text, body = HEADER.unpack(header)
    if magic != _MAGIC:
        raise ProtocolError("the reply does not begin as a frame does")
    if number != sequence or kind not in kinds:
        raise ProtocolError(f"frame {number} of kind {kind} came where {sequence} was due")
    if text > MAX_JSON or body > cap:
        raise TooLarge(text + body)
    return kind, text, body


def decode(text: bytes, body: bytes) -> tuple[dict[str, Any], tuple[Array, ...]]:
    """The JSON and read-only arrays of one frame. Raises `ProtocolError`.

    Characters that no database stores (NUL, halves of surrogate pairs) come out as question marks.
    """
    try:
        meta = json.loads(text.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
        if _UNSTORABLE.search(text):
            plain = _ESCAPES.sub(lambda match: "?" if match[1] else match[0], json.dumps(meta, ensure_ascii=False))
            meta = json.loads(plain.encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError("the reply's JSON cannot be read") from error
    if not isinstance(meta, dict):
        raise ProtocolError("the reply's JSON is no object")
    descriptions = meta.pop("arrays", [])
    if not isinstance(descriptions, list) or len(descriptions) > MAX_ARRAYS:
        raise ProtocolError("the reply's list of arrays cannot be read")
    arrays, offset = [], 0
    for entry in descriptions:
        dtype, shape = _array_type(entry)
        count = 1
        for dimension in shape:
            count *= dimension
        size = count * dtype.itemsize
        if offset + size > len(body):
            raise ProtocolError("an array is longer than its bytes")
        try:
            arrays.append(np.frombuffer(body, dtype=dtype, count=count, offset=offset).reshape(shape))
        except ValueError as error:  # no elements, but dimensions whose product overflows
            raise ProtocolError("an array's shape cannot be made") from error
        offset += size
    if offset != len(body):
        raise ProtocolError("bytes are left over behind the arrays")
    return meta, tuple(arrays)


def _array_type(entry: Any) -> tuple[np.dtype[Any], tuple[int, ...]]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape"} or not isinstance(entry["shape"], list):
        raise ProtocolError("an array is described wrongly")
    shape = entry["shape"]
    code = entry["dtype"]
    if not isinstance(code, str) or code not in DTYPES or len(shape) > MAX_RANK:
        raise ProtocolError("an array's type cannot be read")
    if any(type(n) is not int or not 0 <= n <= MAX_DIMENSION for n in shape):
        raise ProtocolError("an array's shape cannot be read")
    return DTYPES[code], tuple(shape)


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")
