"""A few kills in `make check-all`; `python -m tests.chaos --kills 100` does many."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.chaos.faults import KILLS, OTHER_FAULTS, plan
from tests.chaos.run import run_chaos

FEW_KILLS = 2
SEED = 40
"""Kills the database and at once a worker."""


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_kills_and_other_faults_lose_nothing(database: str) -> None:
    report = run_chaos(FEW_KILLS, database, SEED, threads=2)
    assert report.accepted
    assert report.violations == []


def test_seed_decides_the_faults() -> None:
    first, second, other = (list(islice(plan(seed), 100)) for seed in (7, 7, 8))
    assert first == second
    assert first != other
    assert {fault.kind for fault in first} == {*KILLS, *OTHER_FAULTS}
