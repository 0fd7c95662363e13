"""Students who hand in all the time and insist: the same form with the same key until the service has taken it."""

from __future__ import annotations

import random
import threading
import time
import uuid
from dataclasses import dataclass

import httpx

from tests.integration.service import MODEL

ATTEMPTS = 15
"""Hand-ins of one student: fewer than a day allows, so that a wrongly charged attempt would still be seen by count."""
LOSS = """import torch.nn.functional as F
def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    # {key}
    hard = F.cross_entropy(student_logits, labels) * (1. - alpha)
    soft = F.kl_div(F.log_softmax(student_logits / temperature, 1), F.softmax(teacher_logits / temperature, 1),
                    reduction="batchmean")
    return hard + soft * alpha * temperature * temperature
"""


@dataclass(frozen=True)
class Wish:
    """Something to hand in, the key that makes it one, and the points that it must get."""

    token: str
    key: str
    parts: dict[str, str]
    score: float


def wishes(tokens: list[str], seed: int) -> list[Wish]:
    """What all students will hand in, in order."""
    chance = random.Random(seed)
    made = []
    for token in tokens:
        for _ in range(ATTEMPTS):
            key = uuid.UUID(int=chance.getrandbits(128)).hex
            parts, score = {"answers": f'{{"2.2": "softer", "note": "{key}"}}'}, 0.5
            kind = chance.random()
            if kind < 0.3:
                parts["model"], score = f"{MODEL}# {key}\n", 1.0
            elif kind < 0.5:
                parts["loss"], score = LOSS.format(key=key), 1.0
            made.append(Wish(token, key, parts, score))
    return made


class Load:
    """Some threads that work through the wishes, a student at a time, until told to stop."""

    def __init__(self, url: str, tokens: list[str], seed: int, threads: int) -> None:
        self.url = url
        self.accepted: dict[str, Wish] = {}
        self.latencies: list[float] = []
        self.refusals = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        shares: list[list[Wish]] = [[] for _ in range(threads)]
        for number, wish in enumerate(wishes(tokens, seed)):
            shares[number // ATTEMPTS % threads].append(wish)
        self._threads = [threading.Thread(target=self._work, args=(share,)) for share in shares]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take nothing new, and see that what was sent is taken."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, share: list[Wish]) -> None:
        with httpx.Client(base_url=f"{self.url}/api/v1", timeout=60) as http:
            for wish in share:
                if self._stop.is_set():
                    return
                identifier = self._hand_in(http, wish)
                with self._lock:
                    self.accepted[identifier] = wish
                self._watch(http, wish, identifier)

    def _hand_in(self, http: httpx.Client, wish: Wish) -> str:
        headers = {"Authorization": f"Bearer {wish.token}", "Idempotency-Key": wish.key}
        files = [(name, (None, part)) for name, part in {"assignment": "hw13", **wish.parts}.items()]
        while True:
            begun = time.perf_counter()
            try:
                answer = http.post("/submissions", files=files, headers=headers)
            except httpx.TransportError:
                time.sleep(0.2)
                continue
            if answer.status_code == 202:
                with self._lock:
                    self.latencies.append(time.perf_counter() - begun)
                identifier: str = answer.json()["id"]
                return identifier
            if answer.status_code != 503:
                raise RuntimeError(f"neither taken nor unavailable: {answer.status_code} {answer.text}")
            self.refusals += 1
            time.sleep(0.5)

    def _watch(self, http: httpx.Client, wish: Wish, identifier: str) -> None:
        """Wait for the end for a while, as a student would."""
        until = time.monotonic() + 20
        while not self._stop.is_set() and time.monotonic() < until:
            try:
                answer = http.get(f"/submissions/{identifier}", headers={"Authorization": f"Bearer {wish.token}"})
                if answer.status_code == 200 and answer.json()["state"] in ("graded", "failed"):
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.3)
