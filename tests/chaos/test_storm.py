"""A few blows every time; `python -m tests.chaos --kills 100` deals many."""

from __future__ import annotations

import random

import pytest

from tests.chaos.blows import KILLS, plan
from tests.chaos.run import storm

BLOWS = 2


@pytest.mark.timeout(600)
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_a_storm_loses_nothing(database: str) -> None:
    seed = random.randrange(2**31)
    print(f"replay: python -m tests.chaos --kills {BLOWS} --database {database} --seed {seed}")
    seen = storm(BLOWS, database, seed, threads=2)
    assert seen.accepted
    assert seen.wrong == []


def test_a_seed_deals_the_same_blows_again() -> None:
    first, second = (list(plan(7, 100)) for _ in range(2))
    assert first == second
    assert sum(blow.what in KILLS for blow in first) == 100
    assert {blow.what for blow in first} >= set(KILLS)
    assert list(plan(8, 100)) != first
