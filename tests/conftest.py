"""Fixtures that every kind of test shares: one real sandbox a test process."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from grader.assignment import Assignment, bundled
from grader.sandbox.supervisor import Sandbox

# Two test processes share the cores: threads of one tensor operation would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Shared machines stall: how long an example took says nothing about the code.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")


LONG_FILES = ("test_cli", "test_documents", "test_grading", "test_storm")
"""Begun first, so that no core waits at the end for the file that another has just begun."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's files together, which share a service; the files that take longest; then the rest in its order."""
    items.sort(key=lambda item: (item.path.parent.name != "browser", item.path.stem not in LONG_FILES))


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The real sandbox, floor proved."""
    with Sandbox() as started:
        yield started


@pytest.fixture(scope="session")
def hw13() -> Assignment:
    """The worked assignment."""
    return bundled("hw13")
