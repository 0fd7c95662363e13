"""What the commands of the service share: its settings and its database, or one line that says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.commands.failures import Refused, UnusableInput
from app.db import migrate
from app.db.engine import Database
from app.problems import Problem
from app.settings import Settings


def settings(**given: Any) -> Settings:
    """The settings from the environment; what is ``given`` and not ``None`` outranks it. Raises `UnusableInput`."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = (f"ASSAY_{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors())
        raise UnusableInput("; ".join(faults)) from error


def check(configured: Settings) -> None:
    """See that the database is there and has this version's schema; an empty one gets it. Raises `Refused`."""
    try:
        migrate.check(configured)
    except migrate.NotMigrated as error:
        raise Refused("the database has another schema than this version of Assay; run `assay migrate`") from error
    except (OperationalError, OSError) as error:
        raise Refused(
            f"the database is out of reach ({reason(error)}); ASSAY_DATABASE_URL or ASSAY_DATA_DIR names it"
        ) from error


def reason(error: Exception) -> str:
    """The driver's own first line of what is wrong."""
    return str(error.orig if isinstance(error, OperationalError) else error).splitlines()[0]


@contextmanager
def writing(configured: Settings) -> Iterator[Session]:
    """A transaction on the service's database. Raises `Refused` when it is out of reach or has another schema."""
    check(configured)
    database = Database(configured)
    try:
        with database.write() as session:
            yield session
    except Problem as problem:
        raise UnusableInput(problem.detail) from problem
    finally:
        database.close()
