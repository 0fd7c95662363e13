"""Delete what is stored of a person: a number stays in scores and in the audit log."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.audit import redaction
from app.audit import service as audit
from app.db.base import now
from app.personal_data import repository
from app.problems import Conflict
from app.submissions import upload_repository
from app.users import service as users
from app.users.models import User


class CannotDelete(Conflict):
    """The data of this person cannot be deleted."""

    slug = "cannot-delete"


@dataclass(frozen=True)
class Deletion:
    """What deleting a person's data removes. ``shared`` files stay, because others uploaded the same bytes.

    ``number`` takes the place of the login. ``obstacle`` is why nothing can be deleted now.
    """

    user: User
    number: str
    submissions: int
    parts: int
    evidence: int
    files: int
    shared: int
    requests: int
    audit_entries: int
    obstacle: str | None


def plan(session: Session, login: str, *, actor: str) -> Deletion:
    """What deleting a person's data would remove. Raises `UserNotFound`."""
    user = users.find(session, login)
    files, shared = (len(found(session, user.id)) for found in (repository.blobs, repository.blobs_of_others))
    counts = repository.counts(session, user.id)
    return Deletion(
        user=user,
        number=f"deleted-{user.id}",
        submissions=len(repository.submissions(session, user.id)),
        parts=counts["parts"],
        evidence=counts["evidence"],
        files=files - shared,
        shared=shared,
        requests=len(repository.requests(session, user.id)),
        audit_entries=len(redaction.mentioning(session, _person(session, user))),
        obstacle=_obstacle(session, user, actor),
    )


def delete(session: Session, login: str, *, actor: str) -> Deletion:
    """Delete a person's data for good, in the caller's transaction. Raises `UserNotFound` or `CannotDelete`."""
    deletion = plan(session, login, actor=actor)
    user, moment = deletion.user, now()
    if deletion.obstacle is not None:
        raise CannotDelete(deletion.obstacle)
    entries = redaction.redact(session, _person(session, user), deletion.number)
    ids = [submission.id for submission in repository.submissions(session, user.id)]
    upload_repository.delete_uploads(session, ids)
    repository.clear_results(session, ids)
    repository.forget_regrades(session, ids)
    repository.forget_conditions(session, user.login, deletion.number)
    repository.forget_accounts(session, user.id, moment)
    repository.rename(user, deletion.number, moment)
    session.flush()
    session.expire_all()
    audit.record(session, actor, redaction.ACTION, deletion.number, submissions=len(ids), entries=entries)
    return deletion


def _person(session: Session, user: User) -> redaction.Person:
    own = (str(submission.id) for submission in repository.submissions(session, user.id))
    return redaction.Person(user.login, user.name, user.student_id, frozenset(own))


def _obstacle(session: Session, user: User, actor: str) -> str | None:
    if user.deleted_at is not None:
        return "The data of this person is deleted already."
    if user.login == actor:
        return "Nobody deletes their own data; another admin does."
    if user.login == users.BOOTSTRAP_LOGIN:
        return f"The login {users.BOOTSTRAP_LOGIN} belongs to the settings of this service."
    if unfinished := repository.unfinished(session, user.id):
        return f"Submissions being graded: {unfinished}. Wait until they have ended, or cancel them."
    if regrades := repository.open_regrades(session, user.id):
        return f"Regrade {regrades[0]} is open and needs these submissions. Publish or cancel it first."
    return None
