"""Running source in a child, policies with or without spare children, and waiting for the background."""

from __future__ import annotations

import time
from collections.abc import Callable

from grader.sandbox.policy import Policy, default
from grader.sandbox.replies import Child, Reply


def run_source(child: Child, source: str) -> Reply:
    """The reply to a source that a student submits."""
    return child.request("load", {"source": source, "prelude": "", "filename": "model.py"})


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
