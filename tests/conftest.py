"""Fixtures that every kind of test shares: one real sandbox a test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from grader.assignment import Assignment, bundled
from grader.sandbox.supervisor import Sandbox

# Shared machines stall: how long an example took says nothing about the code.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The real sandbox, floor proved."""
    with Sandbox() as started:
        yield started


@pytest.fixture(scope="session")
def hw13() -> Assignment:
    """The worked assignment."""
    return bundled("hw13")
