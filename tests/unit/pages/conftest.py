"""The pages on a database of their own, without a worker: classes of any size, made of plain rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app import pages
from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.db import migrate
from app.db.engine import Database
from app.http import problem_responses
from app.http.authentication import optional_viewer
from app.http.submit_limit import SubmitLimit
from app.scores.class_cache import ClassCache
from app.settings import Settings
from app.users import service as users
from app.users.models import Role
from tests import class_rows


@dataclass
class Course:
    """A database with the worked assignment, the pages on it, and a client who is the admin."""

    database: Database
    app: FastAPI
    viewer: Viewer

    def get(self, path: str) -> httpx.Response:
        """A page, as a browser asks for it."""
        return self.send("GET", path)

    def send(self, method: str, path: str, headers: Mapping[str, str] | None = None, **request: Any) -> httpx.Response:
        """Any request, by default of a browser."""
        headers = headers or {"Accept": "text/html"}

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, headers=headers, **request)

        return anyio.run(asked)

    def enrol(self, students: int, attempts: int) -> None:
        """Add students with graded attempts of every kind."""
        class_rows.enrol(self.database, students, attempts)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate.upgrade(settings(folder))
    return folder / "assay.sqlite3"


@pytest.fixture(scope="module")
def open_courses(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Course]]:
    """Makes courses on fresh databases that stay for all tests of a file."""
    with _courses(migrated, tmp_path_factory) as make:
        yield make


@pytest.fixture
def course(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """One course without students."""
    with _courses(migrated, tmp_path_factory) as make:
        yield make()


@contextmanager
def _courses(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Course]]:
    opened: list[Course] = []

    def make() -> Course:
        folder = tmp_path_factory.mktemp("course")
        (folder / "assay.sqlite3").write_bytes(migrated.read_bytes())
        opened.append(open_course(settings(folder)))
        return opened[-1]

    yield make
    for course in opened:
        course.database.close()


def open_course(chosen: Settings) -> Course:
    """A course on a migrated database, with its admin."""
    database = Database(chosen)
    with database.write() as session:
        assignments.publish_bundled(session)
        viewer = Viewer.of(users.create_user(session, login="mia", name="Mia", role=Role.ADMIN, actor="test"))
    app = FastAPI()
    app.state.database, app.state.settings, app.state.submit_limit = database, chosen, SubmitLimit()
    app.state.class_cache = ClassCache()
    problem_responses.install(app)
    pages.install(app)
    app.dependency_overrides[optional_viewer] = lambda: viewer
    return Course(database, app, viewer)


def settings(folder: Path) -> Settings:
    """Settings of a database in this folder."""
    return Settings(data_dir=folder, database_url=SecretStr(f"sqlite:///{folder}/assay.sqlite3"))
