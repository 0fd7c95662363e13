"""Taking a hand-in: check it, store it byte for byte, enqueue its grading; all in one transaction."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast, get_args

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.db.base import now
from app.db.engine import Database
from app.problems import Conflict, Forbidden, Unprocessable
from app.queue.port import JobEngine, attempt_priority
from app.submissions import parts, quota, repository
from app.submissions.extensions import service as extensions
from app.submissions.models import Submission, SubmissionPart
from app.submissions.parts import Field
from app.users import service as users
from grader.assignment import PARTS, Assignment
from grader.checks.choice import AnswersError, read_answers
from grader.lateness import closes
from grader.submission import Part

Repair = Literal["suggest", "apply"]
FIELDS: Mapping[str, int] = {**parts.LARGEST, "assignment": 256, "student": 256, "repair": 256}
"""Every field of the form with its largest size in bytes."""


class NothingHandedIn(Unprocessable):
    """The submission has no usable part. Send at least one part that is not empty."""

    slug = "nothing-handed-in"


class UnreadableAnswers(Unprocessable):
    """The answers are not a JSON object like `{"2.2": "softer", "3.2": "no"}`."""

    slug = "unreadable-answers"


class UnreadableField(Unprocessable):
    """A field of the form cannot be read."""

    slug = "unreadable-field"


class IdempotencyKeyReused(Unprocessable):
    """This Idempotency-Key was used for another submission. Use a new key for each submission."""

    slug = "idempotency-key-reused"


class AssignmentClosed(Conflict):
    """The assignment does not accept submissions now."""

    slug = "assignment-closed"


@dataclass(frozen=True)
class Received:
    """A form that was understood. ``digest`` is equal for equal forms."""

    assignment: str
    student: str | None
    repair: Repair
    parts: Mapping[str, Part]

    @property
    def digest(self) -> str:
        """SHA-256 over all that was sent."""
        names = json.dumps({name: part.filename for name, part in self.parts.items()}, sort_keys=True)
        return parts.digest(self.parts, self.assignment, self.student or "", self.repair, names)


def understand(fields: Mapping[str, Field]) -> Received:
    """Read the fields of the form. Raises a problem that says which field is wrong and why."""
    handed_in = {
        name: Part(fields[name].data, parts.file_name(fields[name].filename))
        for name in PARTS
        if name in fields and not parts.is_empty(name, fields[name].data)
    }
    assignment = _text(fields, "assignment")
    if not assignment:
        raise UnreadableField("The field assignment is missing. It names the assignment, for example hw13.")
    if "answers" in handed_in:
        try:
            answers = read_answers(handed_in["answers"].data)
        except AnswersError as error:
            raise UnreadableAnswers(f"{UnreadableAnswers().detail} {error}") from error
        if not answers:
            del handed_in["answers"]
    if not handed_in:
        raise NothingHandedIn(f"{NothingHandedIn().detail} The parts are {', '.join(PARTS)}.")
    return Received(assignment, _text(fields, "student") or None, _repair(fields), handed_in)


@dataclass(frozen=True)
class Target:
    """Whose hand-in it is, and to what: all that can be read before anything is written."""

    user_id: int
    assignment_id: int
    assignment: Assignment
    extended_to: datetime | None


def target(session: Session, viewer: Viewer, received: Received) -> Target:
    """Raises `AssignmentNotFound`, `UserNotFound` or `Forbidden`."""
    user_id = _student(session, viewer, received.student)
    published = assignments.current(session, received.assignment)
    extended_to = None if viewer.is_staff else extensions.deadline(session, published.slug, user_id)
    return Target(user_id, published.id, assignments.definition(published), extended_to)


def store(
    database: Database, engine: JobEngine, viewer: Viewer, received: Received, idempotency_key: str | None
) -> uuid.UUID:
    """`hand_in`, stored when this returns: reads first, so that nobody waits for that to write to SQLite."""
    with database.read() as session:
        found = target(session, viewer, received)
    return database.write_together(lambda session: hand_in(session, engine, viewer, received, idempotency_key, found))


def hand_in(
    session: Session,
    engine: JobEngine,
    viewer: Viewer,
    received: Received,
    idempotency_key: str | None,
    found: Target | None = None,
) -> uuid.UUID:
    """Store the hand-in and enqueue its grading; the same key and form answer the same submission again.

    ``found`` is its `target`, where that was read before.

    Raises `IdempotencyKeyReused`, `AssignmentClosed` or `QuotaSpent`, and what `target` raises.
    """
    # Hashed before the first statement, with which a SQLite transaction takes the one place to write.
    digest, content_key = received.digest, parts.digest(received.parts, received.repair)
    blobs = {name: hashlib.sha256(part.data).hexdigest() for name, part in received.parts.items()}
    found = found or target(session, viewer, received)
    user_id, assignment = found.user_id, found.assignment
    repository.lock_user(session, user_id)
    if idempotency_key is not None:
        earlier = repository.by_idempotency_key(session, user_id, idempotency_key)
        if earlier is not None:
            if earlier.body_digest != digest:
                raise IdempotencyKeyReused
            return earlier.id
    left = quota.of(session, user_id, assignment)
    if not viewer.is_staff:
        _check_open(assignment, found.extended_to)
        if left.next_at is not None:
            raise quota.QuotaSpent(left.per_day, left.next_at)
    submission = Submission(
        user_id=user_id,
        assignment_id=found.assignment_id,
        attempt=repository.next_attempt(session, user_id, assignment.slug),
        repair=received.repair,
        content_key=content_key,
        idempotency_key=idempotency_key,
        body_digest=digest,
        submitted_by_id=viewer.user_id,
        submitted_at=now(),
    )
    session.add(submission)
    session.flush()
    repository.store_blobs(session, {blobs[name]: part.data for name, part in received.parts.items()})
    session.add_all(
        SubmissionPart(submission_id=submission.id, name=name, filename=part.filename, blob_sha256=blobs[name])
        for name, part in received.parts.items()
    )
    engine.enqueue(session, submission.id, attempt_priority(left.used), assignment)
    return submission.id


def _student(session: Session, viewer: Viewer, login: str | None) -> int:
    if login is None or login == viewer.login:
        return viewer.user_id
    if not viewer.is_staff:
        raise Forbidden("Only the course's staff may submit for another person.")
    return users.find(session, login).id


def _check_open(assignment: Assignment, extended_to: datetime | None) -> None:
    schedule = assignment.schedule
    if schedule.opens is not None and now() < schedule.opens:
        raise AssignmentClosed(f"{assignment.slug} opens at {schedule.opens.isoformat()}.")
    end = closes(schedule, extended_to)
    if end is not None and now() > end:
        raise AssignmentClosed(
            f"{assignment.slug} closed at {end.isoformat()}. The course's staff can give you a later deadline."
        )


def _repair(fields: Mapping[str, Field]) -> Repair:
    wish = _text(fields, "repair") or "suggest"
    for known in get_args(Repair):
        if wish == known:
            return cast(Repair, known)
    raise UnreadableField(f"The field repair is {' or '.join(get_args(Repair))}, not {wish[:40]!r}.")


def _text(fields: Mapping[str, Field], name: str) -> str:
    if name not in fields:
        return ""
    try:
        value = fields[name].data.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise UnreadableField(f"The field {name} is not UTF-8 text.") from None
    if not value.isprintable():
        raise UnreadableField(f"The field {name} has control characters.")
    return value
