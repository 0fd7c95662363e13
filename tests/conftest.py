"""Fixtures that every kind of test shares: one real sandbox a test process."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

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
    "test_submissions", "test_curve", "test_documents", "test_later_stage", "test_replay", "test_jobs",
    "test_regrades", "test_collected_submissions", "test_stored_database", "test_models", "test_processes",
    "test_lti_database", "test_uploads", "test_storage_faults", "test_faults", "test_writes", "test_setups",
    "test_lti_passback", "test_capabilities", "test_regrade_jobs", "test_grading", "test_container", "test_reading",
)  # fmt: skip
"""Begun first and in this order, so that no core waits at the end for the file that another has just begun."""
UNHURRIED = (
    "test_bench", "test_cli", "test_cli_gradescope", "test_cli_lti", "test_data_sets", "test_decompose",
    "test_export_names", "test_food11", "test_hostile_text", "test_kd_loss", "test_networks", "test_page_speed",
)  # fmt: skip
"""Units that `make check` leaves to `make test`: a few of them take most of the time. Begun next."""
_RANKS = {name: rank for rank, name in enumerate((*LONG_FILES, *UNHURRIED))}
SECOND_BROWSER = ("test_courses", "test_lti", "test_pages", "test_requests", "test_staff")
"""The files of the browser that make a second group, about as long as the first."""


def _browser_group(file: Path) -> int:
    """1 or 2: the files of a group share a process, a browser and a service. 3 for all other files."""
    if file.parent.name != "browser":
        return 3
    return 2 if file.stem in SECOND_BROWSER else 1


class _Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """A file stays in one process, and so does a group of the browser's files."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return f"tests/browser, group {_browser_group(Path(file))}" if file.startswith("tests/browser/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Which tests must run in the same process, if `--dist loadfile` asks for it."""
    return _Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_configure(config: pytest.Config) -> None:
    """Start what all test processes share before they start, and let each begin to collect elsewhere.

    A file is compiled, which costs more than its import, by the first process that comes to it.
    """
    if config.getoption("numprocesses", None):
        warm_processes.share()
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    if workerinput is not None and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        files = sorted(map(str, Path(__file__).parent.rglob("test_*.py")))
        begin = len(files) * int(workerinput["workerid"].removeprefix("gw")) // workerinput["workercount"]
        config.args = files[begin:] + files[:begin]


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
    """Order and mark: the browser's files first and group by group; then those that take longest, then by name.

    The order is the same in each process, wherever it began to collect. Units are ``quick``, but for the files that
    take long.
    """
    for item in items:
        if "unit" in item.path.parts and item.path.stem not in UNHURRIED:
            item.add_marker(pytest.mark.quick)
    items.sort(key=lambda item: (_browser_group(item.path), _RANKS.get(item.path.stem, len(_RANKS)), item.path))


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
