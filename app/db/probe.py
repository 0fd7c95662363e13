"""Whether the database stores something right now: a tiny write with little patience, for `/readyz`."""

from __future__ import annotations

import shutil
import threading
import time
from typing import Any

from sqlalchemy import NullPool, bindparam, create_engine, event, make_url, text

from app.db import outage
from app.db.base import UTCDateTime, now
from app.settings import Settings

_WRITE = text(
    "INSERT INTO chores (name, begun_at) VALUES ('probe', :at) "
    "ON CONFLICT (name) DO UPDATE SET begun_at = excluded.begun_at"
).bindparams(bindparam("at", type_=UTCDateTime()))
_KEPT_SECONDS = 1.0
_PATIENCE_MS = 2000


class WriteProbe:
    """Writes with connections of its own, so that it waits behind nobody. An answer holds for a second."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        url = make_url(settings.sqlalchemy_url)
        self._is_file = url.get_backend_name() == "sqlite"
        connect: dict[str, Any] = {"timeout": _PATIENCE_MS / 1000}
        if not self._is_file:
            options = f"-c statement_timeout={_PATIENCE_MS} -c lock_timeout={_PATIENCE_MS}"
            connect = {"connect_timeout": 2, "tcp_user_timeout": 2 * _PATIENCE_MS, "options": options}
        self._engine = create_engine(url, poolclass=NullPool, connect_args=connect)
        if self._is_file:
            event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
            event.listen(self._engine, "connect", lambda raw, _: setattr(raw, "isolation_level", None))
        self._lock = threading.Lock()
        self._asked = 0.0
        self._found: outage.DatabaseAway | None = None

    def check(self) -> None:
        """Raise `DatabaseAway` when nothing can be stored."""
        with self._lock:
            if time.monotonic() - self._asked > _KEPT_SECONDS:
                self._found = self._look()
                self._asked = time.monotonic()
            found = self._found
        if found is not None:
            raise outage.DatabaseAway(found.reason)

    def _look(self) -> outage.DatabaseAway | None:
        try:
            if self._is_file and shutil.disk_usage(self.settings.data_dir).free < self.settings.max_request_bytes:
                return outage.DatabaseAway("the disk has less room than one large submission needs")
            with outage.reported(), self._engine.begin() as connection:
                connection.execute(_WRITE, {"at": now()})
        except outage.DatabaseAway as away:
            return away
        except OSError as error:
            return outage.DatabaseAway(str(error))
        return None
