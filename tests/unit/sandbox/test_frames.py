"""Frames are read back as they were written, and no bytes do more than raise `ProtocolError`."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.sandbox import frames

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
metas = st.dictionaries(st.text().filter(lambda name: name != "arrays"), json_values, max_size=5)
arrays = st.sampled_from(sorted(frames.DTYPES)).flatmap(
    lambda code: hnp.arrays(frames.DTYPES[code], hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)


def split(frame: bytes) -> tuple[bytes, bytes, bytes]:
    header = frame[: frames.HEADER.size]
    _, _, _, text, _ = frames.HEADER.unpack(header)
    return header, frame[len(header) : len(header) + text], frame[len(header) + text :]


def storable(value: Any) -> Any:
    """What `decode` makes of a value: no NUL, no halves of surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\0", "?").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(name): storable(item) for name, item in value.items()}
    return value


@given(metas, st.lists(arrays, max_size=4), st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3, 4]))
def test_round_trip(meta: dict[str, Any], sent: list[frames.Array], sequence: int, kind: int) -> None:
    header, text, body = split(frames.encode(kind, sequence, meta, sent))
    assert frames.sizes(header, sequence, (kind,), len(body)) == (kind, len(text), len(body))
    read, received = frames.decode(text, body)
    assert read == storable(meta)
    assert len(received) == len(sent)
    for one, other in zip(sent, received, strict=True):
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
        assert not other.flags.writeable


@given(st.binary(min_size=frames.HEADER.size, max_size=frames.HEADER.size))
def test_any_header_is_read_or_refused(header: bytes) -> None:
    try:
        _, text, body = frames.sizes(header, 7, (frames.REPLY,), 1 << 20)
    except frames.ProtocolError:
        return
    assert text <= frames.MAX_JSON
    assert body <= 1 << 20


@given(st.binary(max_size=200), st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(text: bytes, body: bytes) -> None:
    with pytest.raises(frames.ProtocolError):
        frames.decode(b"\xff" + text, body)
    with contextlib.suppress(frames.ProtocolError):
        frames.decode(text, body)


described = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from([*frames.DTYPES, "object", "O", 7, None, ["f32"]]),
        "shape": st.lists(st.integers(-2, 2**40) | st.none() | st.booleans() | st.floats(), max_size=10) | st.text(),
    }
)


@given(st.lists(described | json_values, max_size=3) | json_values, st.binary(max_size=64))
def test_any_description_of_arrays_is_read_or_refused(listed: Any, body: bytes) -> None:
    text = json.dumps({"arrays": listed}).encode()
    try:
        _, received = frames.decode(text, body)
    except frames.ProtocolError:
        return
    assert sum(array.nbytes for array in received) == len(body)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        (b"[1]", b""),
        (b'{"a": NaN}', b""),
        (b'{"a": 1e999}', b""),
        (b'{"a": -Infinity}', b""),
        (b'{"a": ' + b"9" * 5000 + b"}", b""),
        (b'{"a":' + b"[" * 200_000, b""),
        (b'{"arrays": [{"dtype": "f32", "shape": [2]}]}', b"1234"),
        (b'{"arrays": [{"dtype": "f32", "shape": [1]}]}', b"12345678"),
        (b'{"arrays": [{"dtype": "f32", "shape": [0, 268435456, 268435456, 268435456]}]}', b""),
        (b'{"arrays": [{"dtype": "f32", "shape": [true]}]}', b"1234"),
        (b'{"arrays": [{"dtype": "f32", "shape": [1], "more": 1}]}', b"1234"),
        (json.dumps({"arrays": [{"dtype": "u8", "shape": [0]}] * 65}).encode(), b""),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_other_bytes_than_a_frame_are_refused(text: bytes, body: bytes) -> None:
    with pytest.raises(frames.ProtocolError):
        frames.decode(text, body)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("a\0b", "a?b"),
        ("half \ud83d", "half ?"),
        ("a whole \U0001f600", "a whole \U0001f600"),
        (r"the letters \u0000", r"the letters \u0000"),
        ("a backslash and NUL \\\0", "a backslash and NUL \\?"),
    ],
)
def test_text_is_storable(sent: str, read: str) -> None:
    _, text, body = split(frames.encode(frames.REPLY, 1, {sent: sent}))
    assert frames.decode(text, body)[0] == {read: read}


def test_too_large_a_frame_says_how_large() -> None:
    header, _, _ = split(frames.encode(frames.REPLY, 1, {}, [np.zeros(1000)]))
    with pytest.raises(frames.TooLarge) as refused:
        frames.sizes(header, 1, (frames.REPLY,), 7999)
    assert refused.value.size > 8000


@pytest.mark.parametrize(("sequence", "kinds"), [(2, (frames.REPLY,)), (1, (frames.READY,))])
def test_a_frame_out_of_turn_is_refused(sequence: int, kinds: tuple[int, ...]) -> None:
    header, _, _ = split(frames.encode(frames.REPLY, 1, {}))
    with pytest.raises(frames.ProtocolError):
        frames.sizes(header, sequence, kinds, 0)


def test_numbers_that_json_does_not_know_are_not_sent() -> None:
    with pytest.raises(ValueError):
        frames.encode(frames.REPLY, 1, {"a": math.nan})


def test_a_dtype_without_a_code_is_not_sent() -> None:
    with pytest.raises(KeyError):
        frames.encode(frames.REPLY, 1, {}, [np.zeros(1, dtype=np.complex64)])
