"""The disk is full, the database locked, away or read-only while the service runs: it says so, and loses nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from app.db.engine import Database
from app.db.outage import DatabaseAway
from app.settings import Settings
from tests.integration.conftest import MakeSettings
from tests.integration.postgresql import Server
from tests.integration.service import MODEL, Client, Service, assert_problem
from tests.integration.test_grading import SLEEPY

ROOM = 64 * 2**20
OUTAGE_SECONDS = float(os.environ.get("ASSAY_TEST_OUTAGE_SECONDS", "5"))
"""How long the database is locked or away: half a minute, say, when there is time for it."""


class SmallDisk:
    """A file system of 64 MiB, mounted below a folder."""

    def __init__(self, folder: Path) -> None:
        self.image = folder / "disk.img"
        self.folder = folder / "disk"
        self.folder.mkdir()
        with self.image.open("wb") as image:
            image.truncate(ROOM)
        subprocess.run(["mkfs.ext4", "-q", self.image], check=True)

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop,errors=remount-ro", self.image, self.folder], check=True)

    def fail(self) -> None:
        """As after an error of the drive: files that are open for writing become read-only too."""
        find = ["findmnt", "-no", "SOURCE", str(self.folder)]
        device = subprocess.run(find, check=True, capture_output=True, text=True).stdout.strip()
        (Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error").write_text("1")

    def repair(self) -> None:
        """What the drive had of it, checked and mounted again."""
        self.unmount()
        # On a copy: whoever has a mount namespace of their own may keep the failed file system alive.
        self.image = Path(shutil.copy(self.image, self.image.with_suffix(".copy")))
        # 1: errors were found and corrected.
        assert subprocess.run(["fsck.ext4", "-p", self.image]).returncode in (0, 1)
        self.mount()

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(folder)
    disk.mount()
    try:
        yield disk
    finally:
        disk.unmount()


def submit_at_last(student: Client, **parts: str) -> str:
    """Hand in as somebody who is told to come back later, and does."""
    key = uuid.uuid4().hex
    until = time.monotonic() + OUTAGE_SECONDS + 60
    while (answer := student.post_submission(key=key, **parts)).status_code == 503:
        refused(answer)
        assert time.monotonic() < until
        time.sleep(0.5)
    assert answer.status_code == 202, answer.text
    identifier: str = answer.json()["id"]
    return identifier


def refused(answer: httpx.Response) -> dict[str, Any]:
    """The answer of a service whose database is away."""
    problem = assert_problem(answer, 503, "database-away")
    assert answer.headers["retry-after"] == str(DatabaseAway.retry_seconds)
    return problem


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system to fill")
def test_a_full_or_read_only_disk_is_said_and_loses_nothing(make_settings: MakeSettings) -> None:
    template = make_settings("sqlite")
    with small_disk(template.data_dir) as disk:
        folder = disk.folder
        (folder / "assay.sqlite3").write_bytes((template.data_dir / "assay.sqlite3").read_bytes())
        url = SecretStr(f"sqlite:///{folder}/assay.sqlite3")
        settings = template.model_copy(update={"data_dir": folder, "database_url": url})
        service = Service(settings, worker=True)
        try:
            student = service.person()
            before = student.submit(answers='{"2.2": "softer"}')
            assert student.report(before, wait=30)["state"] == "graded"
            ballast = folder / "ballast"
            subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4096"], stderr=subprocess.DEVNULL)
            problem = refused(
                student.post_submission(weights=("w.safetensors", os.urandom(2**20)), answers='{"2.2": "softer"}')
            )
            assert "full" in problem["detail"]
            refused(service.plain.get("/readyz"))
            assert service.plain.get("/healthz").status_code == 200
            assert student.report(before)["score"] == 0.5
            ballast.unlink()
            service.wait_until_ready()
            after = student.submit(answers='{"2.2": "softer", "3.2": "no"}')
            assert student.report(after, wait=60)["score"] == 1.5
            rows = student.get("/submissions").json()["items"]
            assert [row["id"] for row in rows] == [after, before]
            assert student.get("/assignments/hw13").json()["quota"]["used"] == 2
            disk.fail()
            until = time.monotonic() + 20
            while service.plain.get("/readyz").status_code == 200:
                assert time.monotonic() < until
                time.sleep(0.2)
            refused(service.plain.get("/readyz"))
            assert service.plain.get("/healthz").status_code == 200
            key = uuid.uuid4().hex
            refused(student.post_submission(key=key, answers='{"2.2": "harder"}'))
            assert student.report(after)["score"] == 1.5
            service.close()
            disk.repair()
            service = Service(settings, worker=True)
            student = service.client(student.token)
            answer = student.post_submission(key=key, answers='{"2.2": "harder"}')
            assert student.report(answer.json()["id"], wait=60)["state"] == "graded"
            assert student.report(after)["score"] == 1.5
            assert student.get("/assignments/hw13").json()["quota"]["used"] == 3
        finally:
            service.close()


def test_a_locked_database_makes_wait_and_says_so(make_settings: MakeSettings) -> None:
    settings = make_settings("sqlite")
    service = Service(settings, worker=True)
    try:
        student = service.person()
        slow = student.submit(model=SLEEPY.format(seconds=1))
        student.wait_for_state(slow, "running")
        holder = sqlite3.connect(settings.data_dir / "assay.sqlite3", isolation_level=None, check_same_thread=False)
        holder.execute("BEGIN IMMEDIATE")
        release = threading.Timer(OUTAGE_SECONDS, lambda: holder.execute("ROLLBACK"))
        release.start()
        assert "locked" in refused(service.plain.get("/readyz"))["detail"]
        assert service.plain.get("/healthz").status_code == 200
        waited = submit_at_last(student, answers='{"2.2": "softer"}')
        release.join()
        holder.close()
        assert student.report(waited, wait=60)["state"] == "graded"
        assert student.report(slow, wait=60)["state"] == "graded"
        assert student.get("/assignments/hw13").json()["quota"]["used"] == 2
        service.wait_until_ready()
    finally:
        service.close()


@pytest.mark.postgresql
def test_a_database_that_is_away_or_read_only_is_said_and_grading_goes_on(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    template = make_settings("sqlite")
    server = Server()
    url = server.create("outage")
    # A running grading outlives what would take a silent worker for dead.
    settings = Settings(
        data_dir=tmp_path,
        database_url=SecretStr(url),
        admin_token=template.admin_token,
        workers=2,
        heartbeat_seconds=0.5,
        silent_seconds=60,
        shutdown_seconds=1,
    )
    service = Service(settings, worker=True)
    try:
        student = service.person()
        running = student.submit(model=SLEEPY.format(seconds=2), answers='{"2.2": "softer"}')
        student.wait_for_state(running, "running")
        waiting = [student.submit(model=MODEL + f"# {number}\n") for number in range(3)]
        server.kill()
        refused(student.post_submission(answers='{"2.2": "softer"}'))
        refused(student.get("/submissions"))
        refused(service.plain.get("/readyz"))
        assert service.plain.get("/healthz").status_code == 200
        time.sleep(OUTAGE_SECONDS)
        server.start()
        service.wait_until_ready()
        for submission in [running, *waiting]:
            assert student.report(submission, wait=60)["state"] == "graded"
        assert student.report(running)["score"] == 1.0
        assert student.get("/assignments/hw13").json()["quota"]["used"] == 4
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            connection.execute("SELECT pg_reload_conf()")
            time.sleep(1.5)
            refused(student.post_submission(answers='{"2.2": "softer"}'))
            refused(service.plain.get("/readyz"))
            assert student.report(running)["score"] == 1.0
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
            connection.execute("SELECT pg_reload_conf()")
        service.wait_until_ready()
        assert student.report(student.submit(answers='{"2.2": "softer"}'), wait=60)["state"] == "graded"
    finally:
        service.close()
        server.stop()


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_connections_that_the_server_closed_meanwhile_are_opened_again(settings: Settings, database: Database) -> None:
    with database.read() as session:
        session.execute(text("SELECT 1"))
    other = Database(settings)
    with other.read() as session:
        ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
        assert session.scalar(text(f"{ended} AND pid <> pg_backend_pid()")) == 1
    other.close()
    with database.read() as session:
        assert session.scalar(text("SELECT 1")) == 1
