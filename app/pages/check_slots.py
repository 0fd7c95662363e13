"""How many forms are checked at a time: reading one takes a core and up to 300 MB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.problems import Unavailable

AT_A_TIME = 2
"""In one process."""
PATIENCE_SECONDS = 3.0
"""How long a check waits for its turn. Most take a tenth of a second."""


class ChecksBusy(Unavailable):
    """Too many forms are being checked now. Check again in a few seconds; you can still submit."""

    slug = "checks-busy"


class CheckSlots:
    """The places of one process; those who wait are served in turn."""

    def __init__(self, size: int = AT_A_TIME, patience: float = PATIENCE_SECONDS) -> None:
        self._free = asyncio.Semaphore(size)
        self._patience = patience

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Hold a place. Raises `ChecksBusy` when none becomes free in time."""
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise ChecksBusy from None
        try:
            yield
        finally:
            self._free.release()
