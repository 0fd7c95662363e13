"""The worker that `assay serve` has with it: a process beside the service, started again when it dies.

One socket ties the two. The worker says on it that it is ready, and which submission changed, so that whoever follows
one hears at once; the service says on it that there are new jobs. The worker sees there that the service is gone,
however that ended, and goes too.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress

import structlog

from app.db.migrate import NotMigrated
from app.jobs import worker
from app.jobs.executor import ExecutorIdTaken
from app.settings import Settings
from app.submissions.bulletin import Bulletin
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import FloorNotMet

FLOOR_NOT_MET = os.EX_CONFIG
"""The exit code when this machine cannot run student code safely."""
REFUSALS = (FloorNotMet, InfrastructureFault, ExecutorIdTaken, NotMigrated)
"""What keeps a worker from starting, with a message for people."""
_READY = b"ready"
_JOBS = b"j"
_MESSAGE_BYTES = 16
_NICENESS = 5
"""The worker and its sandbox let the service go first: a hand-in is stored at once, and graded as soon as may be."""
_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_END_SECONDS = 30.0
"""What a worker may take to stop beyond the time that its gradings have."""

log = structlog.get_logger()


class WorkerRefused(Exception):
    """The worker did not start. It has said on stderr why."""

    def __init__(self, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(f"the worker ended with code {exit_code} before it was ready")


class EmbeddedWorker:
    """The service's side. ``ready`` says whether the worker takes jobs just now."""

    def __init__(self, settings: Settings, bulletin: Bulletin) -> None:
        self.settings = settings
        self.bulletin = bulletin
        self.ready = False
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the worker and wait until it takes jobs. Raises `WorkerRefused`: then there is none."""
        line = self._launch()
        while not self.ready:
            # What it finds waiting it may have begun, and announced, before it says that it takes jobs.
            message = line.recv(_MESSAGE_BYTES)
            if not message:
                line.close()
                raise WorkerRefused(self._process.wait())
            self._hear(message)
        self._thread = threading.Thread(target=self._supervise, args=(line,), name="embedded worker", daemon=True)
        self._thread.start()

    def tell(self) -> None:
        """Let the worker know that there are new jobs. Never waits: a worker also looks for itself."""
        with suppress(OSError):
            self._line.send(_JOBS, socket.MSG_DONTWAIT)

    def stop(self) -> None:
        """Let the worker end what it grades and put back the rest; returns when its process is gone."""
        with self._lock:
            self._stopping.set()
        self.ready = False
        self._process.terminate()
        try:
            self._process.wait(2 * self.settings.shutdown_seconds + _END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()

    def _launch(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            # A group of its own: Ctrl-C ends the service, and the service ends its worker.
            self._process = subprocess.Popen(  # noqa: S603 - nothing of it comes from outside
                [sys.executable, "-m", "app.jobs.embedded", str(theirs.fileno())],
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
        return ours

    def _supervise(self, line: socket.socket | None) -> None:
        """Pass on what the worker tells, and start it again whenever it has ended, until `stop`."""
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
                    line = self._launch()
                except OSError as error:
                    log.error("the worker cannot be started", error=str(error))
                    line = None

    def _listen(self, line: socket.socket) -> None:
        """Hear a worker until its end."""
        with line:
            while message := line.recv(_MESSAGE_BYTES):
                self._hear(message)

    def _hear(self, message: bytes) -> None:
        if message == _READY:
            self.ready = not self._stopping.is_set()
        else:
            self.bulletin.announce(uuid.UUID(bytes=message))


class Line(Bulletin):
    """The worker's side: a bulletin whose readers are in the service's process."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        self._look: Callable[[], None] = lambda: None

    def announce(self, submission_id: uuid.UUID) -> None:
        """Tell the service. Never waits: it also looks for itself, a few times a second."""
        self._tell(submission_id.bytes)

    def ready(self, look: Callable[[], None]) -> None:
        """Tell the service that this worker takes jobs; ``look`` is called whenever it says that there are new ones."""
        self._look = look
        self._tell(_READY)

    def listen(self) -> None:
        """Hear the service until it has gone, and end this process as a kill would: the next has its own worker."""
        with suppress(OSError):
            while self._sock.recv(len(_JOBS)):
                self._look()
        os._exit(1)

    def _tell(self, message: bytes) -> None:
        with suppress(OSError):
            self._sock.send(message, socket.MSG_DONTWAIT)


def main() -> None:
    """Be the worker of the service at the other end of the socket whose descriptor is the one argument."""
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.set_inheritable(False)  # the line ends with this process, whatever it has started
    os.nice(_NICENESS)
    line = Line(sock)
    threading.Thread(target=line.listen, name="line", daemon=True).start()
    try:
        worker.run(Settings(), line, line.ready, os.getppid())
    except REFUSALS as refusal:
        sys.stderr.write(f"{refusal}\n")
        raise SystemExit(FLOOR_NOT_MET if isinstance(refusal, FloorNotMet) else 1) from None


if __name__ == "__main__":
    main()
