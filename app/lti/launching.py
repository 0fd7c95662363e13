"""A verified launch into what it is for: somebody logged in, an assignment, a line item to pass points back to."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth import service as auth
from app.db.base import now
from app.lti import accounts, addresses, delivery_repository, repository
from app.lti.messages import ENDPOINT, SCORE_SCOPE, Message
from app.lti.models import LineItem, Passback, Platform, Ticket, TicketKind
from app.lti.refusals import LaunchRefused, Reason
from app.users import repository as users
from app.users.models import Role, User
from app.users.service import digest

_TICKET_LIFETIME = {TicketKind.OPEN: timedelta(minutes=5), TicketKind.PICK: timedelta(hours=1)}
_LONGEST_URL = 1000


@dataclass(frozen=True)
class Entry:
    """Where a launch leads, and as whom."""

    user_id: int
    token_id: int
    path: str


def enter(session: Session, platform: Platform, message: Message, *, allow_local: bool) -> Entry:
    """Find the person and the assignment, and remember where the points go. Raises `LaunchRefused`."""
    slug = message.assignment
    if slug is not None:
        check_assignment(session, slug)
    user = accounts.of(session, platform, message)
    if slug is not None and message.is_learner and not message.is_staff:
        _remember_line_item(session, platform, message, slug, user, allow_local=allow_local)
    token = accounts.token_of(session, user, platform)
    staff = message.is_staff and user.role is not Role.STUDENT
    path = "/" if slug is None else f"/dashboard/{slug}" if staff else f"/?assignment={slug}"
    return Entry(user.id, token.id, path)


def check_assignment(session: Session, slug: str) -> None:
    """Raise `LaunchRefused` unless the assignment is published."""
    try:
        assignments.current(session, slug)
    except assignments.AssignmentNotFound as error:
        raise LaunchRefused(Reason.ASSIGNMENT, slug) from error


def log_in(session: Session, entry: Entry, former: str | None, *, days: int) -> str:
    """A browser session for who launched: the cookie's value. The browser's former session ends."""
    token = users.token(session, entry.token_id)
    if token is None or token.revoked_at is not None:
        raise LaunchRefused(Reason.TICKET)
    if former is not None:
        auth.log_out(session, former)
    return auth.open_session(session, token, days=days)


def ticket(session: Session, kind: TicketKind, platform: Platform, content: dict[str, Any]) -> str:
    """A ticket for the next step of a launch, to be shown once."""
    secret = secrets.token_urlsafe(32)
    moment = now()
    expires_at = moment + _TICKET_LIFETIME[kind]
    kept = Ticket(ticket=digest(secret), kind=kind, platform_id=platform.id, content=content, expires_at=expires_at)
    repository.add_ticket(session, kept, moment)
    return secret


def redeem(session: Session, secret: str, kind: TicketKind) -> Ticket:
    """What a ticket is for; it is worth nothing any more. Raises `LaunchRefused`."""
    found = repository.take_ticket(session, digest(secret), kind)
    if found is None or found.expires_at <= now():
        raise LaunchRefused(Reason.TICKET)
    return found


def _remember_line_item(
    session: Session, platform: Platform, message: Message, slug: str, user: User, *, allow_local: bool
) -> None:
    endpoint = message.claims.get(ENDPOINT)
    if not isinstance(endpoint, dict):
        return
    url, scopes = endpoint.get("lineitem"), endpoint.get("scope")
    if not isinstance(url, str) or not isinstance(scopes, list) or SCORE_SCOPE not in scopes:
        return
    if len(url) > _LONGEST_URL or not addresses.is_known(url, platform.hosts, allow_local=allow_local):
        # No reason to keep a student out; the admins see it, and what to do.
        platform.trouble = f"{url[:200]} is not at a registered host: add it with `assay lti add ... --host HOST`."
        return
    item = repository.line_item(session, platform.id, url)
    if item is None:
        item = LineItem(platform_id=platform.id, url=url, slug=slug, context=message.context)
        session.add(item)
        session.flush()
    item.slug, item.context = slug, message.context
    row = delivery_repository.of_student(session, item.id, user.id)
    if row is None:
        session.add(Passback(line_item_id=item.id, user_id=user.id, subject=message.subject))
    else:
        row.subject = message.subject
    session.flush()
