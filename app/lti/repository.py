"""SQL of keys, platforms, launches and identities; scores have `app.lti.delivery_repository`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session, joinedload, undefer

from app.lti.models import (
    Context,
    Identity,
    LineItem,
    Passback,
    PendingLogin,
    Platform,
    RegistrationLink,
    Ticket,
    TicketKind,
    ToolKey,
)

_NO_SYNC = {"synchronize_session": False}


def published_keys(session: Session, moment: datetime) -> list[ToolKey]:
    """The published keys, the newest first."""
    query = select(ToolKey).where(or_(ToolKey.ends_at.is_(None), ToolKey.ends_at > moment))
    return list(session.scalars(query.order_by(ToolKey.signs_from.desc())))


def signing_key(session: Session, moment: datetime) -> ToolKey | None:
    """The newest key that may sign now, with its private key."""
    query = select(ToolKey).where(ToolKey.signs_from <= moment).order_by(ToolKey.signs_from.desc()).limit(1)
    return session.scalar(query.options(undefer(ToolKey.private_pem)))


def delete_ended_keys(session: Session, moment: datetime) -> None:
    """Delete keys that are no longer published."""
    session.execute(delete(ToolKey).where(ToolKey.ends_at <= moment), execution_options=_NO_SYNC)


def platforms(session: Session) -> list[Platform]:
    """Every platform, by name."""
    return list(session.scalars(select(Platform).order_by(Platform.name)))


def load_platform(session: Session, platform_id: int) -> Platform:
    """The platform that has this id. Raises ``NoResultFound``."""
    return session.get_one(Platform, platform_id)


def platform_named(session: Session, name: str) -> Platform | None:
    """A platform by its name here."""
    return session.scalar(select(Platform).where(Platform.name == name))


def platforms_of(session: Session, issuer: str, client_id: str | None) -> list[Platform]:
    """The platforms with this issuer, and this client id where one is given."""
    query = select(Platform).where(Platform.issuer == issuer)
    if client_id is not None:
        query = query.where(Platform.client_id == client_id)
    return list(session.scalars(query.limit(2)))


def platform(session: Session, platform_id: int) -> Platform | None:
    """A platform by its id."""
    return session.get(Platform, platform_id)


def delete_platform(session: Session, platform: Platform) -> None:
    """Delete a platform with its line items, scores and pending launches. People and identities stay."""
    items = select(LineItem.id).where(LineItem.platform_id == platform.id)
    session.execute(delete(Passback).where(Passback.line_item_id.in_(items)), execution_options=_NO_SYNC)
    for table in (Context, LineItem, PendingLogin, Ticket):
        session.execute(delete(table).where(table.platform_id == platform.id), execution_options=_NO_SYNC)
    session.delete(platform)
    session.flush()


def context(session: Session, platform_id: int, deployment: str, context_id: str) -> Context | None:
    """A course of a platform."""
    query = select(Context).where(Context.platform_id == platform_id, Context.deployment == deployment)
    return session.scalar(query.where(Context.context_id == context_id))


def context_by_id(session: Session, identifier: int) -> Context | None:
    """A course of a platform by its number here."""
    return session.get(Context, identifier)


def contexts(session: Session, platform_id: int) -> list[Context]:
    """The courses of a platform that launched or are linked: those without a link first, then by name."""
    query = select(Context).where(Context.platform_id == platform_id)
    return list(session.scalars(query.order_by(Context.course.is_not(None), Context.title, Context.id)))


def count_unlinked(session: Session) -> dict[int, int]:
    """How many courses of each platform launched and have no link, by the platform's number."""
    query = (
        select(Context.platform_id, func.count().label("number"))
        .where(Context.course.is_(None))
        .group_by(Context.platform_id)
    )
    return {row.platform_id: row.number for row in session.execute(query)}


def add_login(session: Session, login: PendingLogin, moment: datetime) -> None:
    """Store a pending launch; delete expired ones."""
    session.execute(delete(PendingLogin).where(PendingLogin.expires_at <= moment), execution_options=_NO_SYNC)
    session.add(login)


def take_login(session: Session, state: str) -> PendingLogin | None:
    """Delete and return the pending launch with this state's digest: one caller gets it."""
    login = session.get(PendingLogin, state)
    if login is None:
        return None
    done = session.execute(delete(PendingLogin).where(PendingLogin.state == state), execution_options=_NO_SYNC)
    session.expunge(login)
    return login if done.rowcount else None  # type: ignore[attr-defined]


def add_ticket(session: Session, ticket: Ticket, moment: datetime) -> None:
    """Store a ticket; delete expired ones."""
    session.execute(delete(Ticket).where(Ticket.expires_at <= moment), execution_options=_NO_SYNC)
    session.add(ticket)


def take_ticket(session: Session, digest: str, kind: TicketKind) -> Ticket | None:
    """Delete and return the ticket with this digest: one caller gets it."""
    ticket = session.get(Ticket, digest)
    if ticket is None or ticket.kind is not kind:
        return None
    done = session.execute(delete(Ticket).where(Ticket.ticket == digest), execution_options=_NO_SYNC)
    session.expunge(ticket)
    return ticket if done.rowcount else None  # type: ignore[attr-defined]


def add_registration_link(session: Session, link: RegistrationLink, moment: datetime) -> None:
    """Store a link; delete expired ones."""
    expired = delete(RegistrationLink).where(RegistrationLink.expires_at <= moment)
    session.execute(expired, execution_options=_NO_SYNC)
    session.add(link)


def registration_link(session: Session, secret: str) -> RegistrationLink | None:
    """The link with this digest."""
    return session.get(RegistrationLink, secret)


def take_registration_link(session: Session, secret: str) -> bool:
    """Delete the link with this digest: one caller does."""
    query = delete(RegistrationLink).where(RegistrationLink.secret == secret)
    return bool(session.execute(query, execution_options=_NO_SYNC).rowcount)  # type: ignore[attr-defined]


def identity(session: Session, issuer: str, subject: str) -> Identity | None:
    """The identity of a subject at an issuer, with its person."""
    query = select(Identity).where(Identity.issuer == issuer, Identity.subject == subject)
    return session.scalar(query.options(joinedload(Identity.user)))


def identity_of(session: Session, issuer: str, user_id: int) -> Identity | None:
    """The identity of a person at an issuer."""
    return session.scalar(select(Identity).where(Identity.issuer == issuer, Identity.user_id == user_id))


def line_item(session: Session, platform_id: int, url: str) -> LineItem | None:
    """A column of a platform's gradebook."""
    return session.scalar(select(LineItem).where(LineItem.platform_id == platform_id, LineItem.url == url))
