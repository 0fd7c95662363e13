"""Writers of one process wait here for their turn, since SQLite has one writer at a time.

SQLite waits by sleeping, up to a tenth of a second, so that unlucky writers sleep while others pass. This queue wakes
the next writer as soon as the one before has committed.
"""

from __future__ import annotations

import threading
from typing import Any

from sqlalchemy import Connection, Engine, event

LONGEST_WAIT_SECONDS = 5.0
"""After this wait a writer relies on SQLite's own locks and time-out."""
_HOLDS_TURN = "assay_turn"


class WriterQueue:
    """The queue of one engine: a write joins before it begins and leaves when its connection returns to the pool."""

    def __init__(self, engine: Engine) -> None:
        self._turn = threading.Lock()
        event.listen(engine, "checkin", self._leave)

    def wait(self, connection: Connection) -> None:
        """Wait for this connection's turn to write, at most `LONGEST_WAIT_SECONDS`."""
        connection.info[_HOLDS_TURN] = self._turn.acquire(timeout=LONGEST_WAIT_SECONDS)

    def _leave(self, connection: Any, record: Any) -> None:
        if record.info.pop(_HOLDS_TURN, False):
            self._turn.release()
