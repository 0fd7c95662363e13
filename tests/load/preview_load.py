"""The service while many people preview the worst forms at once: its peak of memory, and how long `/healthz` takes.

    python -m tests.load.preview_load [--people 20]

Prints the answers by status, the peak in MB of the service and of everything that it starts, and the slowest answer of
`/healthz` as a multiple of its median before. The forms: pictures of 16 million pixels with 16 bits, notebooks of 8 MB
that cost intake most, in turn.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx

from tests.integration.service import Client, Service
from tests.load import parser_growth
from tests.load.figures import settings_in

AIM_MB = 1536
AIM_SECONDS = 1.0


def forms() -> list[Mapping[str, bytes]]:
    """The worst forms, each with two notebooks or a picture and a notebook."""

    def worst(name: str) -> bytes:
        reader = parser_growth.READERS[name]
        made = reader.make(reader.size)
        return made if isinstance(made, bytes) else made.encode()

    pictures = [
        worst("picture: RGBA of 16 bits"),
        worst("picture: a progressive JPEG"),
        worst("picture: an endless sliver"),
    ]
    notebooks = [worst(f"notebook: {kind}") for kind in ("short texts", "brackets", "numbers", "escapes")]
    codes = [worst("code: long unreadable cells"), worst("code: decorators"), worst("code: names around in")]
    both = [
        {"model-file": first, "loss-file": second} for first, second in zip(notebooks, notebooks[::-1], strict=True)
    ]
    return [
        *(
            {"pruning_plot-file": picture, "model-file": notebooks[0], "loss-file": notebooks[1]}
            for picture in pictures
        ),
        *both,
        *({"model-file": code, "loss-file": code} for code in codes),
    ]


def check(client: Client, url: str, form: Mapping[str, bytes]) -> int:
    """The status of one preview."""
    files = [(name, ("x", data)) for name, data in form.items()]
    headers = {"Authorization": f"Bearer {client.token}", "HX-Request": "true"}
    return httpx.post(f"{url}/check?assignment=hw13", files=files, headers=headers, timeout=300).status_code


class Health:
    """Asks for `/healthz` again and again in a thread of its own, and for the memory of the service."""

    def __init__(self, url: str, pid: int) -> None:
        self.seconds: list[float] = []
        self.megabytes = 0.0
        """The most that the service and what it started had at one moment; pages that they share count once."""
        self._url = url
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Health:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        with httpx.Client(timeout=120) as client:
            while not self._stop.wait(0.05):
                begin = time.monotonic()
                client.get(f"{self._url}/healthz").raise_for_status()
                self.seconds.append(time.monotonic() - begin)
                self.megabytes = max(self.megabytes, sum(map(proportional_mb, family(self._pid))))


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            children += map(int, task.read_text().split())
    return [pid, *(member for child in children for member in family(child))]


def proportional_mb(pid: int) -> float:
    """The resident memory of a process, in which a page that several share counts in parts; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/smaps_rollup").read_text().split("Pss:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return 0.0


def peak_mb(pid: int) -> float:
    """The largest resident memory that a process ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(people: int) -> tuple[Counter[int], float, float, float, float]:
    """Answers by status, peaks in MB (the service, all its processes), seconds of `/healthz`: median before, worst."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(settings_in(Path(folder)), worker=False)
        try:
            pid = service._process.pid
            clients = [service.person() for _ in range(people)]
            made = forms()
            with Health(service.url, pid) as before:
                time.sleep(2)
            with Health(service.url, pid) as health, ThreadPoolExecutor(people) as pool:
                statuses = pool.map(
                    lambda number: check(clients[number], service.url, made[number % len(made)]), range(people)
                )
                answers = Counter(statuses)
            seconds = statistics.median(before.seconds), max(health.seconds)
            return answers, peak_mb(pid), health.megabytes, *seconds
        finally:
            service.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20)
    answers, own, megabytes, median, worst = measure(parser.parse_args().people)
    print(f"answers by status: {dict(answers)}")
    print(f"peak of the service: {own:.0f} MB, with its children: {megabytes:.0f} MB (aim: {AIM_MB})")
    print(
        f"/healthz: {median:.3f} s before, at worst {worst:.3f} s (aim: {AIM_SECONDS:g} s), {worst / median:.0f} times"
    )
