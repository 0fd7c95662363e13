"""Sessions for endpoints. A request's transaction commits before its answer is sent, or the answer says it did not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from app.db.engine import Database


async def database(request: Request) -> Database:
    """The application's database."""
    found: Database = request.app.state.database
    return found


def _read(database: Annotated[Database, Depends(database)]) -> Iterator[Session]:
    with database.read() as session:
        yield session


def _write(database: Annotated[Database, Depends(database)]) -> Iterator[Session]:
    with database.write() as session:
        yield session


# The scope makes the commit happen before the response leaves, so that nobody is told of what is not stored.
ReadSession = Annotated[Session, Depends(_read, scope="function")]
WriteSession = Annotated[Session, Depends(_write, scope="function")]
Db = Annotated[Database, Depends(database)]
