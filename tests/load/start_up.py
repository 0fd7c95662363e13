"""How soon `assay serve` takes submissions, against a cold ``python -c "import torch"`` in the same run.

    python -m tests.load.start_up

From the command to the first ``/readyz`` that says yes, on a migrated SQLite database and a warm disk.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from pydantic import SecretStr

from app.db import migrate
from app.settings import Settings
from tests.integration.postgresql import free_port
from tests.integration.service import ADMIN_TOKEN, environment
from tests.load.first_verdicts import cold_import

ROUNDS = 5
_COMMAND = "from app.cli import main; main()"
_LIMIT_SECONDS = 300


def start(settings: Settings) -> float:
    """Seconds until the service is ready."""
    begun = time.perf_counter()
    service = subprocess.Popen(
        [sys.executable, "-c", _COMMAND, "serve", "--port", str(settings.port)],
        env=environment(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _is_ready(settings):
            if service.poll() is not None or time.perf_counter() - begun > _LIMIT_SECONDS:
                raise RuntimeError(f"the service did not start (exit code {service.poll()})")
            time.sleep(0.01)
        return time.perf_counter() - begun
    finally:
        service.terminate()
        service.wait()


def _is_ready(settings: Settings) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{settings.port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def measure() -> list[dict[str, object]]:
    """The rows of this benchmark: medians of rounds that alternate with cold imports."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder),
            admin_token=SecretStr(ADMIN_TOKEN),
            port=free_port(),
            database_url=SecretStr(f"sqlite:///{folder}/assay.sqlite3"),
        )
        migrate.upgrade(settings)
        start(settings)
        ratios = []
        for _ in range(ROUNDS):
            cold = cold_import()
            ratios.append(start(settings) / cold)
    ratio = round(statistics.median(ratios), 2)
    figure, anchor = "start of the service until ready", "cold import of torch"
    return [{"figure": figure, "ratio": ratio, "anchor": anchor, "aim": 2.5}]


if __name__ == "__main__":
    for row in measure():
        print(row)
