"""SQLite has one writer at a time; here those of one process stand in line for it.

SQLite's own way of waiting is to sleep, longer with every try, up to a tenth of a second: of many writers the unlucky
sleep while others pass. Who waits here is woken the moment the one before has committed.
"""

from __future__ import annotations

import threading
from typing import Any

from sqlalchemy import Connection, Engine, event

PATIENCE_SECONDS = 5.0
"""Whoever has waited so long goes and waits in SQLite's way: its locks are what counts, and it has a time-out."""
_HELD = "assay_turn"


class Turns:
    """The line for one engine: joined before a write begins, left when its connection comes back to the pool."""

    def __init__(self, engine: Engine) -> None:
        self._turn = threading.Lock()
        event.listen(engine, "checkin", self._leave)

    def wait(self, connection: Connection) -> None:
        """Return when it is this connection's turn to write, or its patience is over."""
        connection.info[_HELD] = self._turn.acquire(timeout=PATIENCE_SECONDS)

    def _leave(self, connection: Any, record: Any) -> None:
        if record.info.pop(_HELD, False):
            self._turn.release()
