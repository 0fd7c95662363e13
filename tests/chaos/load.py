"""Students who submit all the time, each form with one key, again and again until the service accepts it."""

from __future__ import annotations

import random
import threading
import time
import uuid
from dataclasses import dataclass

import httpx

from tests.integration.service import MODEL

ATTEMPTS = 15
"""Submissions of one student: fewer than a day allows, so that a wrongly charged attempt still shows in the count."""
LOSS = """import torch.nn.functional as F
def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    # {key}
    hard = F.cross_entropy(student_logits, labels) * (1. - alpha)
    soft = F.kl_div(F.log_softmax(student_logits / temperature, 1), F.softmax(teacher_logits / temperature, 1),
                    reduction="batchmean")
    return hard + soft * alpha * temperature * temperature
"""


@dataclass(frozen=True)
class PlannedSubmission:
    """Parts to submit, their idempotency key, and the score that they must get."""

    token: str
    key: str
    parts: dict[str, str]
    score: float


def plan_submissions(tokens: list[str], seed: int) -> list[PlannedSubmission]:
    """The submissions of all students, in order."""
    generator = random.Random(seed)
    planned = []
    for token in tokens:
        for _ in range(ATTEMPTS):
            key = uuid.UUID(int=generator.getrandbits(128)).hex
            parts, score = {"answers": f'{{"2.2": "softer", "note": "{key}"}}'}, 0.5
            kind = generator.random()
            if kind < 0.3:
                parts["model"], score = f"{MODEL}# {key}\n", 1.0
            elif kind < 0.5:
                parts["loss"], score = LOSS.format(key=key), 1.0
            planned.append(PlannedSubmission(token, key, parts, score))
    return planned


class Load:
    """Threads that send planned submissions, a student at a time, until they are stopped."""

    def __init__(self, url: str, tokens: list[str], seed: int, threads: int) -> None:
        self.url = url
        self.accepted: dict[str, PlannedSubmission] = {}
        self.latencies: list[float] = []
        self.refusals = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        shares: list[list[PlannedSubmission]] = [[] for _ in range(threads)]
        for number, planned in enumerate(plan_submissions(tokens, seed)):
            shares[number // ATTEMPTS % threads].append(planned)
        self._threads = [threading.Thread(target=self._work, args=(share,)) for share in shares]

    def start(self) -> None:
        """Start all threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send nothing new, and wait until everything that was sent is accepted."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, share: list[PlannedSubmission]) -> None:
        with httpx.Client(base_url=f"{self.url}/api/v1", timeout=60) as http:
            for planned in share:
                if self._stop.is_set():
                    return
                identifier = self._submit(http, planned)
                with self._lock:
                    self.accepted[identifier] = planned
                self._watch(http, planned, identifier)

    def _submit(self, http: httpx.Client, planned: PlannedSubmission) -> str:
        headers = {"Authorization": f"Bearer {planned.token}", "Idempotency-Key": planned.key}
        files = [(name, (None, part)) for name, part in {"assignment": "hw13", **planned.parts}.items()]
        while True:
            start = time.perf_counter()
            try:
                answer = http.post("/submissions", files=files, headers=headers)
            except httpx.TransportError:
                time.sleep(0.2)
                continue
            if answer.status_code == 202:
                with self._lock:
                    self.latencies.append(time.perf_counter() - start)
                identifier: str = answer.json()["id"]
                return identifier
            if answer.status_code != 503:
                raise RuntimeError(f"neither accepted nor unavailable: {answer.status_code} {answer.text}")
            self.refusals += 1
            time.sleep(0.5)

    def _watch(self, http: httpx.Client, planned: PlannedSubmission, identifier: str) -> None:
        """Poll for the end for 20 seconds, as a student would."""
        until = time.monotonic() + 20
        while not self._stop.is_set() and time.monotonic() < until:
            try:
                answer = http.get(f"/submissions/{identifier}", headers={"Authorization": f"Bearer {planned.token}"})
                if answer.status_code == 200 and answer.json()["state"] in ("graded", "failed"):
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.3)
