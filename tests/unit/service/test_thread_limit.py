"""Few threads answer requests, and slow requests do not keep quick ones waiting for long."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from anyio import to_thread

from app.http import thread_limit

LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 30.0


async def _until(number: int, running: list[int]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(running) != number:
            await asyncio.sleep(LOOK_SECONDS)


def test_only_few_threads_run_quick_requests() -> None:
    running: list[int] = []
    most = 0

    def quick(number: int) -> None:
        nonlocal most
        running.append(number)
        most = max(most, len(running))
        time.sleep(0.001)
        running.remove(number)

    async def crowd() -> None:
        keeper = asyncio.create_task(thread_limit.keep(PATIENCE_SECONDS))
        await asyncio.sleep(0)
        await asyncio.gather(*(to_thread.run_sync(quick, number) for number in range(100)))
        keeper.cancel()

    asyncio.run(crowd())
    assert most == thread_limit.QUICK


@pytest.mark.parametrize("slow", [thread_limit.QUICK, thread_limit.MOST - 1])
def test_a_quick_request_does_not_wait_for_slow_ones(slow: int) -> None:
    running: list[int] = []
    end = threading.Event()

    def wait_for_end(number: int) -> None:
        running.append(number)
        end.wait(PATIENCE_SECONDS)

    async def crowd() -> float:
        keeper = asyncio.create_task(thread_limit.keep(LOOK_SECONDS))
        waiting = [asyncio.create_task(to_thread.run_sync(wait_for_end, number)) for number in range(slow)]
        await _until(slow, running)
        async with asyncio.timeout(PATIENCE_SECONDS / 2):
            await to_thread.run_sync(lambda: None)
        end.set()
        await asyncio.gather(*waiting)
        limiter = to_thread.current_default_thread_limiter()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while limiter.total_tokens != thread_limit.QUICK:
                await asyncio.sleep(LOOK_SECONDS)
        keeper.cancel()
        return limiter.total_tokens

    assert asyncio.run(crowd()) == thread_limit.QUICK


def test_there_are_never_more_threads_than_before() -> None:
    running: list[int] = []
    end = threading.Event()

    def wait_for_end(number: int) -> None:
        running.append(number)
        end.wait(PATIENCE_SECONDS)

    async def crowd() -> None:
        keeper = asyncio.create_task(thread_limit.keep(LOOK_SECONDS))
        numbers = range(thread_limit.MOST + 9)
        waiting = [asyncio.create_task(to_thread.run_sync(wait_for_end, number)) for number in numbers]
        await _until(thread_limit.MOST, running)
        await asyncio.sleep(10 * LOOK_SECONDS)
        assert len(running) == thread_limit.MOST
        end.set()
        await asyncio.gather(*waiting)
        keeper.cancel()

    asyncio.run(crowd())
