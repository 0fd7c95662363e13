"""`assay serve` from its first moment: the address, the worker, the application, the server.

The worker's sandbox takes longest to warm up, so the worker is launched before the application is imported.
"""

from __future__ import annotations

import gc
import socket
import sys
from collections.abc import Callable

from app import logs
from app.settings import Settings
from app.submissions.change_notifier import ChangeNotifier
from app.worker.embedded import EmbeddedWorker, WorkerRefused

KEEP_ALIVE_SECONDS = 75
"""Idle time of a connection. It is much longer than the five seconds of many clients, so that the service does not
close a connection at the moment in which a request arrives."""
_FULL_COLLECTIONS = 1_000
"""A full collection of garbage follows so many of the middle generation; Python's default is ten."""


class CannotListen(Exception):
    """The address is not on this machine, or another process listens there."""


def serve(settings: Settings, with_worker: bool, prepare: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT. ``prepare`` is called once the address is taken, while the worker warms up.

    What keeps the service from starting goes to stderr, with the exit code `FLOOR_NOT_MET` when the sandbox lacks a
    layer of its floor and 1 otherwise. Raises `CannotListen` before anything else is done.
    """
    with _bound(settings.host, settings.port) as listening:
        logs.configure()
        worker = EmbeddedWorker(settings, ChangeNotifier()) if with_worker else None
        if worker is not None:
            worker.launch()
        gc.disable()  # start-up makes objects that stay
        try:
            prepare()
            _run(settings, worker, listening)
        finally:
            gc.enable()
            if worker is not None:
                worker.stop()


def _run(settings: Settings, worker: EmbeddedWorker | None, listening: socket.socket) -> None:
    import uvicorn

    from app.main import create_app

    app = create_app(settings, worker)
    # A full collection pauses all requests for 0.2 to 0.4 seconds. Start-up objects are kept out of it, and it is rare:
    # at a deadline it would otherwise run every five seconds, for a thousandth of what it looks through.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], _FULL_COLLECTIONS)
    gc.enable()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except SystemExit:
        # The server has one code for every failed start and keeps the reason to itself.
        failure = app.state.start_failure
        if failure is None:
            raise
        if isinstance(failure, WorkerRefused):
            raise SystemExit(failure.exit_code) from None
        sys.stderr.write(f"{failure}\n")
        raise SystemExit(1) from None


def _bound(host: str, port: int) -> socket.socket:
    """A socket at this address. The server would look for one only after it has warmed up, and hide why it has none."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, TypeError) as error:  # a TypeError for what can be no host's name
        bound.close()
        raise CannotListen(f"cannot listen on {host} port {port} ({getattr(error, 'strerror', error)})") from error
    return bound
