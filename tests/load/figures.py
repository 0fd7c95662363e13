"""What the benchmarks share: a row of their table, and a service to measure."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app.db import migrate
from app.settings import Settings
from tests.integration.service import ADMIN_TOKEN, Service

Row = dict[str, Any]
"""``figure``, its ``ratio`` to the ``anchor``, and the ``aim`` or None."""


def row(figure: str, ratio: float, anchor: str, aim: float | None = None, digits: int = 3) -> Row:
    """One row of the table of all benchmarks."""
    return {"figure": figure, "ratio": round(ratio, digits), "anchor": anchor, "aim": aim}


def settings_in(folder: Path, **options: Any) -> Settings:
    """Settings of a service with an empty, migrated database: SQLite in ``folder`` unless ``options`` name another."""
    options.setdefault("database_url", SecretStr(f"sqlite:///{folder}/bench.sqlite3"))
    settings = Settings(data_dir=folder, admin_token=SecretStr(ADMIN_TOKEN), **options)
    migrate.upgrade(settings)
    return settings


@contextmanager
def running_service(**options: Any) -> Iterator[Service]:
    """A service whose embedded worker takes jobs; ``options`` are further settings."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(settings_in(Path(folder), **options), worker=True, fresh=True)
        try:
            service.wait_for("worker started", 120)
            yield service
        finally:
            service.close()
