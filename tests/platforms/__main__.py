"""``python -m tests.platforms``: install a real Moodle, and let it and the service do what a course does with them.

`ASSAY_TEST_MOODLE` names a folder with Moodle's source (4.5); without it nothing runs. The kit installs PHP and
PostgreSQL as Debian packages when it is root, copies the source, and needs about ten minutes. It prints what it saw,
with Moodle's answers as the fake platform of the other tests gives them, and exits 1 at the first failed check.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright
from pydantic import SecretStr

from app.db import migrate
from app.settings import Settings
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.integration.postgresql import Server
from tests.integration.service import ADMIN_TOKEN, Service
from tests.platforms import answers
from tests.platforms.course import Course
from tests.platforms.moodle import Moodle

_START = time.monotonic()


def main() -> None:
    """Install, then run every step of a course."""
    parser = argparse.ArgumentParser(prog="python -m tests.platforms", description=__doc__)
    parser.add_argument("--record", action="store_true", help="store Moodle's answers for the fake platform")
    chosen = parser.parse_args()
    source = os.environ.get("ASSAY_TEST_MOODLE")
    if not source:
        print("ASSAY_TEST_MOODLE names no folder with Moodle's source: nothing was run")
        return
    subprocess.run([Path(__file__).with_name("install-system-packages")], check=True)
    with tempfile.TemporaryDirectory(prefix="assay-platforms-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        database = Server()
        moodle = Moodle(Path(source), folder, database)
        try:
            moodle.start()
            say(f"Moodle {moodle.release} is installed")
            check(moodle, folder / "assay", recording=chosen.record)
        finally:
            moodle.stop()
            database.stop()


def check(moodle: Moodle, data: Path, *, recording: bool) -> None:
    """Serve beside an installed Moodle, and run every step."""
    data.mkdir()
    settings = Settings(
        data_dir=data,
        database_url=SecretStr(f"sqlite:///{data}/assay.sqlite3"),
        admin_token=SecretStr(ADMIN_TOKEN),
        workers=1,
        heartbeat_seconds=0.5,
        silent_seconds=30.0,
    )
    migrate.upgrade(settings)
    service = Service(settings, worker=True, fresh=True, ASSAY_LTI_ALLOW_LOCAL="true")
    try:
        service.wait_until_ready()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            seen = Course(moodle, service, browser, say).run()
            browser.close()
    finally:
        service.close()
    if recording:
        answers.record(moodle.release, seen)
    for kind, answer in answers.recorded().items():
        assert seen[kind] == answer, f"{kind}: the fake platform gives {answer}, Moodle {seen[kind]}"
    say("the fake platform of the tests gives the same answers")


def say(text: str) -> None:
    """Print what was seen, and when."""
    print(f"[{time.monotonic() - _START:4.0f} s] {text}", flush=True)


if __name__ == "__main__":
    main()
