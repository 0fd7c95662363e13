"""The table of releases."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, now
from app.users.models import User


class Release(Base):
    """The release of an assignment's scores: results told "when released" are told. The audit log has earlier ones.

    A release from the command line has no ``by``.
    """

    __tablename__ = "releases"

    slug: Mapped[str] = mapped_column(String(40), primary_key=True)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(default=now)

    by: Mapped[User | None] = relationship()
