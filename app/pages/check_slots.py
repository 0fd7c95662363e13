"""A limit on concurrent checks of forms: each takes a core, and a child with the memory limit of reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from app.problems import Unavailable

CONCURRENT_CHECKS = 2
"""In one process."""
PATIENCE_SECONDS = 3.0
"""The longest wait for a slot. Most checks take a tenth of a second."""


class ChecksBusy(Unavailable):
    """Too many forms are being checked now. Check again in a few seconds; you can still submit."""

    slug = "checks-busy"


class ChecksUnavailable(Unavailable):
    """This server cannot check forms at the moment. You can still submit."""

    slug = "checks-unavailable"


class CheckSlots:
    """The slots of one process, given out in order of arrival; a person holds one at a time."""

    def __init__(self, size: int = CONCURRENT_CHECKS, patience: float = PATIENCE_SECONDS) -> None:
        self._free = asyncio.Semaphore(size)
        self._patience = patience
        self._own: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By login, of those who hold a slot or wait for one."""

    @asynccontextmanager
    async def hold(self, login: str) -> AsyncIterator[None]:
        """Hold a slot for a person. Raises `ChecksBusy` if none becomes free in time."""
        own = self._own.setdefault(login, asyncio.Lock())
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._patience):
                    await held.enter_async_context(own)
                    await held.enter_async_context(self._free)
            except TimeoutError:
                raise ChecksBusy from None
            yield
