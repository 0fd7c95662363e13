"""The worker that `assay serve` has with it: a process beside the service, started again when it dies.

One socket ties the two. The worker says on it that it is ready, and which submission changed, so that a follower
hears of it at once; the service says on it when to begin. The worker sees there that the service is gone, however that
ended, and ends too. Its side is `app.worker.embedded_process`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import uuid
from contextlib import suppress

import structlog

from app.settings import Settings
from app.submissions.change_notifier import ChangeNotifier

FLOOR_NOT_MET = os.EX_CONFIG
"""The exit code when this machine cannot run student code safely."""
READY = b"ready"
BEGIN = b"begin"
MESSAGE_BYTES = 16
_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_END_SECONDS = 30.0
"""The time to stop beyond the time that running gradings have."""

log = structlog.get_logger()


class WorkerRefused(Exception):
    """The worker did not start. Its reason is on stderr."""

    def __init__(self, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(f"the worker ended with code {exit_code} before it was ready")


class EmbeddedWorker:
    """The service's side. ``ready`` says whether the worker takes jobs just now."""

    def __init__(self, settings: Settings, notifier: ChangeNotifier) -> None:
        self.settings = settings
        self.notifier = notifier
        self.ready = False
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def launch(self) -> None:
        """Start the process, which warms up and takes no jobs before `start`."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            # Use a process group: Ctrl-C ends the service, and the service ends its worker.
            self._process = subprocess.Popen(  # noqa: S603 - nothing of it comes from outside
                [sys.executable, "-m", "app.worker.embedded_process", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._line = ours

    def start(self) -> None:
        """Let the worker begin and wait until it takes jobs. Raises `WorkerRefused`: then there is none."""
        line = self._line
        self._begin(line)
        while not self.ready:
            # A job that waited already may be announced before the worker says that it is ready.
            message = _receive(line)
            if not message:
                line.close()
                raise WorkerRefused(self._process.wait())
            self._handle_message(message)
        self._thread = threading.Thread(target=self._supervise, args=(line,), name="embedded worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the worker finish its gradings and put back the rest. Returns when its process has ended."""
        with self._lock:
            self._stopping.set()
        self.ready = False
        self._process.terminate()
        try:
            self._process.wait(2 * self.settings.shutdown_seconds + _END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._thread is not None:
            self._thread.join()
        self._line.close()

    @staticmethod
    def _begin(line: socket.socket) -> None:
        with suppress(OSError):  # `_listen` notices that the process has ended
            line.send(BEGIN)

    def _supervise(self, line: socket.socket | None) -> None:
        """Pass on the messages of the worker, and start it again whenever it has ended, until `stop`."""
        pause = _PAUSE_SECONDS
        while True:
            if line is not None:
                self._listen(line)
            if self.ready:
                pause = _PAUSE_SECONDS
            self.ready = False
            if not self._stopping.is_set():
                log.error("the worker ended and is started again", code=self._process.wait(), seconds=pause)
            self._stopping.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            with self._lock:
                if self._stopping.is_set():
                    return
                try:
                    self.launch()
                except OSError as error:
                    log.error("the worker cannot be started", error=str(error))
                    line = None
                else:
                    line = self._line
                    self._begin(line)

    def _listen(self, line: socket.socket) -> None:
        """Handle the messages of a worker until its end."""
        with line:
            while message := _receive(line):
                self._handle_message(message)

    def _handle_message(self, message: bytes) -> None:
        if message == READY:
            self.ready = not self._stopping.is_set()
        else:
            self.notifier.notify(uuid.UUID(bytes=message))


def _receive(line: socket.socket) -> bytes:
    """The next message of a worker; empty when it has ended, also if it left messages unread."""
    try:
        return line.recv(MESSAGE_BYTES)
    except ConnectionResetError:
        return b""
