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

from app.settings import Settings
from tests.integration.postgresql import free_port
from tests.integration.service import environment
from tests.load.figures import Row, row, settings_in
from tests.load.first_verdicts import cold_import

ROUNDS = 5
_COMMAND = "from app.cli import main; main()"
_LIMIT_SECONDS = 300


def start(settings: Settings) -> float:
    """Seconds until the service is ready."""
    start_time = time.perf_counter()
    service = subprocess.Popen(
        [sys.executable, "-c", _COMMAND, "serve", "--port", str(settings.port)],
        env=environment(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _is_ready(settings):
            if service.poll() is not None or time.perf_counter() - start_time > _LIMIT_SECONDS:
                raise RuntimeError(f"the service did not start (exit code {service.poll()})")
            time.sleep(0.01)
        return time.perf_counter() - start_time
    finally:
        service.terminate()
        service.wait()


def _is_ready(settings: Settings) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{settings.port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def measure() -> list[Row]:
    """The rows of this benchmark: medians of rounds that alternate with cold imports."""
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_in(Path(folder), port=free_port())
        start(settings)
        ratios = []
        for _ in range(ROUNDS):
            cold = cold_import()
            ratios.append(start(settings) / cold)
    return [row("start of the service until ready", statistics.median(ratios), "cold import of torch", 2.5, 2)]


if __name__ == "__main__":
    for result in measure():
        print(result)
