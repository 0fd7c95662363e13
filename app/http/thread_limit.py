"""How many threads answer requests at once: few, because all of them share one interpreter with the event loop.

With as many as AnyIO allows, each step of a busy event loop waits behind dozens of threads for the interpreter, and the
slowest answers of a deadline took twice as long.
"""

from __future__ import annotations

import asyncio

from anyio import to_thread

QUICK = 6
"""Threads for quick work."""
MOST = 40
"""Threads in all: AnyIO's own limit."""
LOOK_SECONDS = 1.0
"""A thread that one task holds at two looks in a row is slow."""


async def keep(seconds: float = LOOK_SECONDS) -> None:
    """Allow `QUICK` threads beside the slow ones, `MOST` in all, until cancelled.

    A slow export or a silent platform thus delays other requests by two looks at most, not until it is done.
    """
    limiter = to_thread.current_default_thread_limiter()
    seen: frozenset[object] = frozenset()
    while True:
        borrowers = frozenset(limiter.statistics().borrowers)
        limiter.total_tokens = min(MOST, QUICK + len(seen & borrowers))
        seen = borrowers
        await asyncio.sleep(seconds)
