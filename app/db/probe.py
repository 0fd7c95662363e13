"""Whether the database can store something now: a tiny write with a short time limit, for `/readyz`."""

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
_VALID_SECONDS = 1.0
_TIMEOUT_MS = 2000


class WriteProbe:
    """Writes on connections of its own, so that it never waits for the pool. An answer is valid for a second."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        url = make_url(settings.sqlalchemy_url)
        self._is_file = url.get_backend_name() == "sqlite"
        connect: dict[str, Any] = {"timeout": _TIMEOUT_MS / 1000}
        if not self._is_file:
            options = f"-c statement_timeout={_TIMEOUT_MS} -c lock_timeout={_TIMEOUT_MS}"
            connect = {"connect_timeout": 2, "tcp_user_timeout": 2 * _TIMEOUT_MS, "options": options}
        self._engine = create_engine(url, poolclass=NullPool, connect_args=connect)
        if self._is_file:
            event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
            event.listen(self._engine, "connect", lambda raw, _: setattr(raw, "isolation_level", None))
        self._lock = threading.Lock()
        self._checked_at = 0.0
        self._failure: outage.DatabaseAway | None = None

    def check(self) -> None:
        """Raise `DatabaseAway` when nothing can be stored."""
        with self._lock:
            if time.monotonic() - self._checked_at > _VALID_SECONDS:
                self._failure = self._write()
                self._checked_at = time.monotonic()
            failure = self._failure
        if failure is not None:
            raise outage.DatabaseAway(failure.reason)

    def _write(self) -> outage.DatabaseAway | None:
        try:
            if self._is_file and shutil.disk_usage(self.settings.data_dir).free < self.settings.max_request_bytes:
                return outage.DatabaseAway("the disk has less room than one large submission needs")
            with outage.translated(), self._engine.begin() as connection:
                connection.execute(_WRITE, {"at": now()})
        except outage.DatabaseAway as away:
            return away
        except OSError as error:
            return outage.DatabaseAway(str(error))
        return None
