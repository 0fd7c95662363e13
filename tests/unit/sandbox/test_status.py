"""Threads and memory of processes."""

from __future__ import annotations

import os
import threading

from grader.sandbox import status


def test_own_threads_and_memory_are_read() -> None:
    before = status.read("self")
    assert before["Uid"] == os.getuid()
    assert before["VmSize"] > before["VmData"] > 0
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        assert status.read(os.getpid())["Threads"] == before["Threads"] + 3
        assert status.threads_of(os.getuid()) >= before["Threads"] + 3
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_dead_process_has_no_numbers() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    assert status.read(pid) == {}


def test_an_unused_id_has_no_threads() -> None:
    assert status.threads_of(2**31 - 7) == 0
