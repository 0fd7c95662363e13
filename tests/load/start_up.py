"""The first second of three commands, against a cold ``python -c "import torch"`` in the same run.

    python -m tests.load.start_up

`assay serve` from the command to the first ``/readyz`` that says yes, on a migrated SQLite database and a warm disk;
`assay --help` and `assay grade --quick` of a light model with loss and summary, from the command to its end.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from app.settings import Settings
from tests.integration.postgresql import free_port
from tests.integration.service import environment
from tests.load.figures import Row, row, settings_in
from tests.load.first_verdicts import LIGHT, cold_import

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


def run(*arguments: str) -> float:
    """Seconds of a command."""
    start_time = time.perf_counter()
    subprocess.run([sys.executable, "-c", _COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start_time


def measure() -> list[Row]:
    """The rows of this benchmark: medians of rounds that alternate with cold imports."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = settings_in(folder, port=free_port())
        light = folder / "hw13-light"
        light.mkdir()
        for part, text in LIGHT.items():
            (light / f"{part}.{'txt' if part == 'summary' else 'py'}").write_text(text, encoding="utf-8")
        commands: dict[str, tuple[float, Callable[[], float]]] = {
            "start of the service until ready": (2.5, lambda: start(settings)),
            "assay --help": (0.2, lambda: run("--help")),
            "assay grade --quick, light model": (2.0, lambda: run("grade", "--quick", str(light))),
        }
        for _, command in commands.values():
            command()  # the disk is warm then
        ratios: dict[str, list[float]] = {figure: [] for figure in commands}
        for _ in range(ROUNDS):
            for figure, (_, command) in commands.items():
                cold = cold_import()
                ratios[figure].append(command() / cold)
    return [
        row(figure, statistics.median(ratios[figure]), "cold import of torch", aim, 2)
        for figure, (aim, _) in commands.items()
    ]


if __name__ == "__main__":
    for result in measure():
        print(result)
