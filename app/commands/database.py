"""The service's database as the commands use it, or one line that says what is wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError as MigrationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.commands.failures import Refused, UnusableInput
from app.db import migrate
from app.db.engine import Database
from app.db.outage import DatabaseAway
from app.problems import Problem
from app.settings import Settings

OUT_OF_REACH = (SQLAlchemyError, sqlite3.Error, OSError)
"""What a database raises that is away, damaged or in a place that cannot be written to."""


def check(configured: Settings) -> None:
    """See that the database is there and has this version's schema; an empty one gets it. Raises `Refused`."""
    with _told():
        migrate.check(configured)


def upgrade(configured: Settings) -> str:
    """Bring the database to this version's schema and return its revision. Raises `Refused`."""
    with _told():
        migrate.upgrade(configured)
        return migrate.look(configured) or ""


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except migrate.NotMigrated as error:
        raise Refused("the database has another schema than this version of Assay; run `assay migrate`") from error
    except MigrationError as error:
        raise Refused(f"the database was made by a newer version of Assay or by another program ({error})") from error
    except OUT_OF_REACH as error:
        raise Refused(
            f"the database is unreachable ({reason(error)}); ASSAY_DATABASE_URL or ASSAY_DATA_DIR names it"
        ) from error


def reason(error: Exception) -> str:
    """The driver's own first line of what is wrong."""
    return str(getattr(error, "orig", None) or error).splitlines()[0]


@contextmanager
def writing(configured: Settings) -> Iterator[Session]:
    """A transaction on the service's database. Raises `Refused` when it is out of reach or has another schema."""
    check(configured)
    database = Database(configured)
    try:
        with database.write() as session:
            yield session
    except DatabaseAway as away:
        raise Refused(f"nothing was changed: the database does not answer or stores nothing ({away.reason})") from away
    except Problem as problem:
        raise UnusableInput(problem.detail) from problem
    finally:
        database.close()
