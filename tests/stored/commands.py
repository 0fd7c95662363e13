"""The commands of an earlier version, run in its own checkout and environment."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from tests.stored.people import ADMIN_TOKEN


class Old:
    """The checkout of the old commit, and a database that its commands fill."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.checkout, self.folder = checkout, folder
        self.python = str(checkout / ".venv" / "bin" / "python")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")} | {
            "ASSAY_DATA_DIR": str(folder / "data"),
            "ASSAY_ADMIN_TOKEN": ADMIN_TOKEN,
            "ASSAY_WORKERS": "2",
            "ASSAY_HEARTBEAT_SECONDS": "0.25",
            "ASSAY_SILENT_SECONDS": "4",
            "ASSAY_SHUTDOWN_SECONDS": "1",
            "ASSAY_PORT": "8931",
            "ASSAY_LTI_ALLOW_LOCAL": "true",
        }
        self.url = "http://127.0.0.1:8931"
        (folder / "data").mkdir()

    def command(self, *arguments: str, **more: str) -> str:
        """Run `assay` and return what it prints."""
        done = subprocess.run(
            [self.python, "-c", "from app.cli import main; main()", *arguments],
            cwd=self.checkout,
            env=self.environment | more,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `assay` in the background."""
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [self.python, "-c", "from app.cli import main; main()", *arguments],
                cwd=self.checkout,
                env=self.environment | {"ASSAY_EXECUTOR_ID": name},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process of `assay` for as long as the block lasts."""
        process = self.start(arguments[0], *arguments)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(60)

    def module(self, path: str) -> Any:
        """A module of the checkout's tests that needs nothing else of it."""
        spec = importlib.util.spec_from_file_location(Path(path).stem, self.checkout / path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def wait_until_ready(self) -> None:
        """Wait for the service."""
        until = time.monotonic() + 120
        while True:
            try:
                httpx.get(f"{self.url}/healthz").raise_for_status()
                return
            except httpx.HTTPError:
                assert time.monotonic() < until
                time.sleep(0.2)


def publish(old: Old, slug: str, version: int, *changes: tuple[str, str]) -> None:
    """Publish a version of the worked assignment with these changes of its text."""
    source = old.checkout / "grader" / "assignments" / "hw13"
    folder = old.folder / f"{slug}-{version}"
    folder.mkdir()
    for path in source.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    text = (source / "assignment.toml").read_text()
    for before, after in (
        ('slug = "hw13"', f'slug = "{slug}"'),
        ("version = 1\n", f"version = {version}\n"),
        ("5e11  ", "1e9  "),
        ("8e11 ", "1e9 "),
        ("4e11  ", "1e9  "),
        *changes,
    ):
        assert before in text, before
        text = text.replace(before, after, 1)
    (folder / "assignment.toml").write_text(text)
    old.command("assignment", "publish", str(folder))


def due(deadline: datetime, late: str = "") -> tuple[tuple[str, str], ...]:
    """The change that gives the assignment a deadline and a late rule."""
    return (("[schedule]", f"[schedule]\ndeadline = {deadline.isoformat()}"), ("[sandbox]", f"{late}\n[sandbox]"))


def collection(old: Old, name: str) -> dict[str, bytes]:
    """The submissions of one question in the old commit's own collection, by title."""
    text = (old.checkout / "tests" / "integration" / "hand_ins" / f"{name}.txt").read_text()
    pieces = re.split(r"^=== (\S+) \w+.*?: (.+)\n", text, flags=re.MULTILINE)[1:]
    question = {"models": "1.1", "losses": "2.1"}[name]
    rows = zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
    return {title: body.encode() for number, title, body in rows if number == question}
