"""The service's database for commands; a failure becomes an error of one line."""

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

UNREACHABLE = (SQLAlchemyError, sqlite3.Error, OSError)
"""Errors of a database that is unreachable, damaged or not writable."""


def check(configured: Settings) -> None:
    """Check that the database has this version's schema; an empty database gets it. Raises `Refused`."""
    with _refusals():
        migrate.check(configured)


def upgrade(configured: Settings) -> str:
    """Bring the database to this version's schema and return its revision. Raises `Refused`."""
    with _refusals():
        migrate.upgrade(configured)
        return migrate.look(configured) or ""


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except migrate.NotMigrated as error:
        raise Refused("the database has another schema than this version of Assay; run `assay migrate`") from error
    except MigrationError as error:
        raise Refused(f"the database was made by a newer version of Assay or by another program ({error})") from error
    except UNREACHABLE as error:
        raise Refused(
            f"the database is unreachable ({reason(error)}); ASSAY_DATABASE_URL or ASSAY_DATA_DIR names it"
        ) from error


def reason(error: Exception) -> str:
    """The driver's own first line of what is wrong."""
    return str(getattr(error, "orig", None) or error).splitlines()[0]


@contextmanager
def reading(configured: Settings) -> Iterator[Session]:
    """A snapshot of the service's database. Raises `Refused` when it is out of reach or has another schema."""
    with _open(configured) as database, database.read() as session:
        yield session


@contextmanager
def writing(configured: Settings) -> Iterator[Session]:
    """A transaction on the service's database. Raises `Refused` when it is out of reach or has another schema."""
    with _open(configured) as database, database.write() as session:
        yield session


@contextmanager
def _open(configured: Settings) -> Iterator[Database]:
    check(configured)
    database = Database(configured)
    try:
        yield database
    except DatabaseAway as away:
        raise Refused(f"nothing was changed: the database does not answer or stores nothing ({away.reason})") from away
    except Problem as problem:
        raise UnusableInput(problem.detail) from problem
    finally:
        database.close()
