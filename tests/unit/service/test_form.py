"""Reading a form gives the same fields however the bytes are cut, and holds its limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http import form
from app.submissions import parts
from app.submissions.parts import Field
from grader.parts import PartDefinition, PartKind

TYPE = "multipart/form-data; boundary=mark"


def body(fields: Mapping[str, bytes]) -> bytes:
    """A form with these fields."""
    head = '--mark\r\nContent-Disposition: form-data; name="{}"; filename="x"\r\n\r\n'
    return b"".join(head.format(name).encode() + data + b"\r\n" for name, data in fields.items()) + b"--mark--\r\n"


def read(data: bytes, sizes: list[int], largest: Mapping[str, int]) -> dict[str, Field]:
    """Read a body that arrives in pieces of these sizes."""

    async def pieces() -> AsyncIterator[bytes]:
        rest = data
        for size in sizes:
            yield rest[:size]
            rest = rest[size:]
        yield rest

    return asyncio.run(form.read(pieces(), TYPE, largest.get))


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]), st.binary(max_size=60).filter(lambda data: b"--mark" not in data)
    ),
    st.lists(st.integers(0, 40), max_size=20),
)
def test_fields_arrive_whole_however_they_are_cut(fields: dict[str, bytes], sizes: list[int]) -> None:
    parsed = read(body(fields), sizes, {"a": 60, "b": 60, "c": 60})
    assert {name: field.data for name, field in parsed.items()} == fields


@pytest.mark.parametrize("sizes", [[], [1] * 200, [90]])
def test_a_field_over_its_limit_is_refused_and_the_rest_is_read(sizes: list[int]) -> None:
    whole = body({"a": b"x" * 11, "b": b"y"})
    with pytest.raises(parts.PartTooLarge, match="part a is larger than its 10 bytes"):
        read(whole, sizes, {"a": 10, "b": 10})
    assert read(body({"a": b"x" * 10}), sizes, {"a": 10})["a"].data == b"x" * 10


def test_what_follows_a_fault_is_not_parsed() -> None:
    unreadable = b"--mark\r\n" + b"a" * 10_000
    with pytest.raises(parts.UnknownPart):
        read(body({"d": b""}).removesuffix(b"--mark--\r\n") + unreadable, [100], {"a": 60})


def test_a_form_has_a_largest_number_of_fields() -> None:
    fields = {f"field_{number}": b"" for number in range(form.MOST_FIELDS + 1)}
    with pytest.raises(parts.UnknownPart, match="more than"):
        read(body(fields), [], dict.fromkeys(fields, 1))


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (None, None),
        ("model.py", "model.py"),
        ("C:\\Users\\me\\model.py", "model.py"),
        ("../../etc/passwd", "passwd"),
        ("mo\0d\r\nel\u202e.py", "model.py"),
        ("模型.py", "模型.py"),
        ("\n", None),
        ("dir/", None),
        ("x" * 300, "x" * 255),
    ],
)
def test_file_names_become_harmless(raw: str | None, name: str | None) -> None:
    assert parts.clean_file_name(raw) == name


def test_white_space_is_nothing_in_text_and_something_in_bytes() -> None:
    text, weights = (
        PartDefinition(name="p", kind=kind, title={"en": "P"}) for kind in (PartKind.TEXT, PartKind.WEIGHTS)
    )
    assert text.is_empty(b" \r\n\t")
    assert weights.is_empty(b"")
    assert not weights.is_empty(b" ")
