"""How long a student waits for all verdicts while four others hold what they can, as a multiple of the idle time.

    python -m tests.load.neighbours [--seconds 60] [--attackers 4] [--at-once 1]

Each attacker always has ``--at-once`` submissions whose models compute for half a minute. ``--seconds`` is the share of
the processor that a student has in an hour (`ASSAY_STUDENT_SECONDS`). Two times are measured: during the attackers'
first submissions, and after each of them has used the share: from then on they wait behind all others.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import threading
import time
from pathlib import Path

from tests.integration.service import MODEL, Client, Service
from tests.load.figures import settings_in

AIM = 5.0
_BURN = "    import time\n    end = time.process_time() + 30\n    while time.process_time() < end: pass\n"
BURNER = MODEL.replace("    return StudentNet()", f"{_BURN}    return StudentNet()")
_VICTIMS = 3


def seconds_to_verdicts(student: Client, number: int) -> float:
    """Submit a light model and wait until every question has its verdict."""
    begin = time.monotonic()
    submission = student.submit(model=f"# {number}\n{MODEL}", answers='{"2.2": "softer", "3.2": "no"}')
    while any(question["verdict"] == "pending" for question in student.report(submission)["questions"]):
        time.sleep(0.05)
    return time.monotonic() - begin


class Attackers:
    """Students who always have a submission that waits or computes."""

    def __init__(self, service: Service, number: int, at_once: int, begun: int) -> None:
        """``begun`` is the number of gradings after which an attacker has used the share."""
        self.all_spent = threading.Event()
        self._begun = dict.fromkeys(range(number), 0)
        self._enough = begun
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._attack, args=(attacker, each, line))
            for each, attacker in enumerate([service.person() for _ in range(number)])
            for line in range(at_once)
        ]

    def __enter__(self) -> Attackers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _attack(self, student: Client, each: int, line: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            answer = student.post_submission(model=f"# {each} {line} {number}\n{BURNER}")
            if answer.status_code != 202:  # all attempts of the day are used
                self._count(each, self._enough)
                self._stop.wait(1)
                continue
            while not self._stop.is_set() and student.report(answer.json()["id"])["state"] in ("queued", "running"):
                self._stop.wait(0.2)
            self._count(each, 1)

    def _count(self, each: int, gradings: int) -> None:
        with self._lock:
            self._begun[each] += gradings
            if min(self._begun.values()) >= self._enough:
                self.all_spent.set()


def measure(share: float, attackers: int, at_once: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds to all verdicts: idle, beside attackers with a share, and beside attackers without one."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        settings = settings_in(Path(folder), workers=2)
        service = Service(settings, worker=True, ASSAY_STUDENT_SECONDS=str(share))
        stack.callback(service.close)
        service.wait_for("worker started", 120)
        idle = _victims(service, 0)
        with Attackers(service, attackers, at_once, int(share // 30) + 1) as others:
            time.sleep(5)
            fresh = _victims(service, 10)
            others.all_spent.wait()
            spent = _victims(service, 20)
        return idle, fresh, spent


def _victims(service: Service, number: int) -> list[float]:
    return [seconds_to_verdicts(service.person(), number + each) for each in range(_VICTIMS)]


def _ratios(times: list[float], idle: float) -> str:
    return f"{statistics.median(times) / idle:.1f} times (worst {max(times) / idle:.1f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--attackers", type=int, default=4)
    parser.add_argument("--at-once", type=int, default=1)
    options = parser.parse_args()
    alone, fresh, spent = measure(options.seconds, options.attackers, options.at_once)
    idle = statistics.median(alone)
    print(f"idle: {idle:.1f} s; beside attackers who begin: {_ratios(fresh, idle)} (aim: {AIM:g})")
    print(f"beside attackers who have used {options.seconds:g} s each: {_ratios(spent, idle)}")
