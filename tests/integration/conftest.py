"""Databases built by the real migrations, services on each kind of database, people who use them."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.assignments import service as assignments
from app.db import migrate
from app.db.engine import Database
from app.queue.dbos_engine import DbosJobs
from app.settings import Settings
from grader.sandbox.supervisor import Sandbox
from tests.integration.postgresql import Server
from tests.integration.service import ADMIN_TOKEN, ServiceInProcess, Site, WorkerProcess

KINDS = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.postgresql)]
MakeSettings = Callable[[str], Settings]
EmptySettings = MakeSettings
ON_ONE_DATABASE = {
    "test_api_quality": "sqlite",
    "test_browser_sessions": "sqlite",
    "test_cancelling": "postgresql",
    "test_capabilities": "postgresql",
    "test_chores": "postgresql",
    "test_deadlines": "postgresql",
    "test_draft_api": "sqlite",
    "test_drafts": "postgresql",
    "test_exports": "postgresql",
    "test_generated_clients": "sqlite",
    "test_grading": "sqlite",
    "test_lti_database": "postgresql",
    "test_openapi": "sqlite",
    "test_other_parts": "sqlite",
    "test_personal_data": "postgresql",
    "test_regrade_requests": "postgresql",
    "test_retention": "postgresql",
    "test_second_edition": "sqlite",
    "test_two_graders": "postgresql",
    "test_submitting": "sqlite",
    "test_jobs": "postgresql",
    "test_processes": "postgresql",
    "test_regrade_jobs": "postgresql",
    "test_regrades": "postgresql",
    "test_author_faults": "sqlite",
    "test_replay": "sqlite",
    "test_roles": "sqlite",
    "test_later_stage": "postgresql",
}
"""What would take minutes more runs on this database, and with `ASSAY_TEST_DATABASES=both` on both."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, and report as deselected, what is much the same on the other database."""
    if os.environ.get("ASSAY_TEST_DATABASES") == "both":
        return
    names = {item.nodeid for item in items}
    left_out = [item for item in items if _twin(item) in names]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def _twin(item: pytest.Item) -> str | None:
    """The same test on the database that is chosen for its file, if this one is on the other."""
    chosen = ON_ONE_DATABASE.get(item.path.stem)
    other = {"sqlite": "postgresql", "postgresql": "sqlite"}.get(chosen or "")
    if chosen is None or other is None or not re.search(rf"\b{other}\b", item.name):
        return None
    return re.sub(rf"\b{other}\b", chosen, item.nodeid)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """The server of this test run, with a migrated database as template."""
    server = Server()
    migrate.upgrade(_settings(server.folder / "unused", server.create("migrated")))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate.upgrade(_settings(folder, f"sqlite:///{folder}/assay.sqlite3"))
    return folder / "assay.sqlite3"


@pytest.fixture(scope="session")
def make_settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MakeSettings:
    """Settings with a fresh migrated database of a kind, and time-outs short enough to watch."""

    def make(kind: str) -> Settings:
        folder = tmp_path_factory.mktemp("data")
        if kind == "postgresql":
            server: Server = request.getfixturevalue("postgresql")
            return _settings(folder, server.create(f"assay_{uuid.uuid4().hex}", "migrated"))
        shutil.copy(request.getfixturevalue("migrated_sqlite"), folder / "assay.sqlite3")
        return _settings(folder, f"sqlite:///{folder}/assay.sqlite3")

    return make


@pytest.fixture(scope="session")
def empty_settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> EmptySettings:
    """Settings with an empty database of a kind."""

    def make(kind: str) -> Settings:
        folder = tmp_path_factory.mktemp("data")
        if kind == "postgresql":
            server: Server = request.getfixturevalue("postgresql")
            return _settings(folder, server.create(f"assay_{uuid.uuid4().hex}"))
        return _settings(folder, f"sqlite:///{folder}/assay.sqlite3")

    return make


@pytest.fixture(params=KINDS)
def settings(request: pytest.FixtureRequest, make_settings: MakeSettings) -> Settings:
    """Settings with a fresh database, once of each kind."""
    return make_settings(request.param)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """A fresh database with the worked assignment, once of each kind."""
    opened = Database(settings)
    with opened.write() as session:
        assignments.publish_bundled(session)
    yield opened
    opened.close()


@pytest.fixture
def jobs(settings: Settings) -> Iterator[DbosJobs]:
    """The queue of that database."""
    opened = DbosJobs(settings)
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=KINDS)
def api(request: pytest.FixtureRequest, make_settings: MakeSettings) -> Iterator[Site]:
    """The service without a worker, once on each kind of database: what is handed in stays in the queue."""
    service = ServiceInProcess(make_settings(request.param))
    yield service
    service.close()


@pytest.fixture(scope="module", params=KINDS)
def service(request: pytest.FixtureRequest, make_settings: MakeSettings, sandbox: Sandbox) -> Iterator[Site]:
    """The service that grades, once on each kind of database."""
    service = ServiceInProcess(make_settings(request.param), sandbox)
    yield service
    service.close()


@pytest.fixture
def start_worker() -> Iterator[Callable[[Settings, str], WorkerProcess]]:
    """Starts `assay worker` with an executor id; none outlives the test."""
    started: list[WorkerProcess] = []

    def start(settings: Settings, executor: str) -> WorkerProcess:
        started.append(WorkerProcess(settings, executor))
        return started[-1]

    yield start
    for worker in started:
        worker.close()


def _settings(folder: Path, url: str) -> Settings:
    return Settings(
        data_dir=folder,
        database_url=SecretStr(url),
        admin_token=SecretStr(ADMIN_TOKEN),
        workers=2,
        heartbeat_seconds=0.25,
        silent_seconds=2,
        shutdown_seconds=1,
    )
