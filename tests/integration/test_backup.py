"""A backup made under load, restored into an empty data folder: every row, every score, and the work that waited."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
import uuid
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import inspect, text
from typer.testing import CliRunner

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.cli import app
from app.commands.failures import CommandError
from app.db import backup
from app.db.engine import Database, make_engine
from app.lti import registration, repository
from app.queue.dbos_engine import DbosJobs
from app.settings import Settings
from app.submissions import submitting
from app.submissions.submitting import Upload
from app.users import service as users
from app.users.models import Role
from grader.submission import Part
from tests.integration.conftest import MakeSettings
from tests.integration.lti_platform import SCHOOL
from tests.integration.postgresql import Server
from tests.integration.test_deadlines import Deadlined


def filled(settings: Settings) -> tuple[Deadlined, uuid.UUID, uuid.UUID]:
    """A course with a graded hand-in and one that waits."""
    database = Database(settings)
    with database.write() as session:
        assignments.publish_bundled(session)
    course = Deadlined(database, DbosJobs(settings))
    return course, course.graded(), course.submit(answers='{"2.2": "harder"}')


def empty_place(folder: Path) -> Settings:
    """Settings of a folder where nothing is."""
    return Settings(data_dir=folder, database_url=SecretStr(f"sqlite:///{folder}/assay.sqlite3"))


def rows(settings: Settings) -> dict[str, list[str]]:
    """Every row of every table, the job engine's too."""
    engine = make_engine(settings)
    schema = "dbos" if engine.dialect.name == "postgresql" else None
    tables = {}
    with engine.connect() as connection:
        for where in {None, schema}:
            for table in inspect(engine).get_table_names(schema=where):
                name = f'"{where}"."{table}"' if where else f'"{table}"'
                tables[name] = sorted(map(repr, connection.execute(text(f"SELECT * FROM {name}")).all()))
    engine.dispose()
    return tables


