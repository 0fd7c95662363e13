"""A few blows every time; `python -m tests.chaos --kills 100` deals many."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from tests.chaos.blows import KILLS, OTHERS, plan
from tests.chaos.run import storm

BLOWS = 2


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "database",
    [pytest.param("sqlite", marks=pytest.mark.thorough), pytest.param("postgresql", marks=pytest.mark.postgresql)],
)
def test_a_storm_loses_nothing(database: str) -> None:
    seed = random.randrange(2**31)
    print(f"replay: python -m tests.chaos --kills {BLOWS} --database {database} --seed {seed}")
    seen = storm(BLOWS, database, seed, threads=2)
    assert seen.accepted
    assert seen.wrong == []


def test_a_seed_deals_the_same_blows_again() -> None:
    first, second, other = (list(islice(plan(seed), 100)) for seed in (7, 7, 8))
    assert first == second
    assert first != other
    assert {blow.what for blow in first} == {*KILLS, *OTHERS}
