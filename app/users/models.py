"""Tables of people and their tokens."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Enum, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.courses.models import Course as Course  # The table that enrolments refer to.
from app.db.base import Base, now


class Role(StrEnum):
    """The rights of a person, in ascending order: each role has the rights of those before it."""

    STUDENT = "student"
    TA = "ta"
    INSTRUCTOR = "instructor"
    ADMIN = "admin"


ROLE = Enum(Role, native_enum=False, length=16, values_callable=lambda roles: [role.value for role in roles])


class User(Base):
    """A person; of one with ``deleted_at`` only a number is left.

    ``role`` matters where it is `Role.ADMIN`; any other is the one with which the person was added. The roles in the
    courses are the enrolments'.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(ROLE)
    student_id: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime | None]

    enrolments: Mapped[list[Enrolment]] = relationship(cascade="all, delete-orphan")


class Enrolment(Base):
    """A person's role in a course: student, TA or instructor. ``dropped_at`` marks who left; their work stays."""

    __tablename__ = "enrolments"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    course: Mapped[str] = mapped_column(ForeignKey("courses.slug"), primary_key=True, index=True)
    role: Mapped[Role] = mapped_column(ROLE)
    section: Mapped[str | None] = mapped_column(String(80))
    dropped_at: Mapped[datetime | None]


class Token(Base):
    """A bearer token, of which only the SHA-256 is stored. ``hint`` is its beginning, for people to recognise it.

    One with ``link_expires_at`` is the secret of a login link: until then it opens browser sessions, and nothing else.
    """

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(default=now)
    revoked_at: Mapped[datetime | None]
    link_expires_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()