def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What a command prints."""
    for name in list(os.environ):
        if name.startswith("ASSAY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ASSAY_DATA_DIR", str(settings.data_dir))
    if settings.database_url is not None:
        monkeypatch.setenv("ASSAY_DATABASE_URL", settings.database_url.get_secret_value())
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None:
        raise result.exception
    return result.output


def test_a_backup_under_load_restores_every_row(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings("sqlite")
    course, graded, waiting = filled(settings)
    before = rows(settings)
    copy = tmp_path / "copy.sqlite3"
    assert "verified" in run(settings, monkeypatch, "backup", str(copy))
    # Another one while somebody writes all the time: it is of one moment too.
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with course.database.write() as session:
                login = f"busy-{uuid.uuid4().hex[:8]}"
                person = users.create_user(session, login=login, name="B", role=Role.STUDENT, actor="test")
                upload = Upload("hw13", None, "suggest", {"answers": Part(b'{"2.2": "softer"}')})
                submitting.add_submission(session, course.jobs, Viewer.of(person), upload, None)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        run(settings, monkeypatch, "backup", str(tmp_path / "second.sqlite3"))
    finally:
        stop.set()
        writer.join()
    for name in ("copy", "second"):
        place = empty_place(tmp_path / f"place-{name}")
        assert "the audit chain is intact" in run(place, monkeypatch, "restore", str(tmp_path / f"{name}.sqlite3"))
        restored = Database(place)
        jobs = DbosJobs(place)
        again = Deadlined.__new__(Deadlined)
        again.database, again.jobs, again.student, again.admin = restored, jobs, course.student, course.admin
        assert again.report(graded) == course.report(graded)
        assert (str(waiting),) in jobs.active()
        with restored.read() as session:
            # A hand-in and its job are of the same moment.
            queued = {row for (row,) in session.execute(text("SELECT id FROM submissions WHERE state = 'queued'"))}
        assert {uuid.UUID(value) for value in queued} == {uuid.UUID(value) for (value,) in jobs.active()} - {graded}
        jobs.close()
        restored.close()
    assert rows(empty_place(tmp_path / "place-copy")) == before
    course.jobs.close()
    course.database.close()


def test_a_restored_service_sends_nothing_to_platforms_until_told_to(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, place, copy = make_settings("sqlite"), empty_place(tmp_path / "place"), tmp_path / "copy.sqlite3"
    copied = Database(settings)
    with copied.write() as session:
        registration.register(session, SCHOOL, allow_local=False, actor="test")
    run(settings, monkeypatch, "backup", str(copy))
    printed = run(place, monkeypatch, "restore", str(copy))
    assert "1 learning platforms get no scores before `assay lti resume`" in printed
    assert "problem: On hold" in run(place, monkeypatch, "lti", "list")
    restored = Database(place)

    def are_held(database: Database) -> list[bool]:
        with database.read() as session:
            return [platform.is_held for platform in repository.platforms(session)]

    assert (are_held(copied), are_held(restored)) == ([False], [True])
    assert "1 platforms get scores again" in run(place, monkeypatch, "lti", "resume")
    assert are_held(restored) == [False]
    assert "1 platforms are on hold" in run(place, monkeypatch, "lti", "hold")
    assert are_held(restored) == [True]
    copied.close()
    restored.close()


def test_what_is_there_is_never_overwritten_and_nonsense_not_restored(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings("sqlite")
    copy = tmp_path / "copy.sqlite3"
    run(settings, monkeypatch, "backup", str(copy))
    with pytest.raises(CommandError, match="exists"):
        run(settings, monkeypatch, "backup", str(copy))
    with pytest.raises(CommandError, match="empty data folder"):
        run(settings, monkeypatch, "restore", str(copy))
    place = empty_place(tmp_path / "place")
    half = tmp_path / "half.sqlite3"
    half.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    other = tmp_path / "other.sqlite3"
    other.write_bytes(b"not a database")
    damaged = tmp_path / "damaged.sqlite3"
    data = bytearray(copy.read_bytes())
    data[4096 * 20 : 4096 * 40] = bytes(4096 * 20)
    damaged.write_bytes(data)
    for unusable in (half, damaged, other, tmp_path / "absent.sqlite3"):
        with pytest.raises(CommandError):
            run(place, monkeypatch, "restore", str(unusable))
    assert not (tmp_path / "place" / "assay.sqlite3").exists()


def test_a_copy_that_contradicts_itself_is_damaged(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings("sqlite")
    database = Database(settings)
    with database.write() as session:
        users.create_user(session, login="in-table-and-index", name="T", role=Role.STUDENT, actor="test")
    database.close()
    copy = tmp_path / "copy.sqlite3"
    run(settings, monkeypatch, "backup", str(copy))
    data, reasons = copy.read_bytes(), []
    for number, place in enumerate(re.finditer(b"in-table-and-index", data)):
        changed = tmp_path / f"{number}.sqlite3"
        changed.write_bytes(data[: place.start()] + b"on" + data[place.start() + 2 :])
        with contextlib.suppress(backup.UnusableCopy):
            backup.check(changed)
            continue
        reasons.append(number)
    assert len(reasons) >= 2, "the row and its index entry"


@pytest.mark.postgresql
def test_the_documented_pg_dump_restores_every_row(
    make_settings: MakeSettings, postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings("postgresql")
    course, _, waiting = filled(settings)
    with pytest.raises(CommandError, match="pg_dump --format=custom") as refused:
        run(settings, monkeypatch, "backup", str(tmp_path / "copy"))
    assert "pg_restore --no-owner" in str(refused.value)
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    dump = tmp_path / "copy.dump"
    subprocess.run([postgresql.binaries / "pg_dump", "--format=custom", f"--file={dump}", url], check=True)
    empty = postgresql.create(f"restored_{uuid.uuid4().hex}")
    subprocess.run([postgresql.binaries / "pg_restore", "--no-owner", f"--dbname={empty}", dump], check=True)
    restored = settings.model_copy(update={"database_url": SecretStr(empty)})
    assert rows(restored) == rows(settings)
    jobs = DbosJobs(restored)
    assert (str(waiting),) in jobs.active()
    jobs.close()
    course.jobs.close()
    course.database.close()
