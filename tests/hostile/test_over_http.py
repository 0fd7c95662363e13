"""A slice of the hostile submissions over HTTP, through queue and worker; `tests.hostile.over_http` sends them all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader.sandbox.supervisor import Sandbox
from tests import slices
from tests.hostile import over_http, submission
from tests.integration.service import Site

SLICE = [
    "processes/fork_bomb_is_refused",
    "signals/kill_of_the_fork_server_is_refused",
    "network/http_is_refused",
    "kernel/io_uring_is_killed",
    "files/environment_of_the_fork_server_is_closed",
    "limits/tensor_bomb_hits_the_memory_limit",
    "output/markup_is_only_text",
    "forging/object_that_equals_everything_earns_nothing",
    "forging/patched_numel_earns_nothing",
    "source/immediate_exit_is_a_death",
]


@pytest.fixture(scope="module")
def served(sandbox: Sandbox) -> Iterator[Site]:
    """A service whose worked assignment has low limits."""
    with over_http.service(sandbox) as started:
        yield started


@pytest.mark.parametrize("name", slices.every(2, SLICE))
def test_it_ends_as_it_must(served: Site, name: str) -> None:
    hostile = next(one for one in submission.everything() if one.name == name)
    assert over_http.ends_otherwise(served, hostile) == {}
