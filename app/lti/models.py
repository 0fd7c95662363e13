"""Tables of LTI: keys, platforms, pending launches, linked people, and scores to pass back."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, now
from app.submissions.models import closed
from app.users.models import User


class ToolKey(Base):
    """A key pair of this service. It signs from ``signs_from`` on and is published until ``ends_at``."""

    __tablename__ = "lti_keys"

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    private_pem: Mapped[str] = mapped_column(Text, deferred=True)
    public_jwk: Mapped[dict[str, Any]]
    made_at: Mapped[datetime] = mapped_column(default=now)
    signs_from: Mapped[datetime]
    ends_at: Mapped[datetime | None]


class Match(StrEnum):
    """The field by which a launch finds a person who has an account already."""

    LOGIN = "login"
    STUDENT_ID = "student-id"


HELD_UNTIL = datetime(9999, 1, 1, tzinfo=UTC)
"""The end of a pause that only a command ends."""


class Platform(Base):
    """A registered learning platform. ``hosts`` are all the hosts that requests may go to.

    No score is sent before ``paused_until``; `HELD_UNTIL` puts a platform on hold. ``failures`` counts the different
    scores that the platform did not answer for since it last accepted one; ``trouble`` is the last error.
    """

    __tablename__ = "lti_platforms"
    __table_args__ = (UniqueConstraint("issuer", "client_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    issuer: Mapped[str] = mapped_column(String(255))
    client_id: Mapped[str] = mapped_column(String(255))
    deployments: Mapped[list[Any]]
    auth_url: Mapped[str] = mapped_column(Text)
    token_url: Mapped[str] = mapped_column(Text)
    token_audience: Mapped[str] = mapped_column(Text)
    jwks_url: Mapped[str] = mapped_column(Text)
    hosts: Mapped[list[Any]]
    staff: Mapped[bool]
    match_field: Mapped[Match | None] = mapped_column(closed(Match))
    match_claim: Mapped[str | None] = mapped_column(String(80))
    instructors_link: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(default=now)
    failures: Mapped[int] = mapped_column(default=0)
    paused_until: Mapped[datetime | None]
    trouble: Mapped[str | None] = mapped_column(Text)

    @property
    def is_held(self) -> bool:
        """Whether no score is sent until a command says so."""
        return self.paused_until == HELD_UNTIL


class Context(Base):
    """A course of a platform, by deployment and id, and the ``course`` that it is linked to here.

    One without a course was seen in a launch. ``linked_at`` stays when an admin unlinks it.
    """

    __tablename__ = "lti_contexts"
    __table_args__ = (UniqueConstraint("platform_id", "deployment", "context_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("lti_platforms.id"))
    deployment: Mapped[str] = mapped_column(String(255))
    context_id: Mapped[str] = mapped_column(String(255))
    title: Mapped[str] = mapped_column(String(200), default="")
    course: Mapped[str | None] = mapped_column(ForeignKey("courses.slug", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    linked_at: Mapped[datetime | None]


class PendingLogin(Base):
    """A launch that began in one browser. Only the SHA-256 of its secrets is stored."""

    __tablename__ = "lti_logins"

    state: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser: Mapped[str] = mapped_column(String(64))
    nonce: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(Text)
    platform_id: Mapped[int] = mapped_column(ForeignKey("lti_platforms.id"))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class RegistrationLink(Base):
    """Permission for one platform to register itself. Only the SHA-256 of its secret is stored."""

    __tablename__ = "lti_registration_links"

    secret: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    staff: Mapped[bool]
    match: Mapped[str | None] = mapped_column(String(120))
    made_by: Mapped[str] = mapped_column(String(80))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class TicketKind(StrEnum):
    """The purpose of a ticket: opening the service in a window of its own, or picking an assignment."""

    OPEN = "open"
    PICK = "pick"


class Ticket(Base):
    """A verified launch that continues with one more request. Single-use; only its SHA-256 is stored."""

    __tablename__ = "lti_tickets"

    ticket: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[TicketKind] = mapped_column(closed(TicketKind))
    platform_id: Mapped[int] = mapped_column(ForeignKey("lti_platforms.id"))
    content: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Identity(Base):
    """A person's name at an issuer (``subject``). ``made`` is true when a launch created the person."""

    __tablename__ = "lti_identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    made: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(default=now)

    user: Mapped[User] = relationship()


