"""The line between a service and its worker."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.settings import Settings
from app.submissions.change_notifier import ChangeNotifier
from app.worker.embedded import EmbeddedWorker, WorkerRefused
from app.worker.embedded_process import NotifierSocket


@pytest.fixture
def ends() -> tuple[socket.socket, socket.socket]:
    """The service's end and the worker's."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def test_what_the_worker_announces_wakes_who_follows_in_the_service(
    tmp_path: Path, ends: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = ends
    notifier, changed, other = ChangeNotifier(), uuid.uuid4(), uuid.uuid4()
    embedded = EmbeddedWorker(Settings(data_dir=tmp_path), notifier)
    with theirs:
        line = NotifierSocket(theirs)
        line.ready()
        line.notify(changed)

    async def follow() -> list[uuid.UUID]:
        with notifier.subscribe(changed), notifier.subscribe(other):
            assert {*notifier.take_changed()} == {changed, other}, "each is looked at once"
            await asyncio.to_thread(embedded._listen, ours)
            return notifier.take_changed()

    assert asyncio.run(follow()) == [changed]
    assert embedded.ready


def test_a_worker_that_begins_what_waits_before_it_is_ready_is_not_taken_for_one_that_refused(
    tmp_path: Path, ends: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = ends
    embedded = EmbeddedWorker(Settings(data_dir=tmp_path), ChangeNotifier())
    embedded._line = ours
    embedded._process = subprocess.Popen(["sleep", "60"])
    line = NotifierSocket(theirs)
    line.notify(uuid.uuid4())
    line.ready()
    embedded.start()
    assert embedded.ready
    theirs.close()
    embedded.stop()


def test_a_worker_that_ends_before_it_is_ready_has_refused(
    tmp_path: Path, ends: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = ends
    embedded = EmbeddedWorker(Settings(data_dir=tmp_path), ChangeNotifier())
    embedded._line = ours
    embedded._process = subprocess.Popen(["sh", "-c", "exit 78"])
    NotifierSocket(theirs).notify(uuid.uuid4())
    theirs.close()
    with pytest.raises(WorkerRefused) as refused:
        embedded.start()
    assert refused.value.exit_code == 78
    assert not embedded.ready


def test_a_worker_ends_with_its_service(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = ends
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    with theirs:
        ours.close()
        NotifierSocket(theirs).listen()
    assert codes == [1]


def test_a_service_that_does_not_listen_holds_no_worker_up(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends

    def notify() -> None:
        for _ in range(10_000):
            line.notify(uuid.uuid4())

    with ours, theirs, ThreadPoolExecutor(1) as pool:
        line = NotifierSocket(theirs)
        done = pool.submit(notify)
        try:
            done.result(60)
        finally:
            ours.close()
