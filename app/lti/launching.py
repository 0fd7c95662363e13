"""From a verified launch to a browser session, an assignment, and a line item for the score."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth import service as auth
from app.courses.names import course_of
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
    """The path that a launch opens, and the person and token that it logs in."""

    user_id: int
    token_id: int
    path: str


def enter(session: Session, platform: Platform, message: Message, course: str, *, allow_local: bool) -> Entry:
    """Find the person and the assignment of a course, and store the line item for the score. Raises `LaunchRefused`."""
    slug = message.assignment
    if slug is not None:
        check_assignment(session, slug, course)
    user, role = accounts.person_of(session, platform, message, course)
    if slug is not None and message.is_learner:
        _store_line_item(session, platform, message, slug, user, allow_local=allow_local)
    token = accounts.login_token(session, user, platform)
    staff = message.is_staff and role is not Role.STUDENT
    path = "/" if slug is None else f"/dashboard/{slug}" if staff else f"/?assignment={slug}"
    return Entry(user.id, token.id, path)


def check_assignment(session: Session, slug: str, course: str) -> None:
    """Raise `LaunchRefused` unless the assignment is published in this course."""
    if course_of(slug) != course:
        raise LaunchRefused(Reason.ASSIGNMENT, slug)
    try:
        assignments.current(session, slug)
    except assignments.AssignmentNotFound as error:
        raise LaunchRefused(Reason.ASSIGNMENT, slug) from error


def log_in(session: Session, entry: Entry, former: str | None, *, days: int) -> str:
    """Open a browser session for a launch: the cookie's value. The browser's former session ends."""
    token = users.token(session, entry.token_id)
    if token is None or token.revoked_at is not None:
        raise LaunchRefused(Reason.TICKET)
    if former is not None:
        auth.log_out(session, former)
    return auth.open_session(session, token, days=days)


def create_ticket(session: Session, kind: TicketKind, platform: Platform, content: dict[str, Any]) -> str:
    """Create a single-use ticket for the next request of a launch: its secret."""
    secret = secrets.token_urlsafe(32)
    moment = now()
    expires_at = moment + _TICKET_LIFETIME[kind]
    ticket = Ticket(ticket=digest(secret), kind=kind, platform_id=platform.id, content=content, expires_at=expires_at)
    repository.add_ticket(session, ticket, moment)
    return secret


def redeem(session: Session, secret: str, kind: TicketKind) -> Ticket:
    """Use a ticket up. Raises `LaunchRefused` for one that is unknown, used, expired or of another kind."""
    ticket = repository.take_ticket(session, digest(secret), kind)
    if ticket is None or ticket.expires_at <= now():
        raise LaunchRefused(Reason.TICKET)
    return ticket


def _store_line_item(
    session: Session, platform: Platform, message: Message, slug: str, user: User, *, allow_local: bool
) -> None:
    endpoint = message.claims.get(ENDPOINT)
    if not isinstance(endpoint, dict):
        return
    url, scopes = endpoint.get("lineitem"), endpoint.get("scope")
    if not isinstance(url, str) or not isinstance(scopes, list) or SCORE_SCOPE not in scopes:
        return
    if len(url) > _LONGEST_URL or not addresses.is_registered(url, platform.hosts, allow_local=allow_local):
        # Let the student in all the same: admins read the trouble and its remedy.
        platform.trouble = f"{url[:200]} is not at a registered host: add it with `assay lti add ... --host HOST`."
        return
    item = repository.line_item(session, platform.id, url)
    if item is None:
        item = LineItem(platform_id=platform.id, url=url, slug=slug, context=message.context)
        session.add(item)
        session.flush()
    item.slug, item.context, item.context_id = slug, message.context, message.context_id
    row = delivery_repository.of_student(session, item.id, user.id)
    if row is None:
        session.add(Passback(line_item_id=item.id, user_id=user.id, subject=message.subject))
    else:
        row.subject = message.subject
    session.flush()