class LineItem(Base):
    """A column of a platform's gradebook, and the assignment whose scores go there.

    ``context`` is the name of the platform's course, ``context_id`` its id; versions before courses stored no id.
    ``failures`` counts the different scores that the platform refused since it last accepted one. Many of them pause
    the line item until ``paused_until``; ``trouble`` is the last refusal.
    """

    __tablename__ = "lti_line_items"
    __table_args__ = (UniqueConstraint("platform_id", "url"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("lti_platforms.id"))
    url: Mapped[str] = mapped_column(String(1000))
    slug: Mapped[str] = mapped_column(String(40), index=True)
    context: Mapped[str] = mapped_column(String(200))
    context_id: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=now)
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    paused_until: Mapped[datetime | None]
    trouble: Mapped[str | None] = mapped_column(Text)

    platform: Mapped[Platform] = relationship()


class Delivery(StrEnum):
    """State of a student's score on its way to the platform."""

    IDLE = "idle"
    """No score exists yet."""
    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    """Given up after many refusals, until the score changes or staff send it again."""


class Cause(StrEnum):
    """The likely cause of a refused score, with a text that tells staff what to do."""

    LOCKED = "locked"
    STUDENT_UNKNOWN = "student_unknown"
    NOT_ALLOWED = "not_allowed"
    NEWER = "newer"
    OTHER = "other"


_CAUSES = {
    400: Cause.STUDENT_UNKNOWN,
    401: Cause.NOT_ALLOWED,
    403: Cause.NOT_ALLOWED,
    404: Cause.STUDENT_UNKNOWN,
    409: Cause.NEWER,
    500: Cause.LOCKED,
}
"""What Moodle and Canvas mean with the status of a refused score (`tests/platforms`)."""


class Passback(Base):
    """The score of one student in one line item: the ``wanted`` one, and the one that was ``sent`` last.

    ``lease`` and ``leased_until`` belong to the sender that is sending it. ``tries`` counts the requests for the wanted
    score, ``refusals`` the refused ones. ``error`` is the last failure since a score of the student was accepted, and
    ``refusal_status`` the HTTP status if that was a refusal.
    """

    __tablename__ = "lti_passbacks"
    __table_args__ = (
        UniqueConstraint("line_item_id", "user_id"),
        Index("ix_lti_passbacks_state_due_at", "state", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    line_item_id: Mapped[int] = mapped_column(ForeignKey("lti_line_items.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    subject: Mapped[str] = mapped_column(String(255))
    state: Mapped[Delivery] = mapped_column(closed(Delivery), default=Delivery.IDLE)
    wanted: Mapped[dict[str, Any] | None]
    sent: Mapped[dict[str, Any] | None]
    sent_at: Mapped[datetime | None]
    stamp: Mapped[datetime | None]
    due_at: Mapped[datetime] = mapped_column(default=now)
    leased_until: Mapped[datetime | None]
    lease: Mapped[uuid.UUID | None]
    tries: Mapped[int] = mapped_column(default=0)
    refusals: Mapped[int] = mapped_column(default=0, server_default="0")
    refusal_status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)

    line_item: Mapped[LineItem] = relationship()
    user: Mapped[User] = relationship()

    @property
    def cause(self) -> Cause | None:
        """The likely cause of the last failure, if the platform refused the score."""
        return None if self.refusal_status is None else _CAUSES.get(self.refusal_status, Cause.OTHER)
