"""The worker's side of `app.worker.embedded`: the process that grades beside a service.

The sandbox takes longest to warm up, so its fork server is launched before the worker's own modules are imported.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import uuid
from contextlib import closing, suppress
from typing import NoReturn

from app.settings import Settings
from app.submissions.change_notifier import ChangeNotifier
from app.worker.embedded import BEGIN, FLOOR_NOT_MET, MESSAGE_BYTES, READY
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import FloorNotMet, Sandbox

_NICENESS = 5
"""The worker and its sandbox let the service go first: a submission is stored at once, and graded as soon as may be."""


class NotifierSocket(ChangeNotifier):
    """The worker's side: a notifier whose readers are in the service's process."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock

    def notify(self, submission_id: uuid.UUID) -> None:
        """Tell the service. Never waits: it also looks for itself, a few times a second."""
        self._tell(submission_id.bytes)

    def ready(self) -> None:
        """Tell the service that this worker takes jobs."""
        self._tell(READY)

    def listen(self) -> None:
        """Wait until the service has ended, and end this process as a kill would: the next has its own worker."""
        with suppress(OSError):
            self._sock.recv(MESSAGE_BYTES)
        os._exit(1)

    def _tell(self, message: bytes) -> None:
        with suppress(OSError):
            self._sock.send(message, socket.MSG_DONTWAIT)


def main() -> None:
    """Be the worker of the service at the other end of the socket whose descriptor is the one argument."""
    gc.disable()  # start-up makes objects that stay; `worker.run` turns the collector on again
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.set_inheritable(False)  # the line ends with this process, whatever it has started
    os.nice(_NICENESS)
    with closing(Sandbox(service=os.getppid())) as sandbox:
        try:
            sandbox.launch()
            _work(sock, sandbox)
        except FloorNotMet as refusal:
            _refuse(refusal, FLOOR_NOT_MET)
        except InfrastructureFault as refusal:
            _refuse(refusal, 1)


def _work(sock: socket.socket, sandbox: Sandbox) -> None:
    from app.db.migrate import NotMigrated
    from app.worker import worker
    from app.worker.executor import ExecutorIdTaken

    if sock.recv(MESSAGE_BYTES) != BEGIN:
        raise SystemExit(1)  # the service is gone
    line = NotifierSocket(sock)
    threading.Thread(target=line.listen, name="line", daemon=True).start()
    try:
        worker.run(Settings(), sandbox, line, line.ready)
    except (ExecutorIdTaken, NotMigrated) as refusal:
        _refuse(refusal, 1)


def _refuse(refusal: Exception, code: int) -> NoReturn:
    sys.stderr.write(f"{refusal}\n")
    raise SystemExit(code) from None


if __name__ == "__main__":
    main()
