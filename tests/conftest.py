"""Fixtures that every kind of test shares: one real sandbox a test process."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from grader.assignment import Assignment, bundled
from grader.sandbox import supervisor
from grader.sandbox.supervisor import Sandbox
from tests import warm_processes

# Two test processes share the cores: threads of one tensor operation would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Shared machines stall: how long an example took says nothing about the code.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make test` tries the same examples each time, so that it fails for a change and not by luck.
settings.register_profile("fixed", PATIENT, derandomize=True, database=None, max_examples=50)
settings.register_profile("search", PATIENT, max_examples=300)
settings.load_profile("search" if "ASSAY_TEST_SEARCH" in os.environ else "fixed")


LONG_FILES = (
    "test_submissions", "test_documents", "test_curve", "test_chaos", "test_later_stage", "test_models", "test_jobs",
    "test_regrades", "test_collected_submissions", "test_lti_passback", "test_processes", "test_setups",
)  # fmt: skip
"""Begun first and in this order, so that no core waits at the end for the file that another has just begun."""
UNHURRIED = (
    "test_bench", "test_cli", "test_cli_gradescope", "test_cli_lti", "test_data_sets", "test_decompose",
    "test_export_names", "test_food11", "test_hostile_text", "test_kd_loss", "test_networks", "test_page_speed",
)  # fmt: skip
"""Units that `make check` leaves to `make test`: a few of them take most of the time. Begun next."""
_RANKS = {name: rank for rank, name in enumerate((*LONG_FILES, *UNHURRIED))}


class _Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """A file stays in one process, and so do all files of the browser, which share a browser and a service."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "tests/browser" if file.startswith("tests/browser/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Which tests must run in the same process, if `--dist loadfile` asks for it."""
    return _Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_configure(config: pytest.Config) -> None:
    """Start what all test processes share before they start."""
    if config.getoption("numprocesses", None):
        warm_processes.share()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from walking through a million objects of imports and tests again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order and mark: the browser's files first and together, which share a service; then those that take longest.

    Units are ``quick``, but for the files that take long.
    """
    for item in items:
        if "unit" in item.path.parts and item.path.stem not in UNHURRIED:
            item.add_marker(pytest.mark.quick)
    items.sort(key=lambda item: (item.path.parent.name != "browser", _RANKS.get(item.path.stem, len(_RANKS))))


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The real sandbox, floor proved. Its fork server is forked from the warm one that tests of processes use too."""
    started = Sandbox()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supervisor, "subprocess", warm_processes.use_warm_fork_servers())
        started.launch()
    with started:
        yield started


@pytest.fixture(scope="session")
def hw13() -> Assignment:
    """The worked assignment."""
    return bundled("hw13")
