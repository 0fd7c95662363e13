"""Differences of texts: right for every pair, like difflib's where that matters, and made in linear time."""

from __future__ import annotations

import difflib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader import line_difference
from tests.load import parser_growth

LINES = st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=14)


def _applied(old: list[str], hunks: list[str]) -> list[str]:
    """The lines after the hunks, each of which must fit its place."""
    result: list[str] = []
    at = 0
    for line in hunks:
        if place := re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", line):
            begin = int(place[1]) - (place[2] != "0")
            result += old[at:begin]
            at = begin
            assert len(result) == int(place[3]) - (place[4] != "0")
            continue
        if line[0] in " -":
            assert old[at] == line[1:]
            at += 1
        if line[0] in " +":
            result.append(line[1:])
    return result + old[at:]


@given(LINES, LINES, st.integers(0, 3))
def test_a_difference_leads_from_one_text_to_the_other(old: list[str], new: list[str], context: int) -> None:
    hunks = list(line_difference.unified(old, new, context))
    assert _applied(old, hunks) == new
    assert bool(hunks) is (old != new)


@given(st.lists(st.integers(0, 10**6), unique=True, max_size=30), st.lists(st.integers(0, 29), max_size=3))
def test_a_difference_of_lines_that_occur_once_is_that_of_difflib(numbers: list[int], changed: list[int]) -> None:
    old = [str(number) for number in numbers]
    new = [f"new {line}" if at in changed else line for at, line in enumerate(old)]
    assert list(line_difference.unified(old, new)) == list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]


@pytest.mark.parametrize("name", [name for name in parser_growth.READERS if name.startswith("compared")])
def test_a_difference_of_hostile_texts_grows_linearly(name: str) -> None:
    parser_growth.check(name)
