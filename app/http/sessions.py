"""Database sessions for endpoints. A transaction commits before the answer is sent, which reports a failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from app.db.engine import Database


async def database(request: Request) -> Database:
    """The application's database."""
    instance: Database = request.app.state.database
    return instance


def _read(database: Annotated[Database, Depends(database)]) -> Iterator[Session]:
    with database.read() as session:
        yield session


def _write(database: Annotated[Database, Depends(database)]) -> Iterator[Session]:
    with database.write() as session:
        yield session


# Function scope commits before the response leaves: no client reads a success that is not stored.
ReadSession = Annotated[Session, Depends(_read, scope="function")]
WriteSession = Annotated[Session, Depends(_write, scope="function")]
Db = Annotated[Database, Depends(database)]
