"""Policies with or without spare children, and waiting for what happens in the background."""

from __future__ import annotations

import time
from collections.abc import Callable

from grader.sandbox.policy import Policy, default


def without_spares(kinds: int = 0) -> Policy:
    """The default policy with spares for this number of kinds of orders."""
    server = default().server.model_copy(update={"spare_kinds": kinds})
    return default().model_copy(update={"server": server})


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something to become true. Raises ``AssertionError`` when it does not."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)
