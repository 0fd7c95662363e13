"""Every setting of the service, read from variables that begin with ``ASSAY_``.

`docs/settings.md` is made from this: ``assay settings --page``. ``without`` says in words what holds where nothing is
set.
"""

from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError


def _cores() -> int:
    return len(os.sched_getaffinity(0))


class Settings(BaseSettings):
    """The service's configuration. Raises ``pydantic.ValidationError`` on a value that makes no sense."""

    model_config = SettingsConfigDict(env_prefix="ASSAY_", env_ignore_empty=True, frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    data_dir: Path = Field(
        default=Path("var"),
        description="Folder of the SQLite database, locks and generated tokens. Created when missing.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="`sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`. Not on a network file system.",
        json_schema_extra={"without": "a file in the data folder"},
    )
    admin_token: SecretStr | None = Field(
        default=None,
        description="When set, this bearer token is the bootstrap admin's (login `admin`). Another value revokes the "
        "former one.",
    )
    workers: PositiveInt = Field(
        default_factory=_cores,
        description="Gradings at once in this worker. Up to five more begin beside slow ones, as many as fit in "
        "memory, so that no submission waits for them.",
        json_schema_extra={"without": "the number of cores"},
    )
    executor_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,80}$",
        description="Name of this worker: unique among all workers of one database, the same after a restart.",
        json_schema_extra={"without": "host name and slot"},
    )
    student_seconds: PositiveFloat = Field(
        default=300.0,
        description="Processor seconds that gradings of one student may use in an hour, later stages included. Beyond "
        "it, the student's next submission waits behind everybody else's.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="A bearer token that reads `/metrics`, as that of any staff does; with several courses, of admins.",
        json_schema_extra={"without": "only staff, and direct requests from the machine itself"},
    )
    max_request_bytes: PositiveInt = Field(
        default=40 * 2**20, description="Largest request body that is read, in bytes. A larger one answers 413."
    )
    uploads_days: PositiveInt | None = Field(
        default=None,
        description="Days after its grading for which a submission's uploads are kept; then they are deleted, and "
        "points and evidence stay. The same on all workers. See docs/data.md.",
        json_schema_extra={"without": "for ever"},
    )
    queue_poll_seconds: PositiveFloat = Field(
        default=0.05,
        description="How often a worker polls for a submission to grade, in seconds; at most every 0.15 seconds when "
        "nothing was submitted for ten minutes. For curves and regrades at most every half second.",
    )
    heartbeat_seconds: PositiveFloat = Field(default=5.0, description="Seconds between two heartbeats of a worker.")
    silent_seconds: PositiveFloat = Field(
        default=60.0,
        description="Seconds without a heartbeat after which a worker counts as dead and its jobs run again elsewhere.",
    )
    shutdown_seconds: PositiveFloat = Field(
        default=10.0,
        description="Seconds that running gradings may take to finish at shutdown before they go back to the queue.",
    )
    time_zone: str = Field(
        default="UTC",
        description="The course's time zone, such as `Asia/Taipei`, for the days in charts and filters and for times "
        "that staff type. Other times are shown in the zone of the reader's browser.",
    )
    session_days: PositiveInt = Field(default=14, description="Days that a login in the browser lasts.")
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#@\s]+/?$",
        description="Where browsers reach the service, e.g. `https://assay.example.edu`. LTI sends it to platforms; "
        "set it behind a proxy.",
        json_schema_extra={"without": "the address of each request"},
    )
    lti_allow_local: bool = Field(
        default=False,
        description="Also accept LTI platforms at `http://localhost` and `http://127.0.0.1`: for tests, "
        "never for a course.",
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("sqlite:///", "postgresql://", "postgres://")):
            raise ValueError("the database is sqlite:///FILE or postgresql://...")
        try:
            if url is not None:
                make_url(url.get_secret_value())
        except (ArgumentError, ValueError):
            raise ValueError("this is not the address of a database") from None
        return url

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError):
            raise ValueError("a time zone has a name such as Asia/Taipei or UTC") from None
        return name

    @property
    def zone(self) -> ZoneInfo:
        """The course's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def sqlalchemy_url(self) -> str:
        """The database's URL as SQLAlchemy wants it: PostgreSQL always through psycopg 3."""
        if self.database_url is None:
            return f"sqlite:///{(self.data_dir / 'assay.sqlite3').absolute()}"
        url = self.database_url.get_secret_value()
        scheme, _, rest = url.partition("://")
        return url if scheme == "sqlite" else f"postgresql+psycopg://{rest}"
