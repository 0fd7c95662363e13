"""People and tokens: create, import, revoke.

Every function works in the caller's transaction and writes the audit; ``actor`` is the login of who asked, or the
name of a command.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import secrets
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.audit import service as audit
from app.db.base import now
from app.problems import Conflict, NotFound, Unprocessable
from app.users.models import Role, Token, User

LOGIN = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,79}$"
BOOTSTRAP_LOGIN = "admin"
_BOOTSTRAP_HINT = "(setting)"
_PREFIX = "assay_"


class LoginTaken(Conflict):
    """Somebody has this login already."""

    slug = "login-taken"


class UserNotFound(NotFound):
    """Nobody has this login."""

    slug = "user-not-found"


class TokenNotFound(NotFound):
    """There is no such token."""

    slug = "token-not-found"


class RosterError(Unprocessable):
    """The roster cannot be read. It is a CSV file with the columns login, name, role and student_id."""

    slug = "roster"


@dataclass(frozen=True)
class NewToken:
    """A token at the only moment its ``secret`` is known."""

    id: int
    secret: str


@dataclass(frozen=True)
class Imported:
    """One row of a roster after its import. ``token`` is set for people who are new."""

    login: str
    name: str
    role: Role
    student_id: str | None
    token: str | None


def digest(secret: str) -> str:
    """What is stored of a secret: its SHA-256. Secrets are 32 random bytes, so nothing slower is needed."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def find(session: Session, login: str) -> User:
    """The person with this login. Raises `UserNotFound`."""
    user = session.scalar(select(User).where(User.login == login))
    if user is None:
        raise UserNotFound(f"Nobody has the login {login}.")
    return user


def people(session: Session, text: str, *, after: str = "", limit: int) -> list[User]:
    """People by login whose login, name or student id contains the text, those that come ``after`` a login."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = f"%{escaped}%"
    matches = or_(*(column.ilike(pattern, escape="\\") for column in (User.login, User.name, User.student_id)))
    query = select(User).where(matches, User.login > after).order_by(User.login).limit(limit)
    return list(session.scalars(query))


def tokens(session: Session, user: User) -> list[Token]:
    """Every token of a person, the newest first. Their secrets are not known."""
    return list(session.scalars(select(Token).where(Token.user_id == user.id).order_by(Token.id.desc())))


def create_user(
    session: Session, *, login: str, name: str, role: Role, actor: str, student_id: str | None = None
) -> User:
    """Add a person. Raises `LoginTaken`, and `ValueError` for a login that is none."""
    if not re.fullmatch(LOGIN, login):
        raise ValueError(f"{login!r} is no login: letters, digits and . _ @ + - only, 80 at most")
    if session.scalar(select(User.id).where(User.login == login)) is not None:
        raise LoginTaken(f"The login {login} is taken.")
    user = User(login=login, name=name, role=role, student_id=student_id)
    session.add(user)
    session.flush()
    audit.record(session, actor, "user.create", login, role=role.value)
    return user


def create_token(session: Session, user: User, *, actor: str) -> NewToken:
    """A new token for a person; the others stay valid."""
    secret = _PREFIX + secrets.token_urlsafe(32)
    token = Token(user_id=user.id, digest=digest(secret), hint=secret[: len(_PREFIX) + 4])
    session.add(token)
    session.flush()
    audit.record(session, actor, "token.create", user.login, token=token.id)
    return NewToken(token.id, secret)


def revoke_token(session: Session, token_id: int, *, actor: str) -> None:
    """Make a token, and every browser login made with it, worthless. Raises `TokenNotFound`."""
    token = session.get(Token, token_id)
    if token is None or token.revoked_at is not None:
        raise TokenNotFound
    token.revoked_at = now()
    audit.record(session, actor, "token.revoke", token.user.login, token=token.id)


def bootstrap_admin(session: Session, secret: str) -> None:
    """Make ``secret`` the token of the user `admin`; an earlier token from the settings ends."""
    admin = session.scalar(select(User).where(User.login == BOOTSTRAP_LOGIN))
    if admin is None:
        admin = create_user(session, login=BOOTSTRAP_LOGIN, name="Administrator", role=Role.ADMIN, actor="settings")
    wanted = digest(secret)
    for former in session.scalars(select(Token).where(Token.hint == _BOOTSTRAP_HINT, Token.digest != wanted)):
        former.revoked_at = former.revoked_at or now()
    token = session.scalar(select(Token).where(Token.digest == wanted))
    if token is None:
        session.add(Token(user_id=admin.id, digest=wanted, hint=_BOOTSTRAP_HINT))
    else:
        token.revoked_at = None


def import_roster(session: Session, text: str, *, actor: str) -> list[Imported]:
    """Read a roster: new people are added with a token, known ones get their name and student id updated.

    Columns ``login`` and ``name``, optional ``role`` (student by default) and ``student_id``. All rows or none: raises
    `RosterError` that names the row.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    columns = {(name or "").strip().lower() for name in rows.fieldnames or ()}
    if not {"login", "name"} <= columns:
        raise RosterError
    imported: list[Imported] = []
    seen: set[str] = set()
    for line, raw in enumerate(rows, start=2):
        row = {(key or "").strip().lower(): value.strip() for key, value in raw.items() if isinstance(value, str)}
        login = row.get("login", "")
        if not login and not any(row.values()):
            continue
        if login in seen:
            raise RosterError(f"Line {line}: {login} appears twice.")
        seen.add(login)
        imported.append(_import_row(session, line, row, actor))
    return imported


def _import_row(session: Session, line: int, row: dict[str, str], actor: str) -> Imported:
    if not re.fullmatch(LOGIN, row.get("login", "")):
        raise RosterError(f"Line {line}: {row.get('login')!r} is no login.")
    if not row.get("name") or "\0" in "".join(row.values()):
        raise RosterError(f"Line {line}: the name is missing or unreadable.")
    try:
        role = Role(row.get("role", "").lower() or Role.STUDENT)
    except ValueError:
        raise RosterError(f"Line {line}: the role is student, ta or admin, not {row['role']!r}.") from None
    student_id = row.get("student_id") or None
    user = session.scalar(select(User).where(User.login == row["login"]))
    if user is not None:
        if row.get("role") and user.role is not role:
            raise RosterError(f"Line {line}: {user.login} is {user.role.value}; an import changes no roles.")
        user.name, user.student_id = row["name"][:200], student_id or user.student_id
        return Imported(user.login, user.name, user.role, user.student_id, None)
    user = create_user(
        session, login=row["login"], name=row["name"][:200], role=role, actor=actor, student_id=student_id
    )
    return Imported(user.login, user.name, role, student_id, create_token(session, user, actor=actor).secret)
