"""A limit on concurrent checks of forms: each takes a core and up to 300 MB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.problems import Unavailable

CONCURRENT_CHECKS = 2
"""In one process."""
PATIENCE_SECONDS = 3.0
"""The longest wait for a slot. Most checks take a tenth of a second."""


class ChecksBusy(Unavailable):
    """Too many forms are being checked now. Check again in a few seconds; you can still submit."""

    slug = "checks-busy"


class CheckSlots:
    """The slots of one process, given out in order of arrival."""

    def __init__(self, size: int = CONCURRENT_CHECKS, patience: float = PATIENCE_SECONDS) -> None:
        self._free = asyncio.Semaphore(size)
        self._patience = patience

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Hold a slot. Raises `ChecksBusy` if none becomes free in time."""
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise ChecksBusy from None
        try:
            yield
        finally:
            self._free.release()
