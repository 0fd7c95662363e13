"""Rate limits: a number of tries in a period, counted in this process."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable

_MAX_KEYS = 10_000
"""Above this number, keys without recent tries are deleted."""


class RateLimit:
    """At most ``allowed`` tries for each key in any ``seconds``. Thread-safe."""

    def __init__(self, allowed: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.allowed = allowed
        self.seconds = seconds
        self._clock = clock
        self._tries: dict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def wait(self, key: str) -> int:
        """Whole seconds until the next try is allowed; 0 when one is allowed now."""
        with self._lock:
            tries = self._recent(key)
            return math.ceil(tries[0] + self.seconds - self._clock()) if len(tries) >= self.allowed else 0

    def note(self, key: str) -> None:
        """Count one try."""
        with self._lock:
            self._recent(key).append(self._clock())
            if len(self._tries) > _MAX_KEYS:
                for idle in [key for key in self._tries if not self._recent(key)]:
                    del self._tries[idle]

    def _recent(self, key: str) -> deque[float]:
        tries, since = self._tries[key], self._clock() - self.seconds
        while tries and tries[0] <= since:
            tries.popleft()
        return tries
