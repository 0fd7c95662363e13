"""The table of the key."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class ReviewKey(Base):
    """The one row with the key: random bytes in hexadecimal digits, which the migration made."""

    __tablename__ = "review_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64))
