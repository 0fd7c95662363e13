"""The fixtures that build a real service, for attacks that come over HTTP, and fork servers that start quickly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader.sandbox import supervisor
from tests import warm_processes
from tests.integration.conftest import make_settings, migrated_sqlite

__all__ = ["make_settings", "migrated_sqlite"]


@pytest.fixture(scope="module")
def warm_fork_servers() -> Iterator[None]:
    """Fork servers are forked from a warm one: for tests about the life of a fork server, which start many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supervisor, "subprocess", warm_processes.use_warm_fork_servers())
        yield
