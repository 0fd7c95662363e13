"""The person of a launch: the one that is linked, one that the platform's rule finds, or a new one.

E-mail addresses identify nobody, and admins are never linked: otherwise a platform's operator could become any admin.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from sqlalchemy.orm import Session

from app.audit import service as audit
from app.courses import service as courses
from app.courses.names import FIRST
from app.lti import repository
from app.lti.messages import Message
from app.lti.models import Identity, Match, Platform
from app.lti.refusals import LaunchRefused, Reason
from app.users import enrolments
from app.users import repository as user_repository
from app.users import service as users
from app.users.models import Enrolment, Role, Token, User
from app.users.roster import LOGIN

_TOKEN_HINT = "(LTI)"  # noqa: S105 - shown where other tokens show their beginning


def person_of(session: Session, platform: Platform, message: Message, course: str) -> tuple[User, Role]:
    """Find or create the person of a verified launch, and their role in its course. Raises `LaunchRefused`."""
    role = _role(platform, message)
    identity = repository.identity(session, platform.issuer, message.subject)
    if identity is None:
        identity = _link(session, platform, message, role, course)
    user = identity.user
    if user.role is Role.ADMIN:
        raise LaunchRefused(Reason.MATCH_PRIVILEGED, user.login)
    if identity.made:
        _follow_name(session, platform, message, user)
    enrolment = _enrol(session, platform, user, role, course, made=identity.made)
    _check_privileges(platform, user)
    if enrolment.dropped_at is not None:
        raise LaunchRefused(Reason.DROPPED, user.login)
    return user, enrolment.role


def known_person(session: Session, platform: Platform, message: Message) -> User | None:
    """The person of a launch who is linked or whom the platform's rule finds. Raises `LaunchRefused`."""
    identity = repository.identity(session, platform.issuer, message.subject)
    return identity.user if identity is not None else _match(session, platform, _matched_value(platform, message))


def login_token(session: Session, user: User, platform: Platform) -> Token:
    """The token with which launches log a person in. Its secret is discarded; after a revocation a new one is made."""
    token = user_repository.valid_token(session, user, _TOKEN_HINT)
    if token is None:
        token = Token(user_id=user.id, digest=users.digest(secrets.token_urlsafe(32)), hint=_TOKEN_HINT)
        session.add(token)
        session.flush()
        audit.record(session, _actor(platform), "token.create", user.login, token=token.id)
    return token


def _enrol(
    session: Session, platform: Platform, user: User, role: Role | None, course: str, *, made: bool
) -> Enrolment:
    """Enrol the person of a launch in its course alone, so that nobody gets or loses rights in another.

    A person that launches made follows the platform, so that former staff lose their rights. The role of a person from
    a roster stays: there, it is the roster's. So does that of an instructor, as long as the platform says staff.
    """
    row = user_repository.enrolment(session, user.id, course)
    if row is not None and (role is None or not made or (row.role is Role.INSTRUCTOR and role is Role.TA)):
        return row
    if role is None:
        raise LaunchRefused(Reason.STAFF_UNKNOWN)
    if row is None or row.dropped_at is not None:
        _require_open(session, course)
    if row is None or row.role is not role:
        audit.record(session, _actor(platform), "lti.role", user.login, role=role.value, **_told(course))
    if course == FIRST:
        user.role = role
    return enrolments.enrol(session, user, course, role)


def _require_open(session: Session, course: str) -> None:
    """Refuse who would be new in an archived course. Who is in it reads on, and loses rights as before."""
    if courses.is_archived(session, course):
        raise LaunchRefused(Reason.ARCHIVED, course)


def _told(course: str) -> dict[str, str]:
    """The course as a detail of an audit entry, where it is not the first."""
    return {} if course == FIRST else {"course": course}


def _follow_name(session: Session, platform: Platform, message: Message, user: User) -> None:
    """Take the name of a person that launches made from the platform; one from a roster keeps the roster's."""
    if message.name and user.name != message.name:
        audit.record(session, _actor(platform), "lti.name", user.login, former=user.name, name=message.name)
        user.name = message.name


def _role(platform: Platform, message: Message) -> Role | None:
    """The role that a launch gives; ``None`` for staff of a platform whose staff get no rights here.

    A student who is also an assistant is a student where the platform's staff get no rights.
    """
    if message.is_staff and platform.staff:
        return Role.TA
    if message.is_learner:
        return Role.STUDENT
    if message.is_staff:
        return None
    raise LaunchRefused(Reason.ROLE)


def _matched_value(platform: Platform, message: Message) -> str | None:
    return message.claim(platform.match_claim) if platform.match_claim is not None else None


def _link(session: Session, platform: Platform, message: Message, role: Role | None, course: str) -> Identity:
    value = _matched_value(platform, message)
    user = _match(session, platform, value)
    made = user is None
    if user is None:
        user = _create(session, platform, message, role, value, course)
    identity = Identity(issuer=platform.issuer, subject=message.subject, user_id=user.id, made=made, user=user)
    session.add(identity)
    session.flush()
    audit.record(session, _actor(platform), "lti.link", user.login, known_as=message.subject, made=made)
    return identity


def _match(session: Session, platform: Platform, value: str | None) -> User | None:
    if platform.match_field is None:
        return None
    if value is None:
        raise LaunchRefused(Reason.MATCH_MISSING, platform.match_claim or "")
    if platform.match_field is Match.LOGIN:
        user = user_repository.by_login(session, value)
    else:
        matches = user_repository.with_student_id(session, value)
        if len(matches) > 1:
            raise LaunchRefused(Reason.MATCH_UNUSABLE, value)
        user = matches[0] if matches else None
    if user is None:
        return None
    _check_privileges(platform, user)
    if repository.identity_of(session, platform.issuer, user.id) is not None:
        # Two people of the platform would share this account.
        raise LaunchRefused(Reason.MATCH_UNUSABLE, value)
    return user


def _check_privileges(platform: Platform, user: User) -> None:
    """Refuse accounts with more rights, in any course, than the platform may give: a launch opens the whole account."""
    is_staff = any(row.role is not Role.STUDENT and row.dropped_at is None for row in user.enrolments)
    if user.role is Role.ADMIN or (is_staff and not platform.staff):
        raise LaunchRefused(Reason.MATCH_PRIVILEGED, user.login)


def _create(
    session: Session, platform: Platform, message: Message, role: Role | None, value: str | None, course: str
) -> User:
    if role is None:
        raise LaunchRefused(Reason.STAFF_UNKNOWN)
    _require_open(session, course)
    subject_hash = hashlib.sha256(f"{platform.issuer}\0{message.subject}".encode()).hexdigest()
    login, student_id = f"{platform.name}-{subject_hash[:12]}", None
    if value is not None and platform.match_field is Match.LOGIN:
        login = value
    elif value is not None:
        student_id = value
    if not re.fullmatch(LOGIN, login) or len(student_id or "") > 80:
        raise LaunchRefused(Reason.MATCH_UNUSABLE, value or login)
    return users.create_user(
        session,
        login=login,
        name=message.name or login,
        role=role,
        student_id=student_id,
        course=course,
        actor=_actor(platform),
    )


def _actor(platform: Platform) -> str:
    return f"lti {platform.name}"
