"""Readers of uploads, each with its worst input at a part of the largest size and at half of that."""

from __future__ import annotations

import pytest

from tests import slices
from tests.load import parser_growth

NAMES = list(parser_growth.READERS)


@pytest.mark.parametrize("name", slices.every(5, NAMES, NAMES))
def test_the_work_of_a_reader_grows_with_the_size_and_not_its_square(name: str) -> None:
    parser_growth.check(name, share=0.1)


def test_a_quadratic_reader_is_noticed() -> None:
    def read(size: int) -> int:
        return sum(1 for first in range(size) for second in range(size) if first == second)

    growth = parser_growth.growth(parser_growth.Reader(read, lambda size: size, 3_000))
    assert growth.ratio > parser_growth.MOST_RATIO
    assert growth.full > parser_growth.NO_SECONDS
