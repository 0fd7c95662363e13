"""Submit: check the form, store its parts byte for byte and enqueue the grading in one transaction."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast, get_args

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth import access
from app.auth.viewer import Viewer
from app.courses import service as courses
from app.courses.names import course_of
from app.db.base import now
from app.db.engine import Database
from app.problems import Conflict, Forbidden, Unprocessable
from app.queue.port import JobEngine, attempt_priority
from app.submissions import parts, quota, repository
from app.submissions.extensions import service as extensions
from app.submissions.models import Submission, SubmissionPart
from app.submissions.parts import Field
from app.users import service as users
from grader import part_outputs
from grader.answers import AnswersError, read_answers
from grader.assignment import Assignment
from grader.lateness import closes
from grader.part_outputs import OutputNotFound
from grader.parts import MOST_BYTES, NAME_PATTERN, RESERVED_NAMES, PartKind
from grader.submission import Part, Repair

OUTPUT = "output-"
"""Before the name of a part: the field that takes the part from an output of a notebook. No part can have that name."""
_CONTROL_BYTES = 256
_PART_NAME = re.compile(NAME_PATTERN)


class NothingSubmitted(Unprocessable):
    """The submission has no usable part. Send at least one part that is not empty."""

    slug = "nothing-handed-in"


class UnreadableAnswers(Unprocessable):
    """The answers are not a JSON object like `{"2.2": "softer", "3.2": "no"}`."""

    slug = "unreadable-answers"


class UnreadableField(Unprocessable):
    """A field of the form cannot be read."""

    slug = "unreadable-field"


class NoSuchOutput(Unprocessable):
    """The notebook has no such output for this part."""

    slug = "no-such-output"


class IdempotencyKeyReused(Unprocessable):
    """This Idempotency-Key was used for another submission. Use a new key for each submission."""

    slug = "idempotency-key-reused"


class AssignmentClosed(Conflict):
    """The assignment does not accept submissions now."""

    slug = "assignment-closed"


@dataclass(frozen=True)
class Upload:
    """The content of a valid form. ``digest`` is equal for equal forms.

    ``from_outputs`` names the parts that were taken from an output of a notebook.
    """

    assignment: str
    student: str | None
    repair: Repair
    parts: Mapping[str, Part]
    from_outputs: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """SHA-256 of all fields."""
        names = json.dumps({name: part.filename for name, part in self.parts.items()}, sort_keys=True)
        return parts.digest(self.parts, self.assignment, self.student or "", self.repair, names)


def field_limit(name: str) -> int | None:
    """The largest size in bytes of a field of any assignment's form; ``None`` for a name that no part can have."""
    if name in RESERVED_NAMES or (_PART_NAME.fullmatch(name.removeprefix(OUTPUT)) and name.startswith(OUTPUT)):
        return _CONTROL_BYTES
    return MOST_BYTES if _PART_NAME.fullmatch(name) else None


def read_slug(fields: Mapping[str, Field]) -> str:
    """The assignment that the form names. Raises `UnreadableField`."""
    slug = _text(fields, "assignment")
    if not slug:
        raise UnreadableField("The field assignment is missing. It names the assignment, for example hw13.")
    return slug


def read_form(fields: Mapping[str, Field], assignment: Assignment) -> Upload:
    """Read the fields of the assignment's form.

    Raises `Unprocessable` with the wrong field and the reason, or `PartTooLarge`.
    """
    names = ", ".join(part.name for part in assignment.parts)
    outputs = {part.name: reference for part in assignment.parts if (reference := _text(fields, OUTPUT + part.name))}
    known = (
        RESERVED_NAMES | {part.name for part in assignment.parts} | {OUTPUT + part.name for part in assignment.parts}
    )
    for name in fields.keys() - known:
        raise parts.UnknownPart(f"There is no part {name[:60]!r}. The parts of {assignment.slug} are {names}.")
    uploaded = {}
    for part in assignment.parts:
        field = fields.get(part.name)
        if field is None or part.is_empty(field.data):
            continue
        if len(field.data) > part.limit:
            raise parts.PartTooLarge.of(part.name, part.limit)
        if part.kind is not PartKind.ANSWERS or _read_answers(field.data):
            uploaded[part.name] = Part(field.data, parts.clean_file_name(field.filename))
    if not uploaded:
        raise NothingSubmitted(f"{NothingSubmitted().detail} The parts are {names}.")
    if both := sorted(outputs.keys() & uploaded.keys()):
        raise NoSuchOutput(
            f"The part {both[0]} is uploaded, so it cannot come from an output too. Send one of the two."
        )
    try:
        uploaded = part_outputs.take(assignment.parts, uploaded, outputs)
    except OutputNotFound as error:
        raise NoSuchOutput(str(error), offers=[finding.reference for finding in error.offers]) from error
    student = _text(fields, "student") or None
    return Upload(assignment.slug, student, _repair(fields), uploaded, frozenset(outputs))


def _read_answers(data: bytes) -> Mapping[str, str]:
    try:
        return read_answers(data)
    except AnswersError as error:
        raise UnreadableAnswers(f"{UnreadableAnswers().detail} {error}") from error


@dataclass(frozen=True)
class Target:
    """The student and the assignment of a submission, read before anything is written."""

    user_id: int
    assignment_id: int
    assignment: Assignment
    extended_to: datetime | None


def find_target(session: Session, viewer: Viewer, upload: Upload) -> Target:
    """Find the student and the assignment.

    Raises `AssignmentNotFound`, `CourseArchived`, `UserNotFound` or `Forbidden`.
    """
    published = assignments.current(session, upload.assignment)
    courses.require_open(session, course_of(published.slug))
    user_id = _student(session, viewer, upload.student, course_of(published.slug))
    extended_to = None if viewer.is_staff else extensions.deadline(session, published.slug, user_id)
    return Target(user_id, published.id, assignments.definition(published), extended_to)


@dataclass(frozen=True)
class NewSubmission:
    """A submission as it was stored just now: all that its report needs, so that nothing is read again."""

    submission: Submission
    target: Target
    parts: Sequence[SubmissionPart]
    sizes: Mapping[str, int]
    has_free_cancel: bool


@dataclass(frozen=True)
class Receipt:
    """The id of a stored submission. ``new`` is ``None`` for an earlier one of the same idempotency key."""

    id: uuid.UUID
    new: NewSubmission | None = None


def submit(
    database: Database, engine: JobEngine, viewer: Viewer, upload: Upload, idempotency_key: str | None
) -> Receipt:
    """Commit the submission. Raises what `add_submission` raises.

    A separate transaction reads the target, because SQLite lets one writer through at a time.
    """
    viewer = access.within_assignment(viewer, upload.assignment)
    with database.read() as session:
        target = find_target(session, viewer, upload)
    return database.write_in_group(lambda session: _add(session, engine, viewer, upload, idempotency_key, target))


def add_submission(
    session: Session, engine: JobEngine, viewer: Viewer, upload: Upload, idempotency_key: str | None
) -> uuid.UUID:
    """Store the submission and enqueue its grading. The same key with the same form returns the earlier submission.

    Raises `IdempotencyKeyReused`, `AssignmentClosed` or `QuotaSpent`, and what `find_target` raises.
    """
    viewer = access.within_assignment(viewer, upload.assignment)
    return _add(session, engine, viewer, upload, idempotency_key, find_target(session, viewer, upload)).id


def _add(
    session: Session, engine: JobEngine, viewer: Viewer, upload: Upload, idempotency_key: str | None, target: Target
) -> Receipt:
    # Hash before the first statement, which takes the only write lock of SQLite.
    digest, content_key = upload.digest, parts.digest(upload.parts, upload.repair)
    blobs = {name: hashlib.sha256(part.data).hexdigest() for name, part in upload.parts.items()}
    user_id, assignment = target.user_id, target.assignment
    repository.lock_user(session, user_id)
    if idempotency_key is not None:
        earlier = repository.by_idempotency_key(session, user_id, idempotency_key)
        if earlier is not None:
            if earlier.body_digest != digest:
                raise IdempotencyKeyReused
            return Receipt(earlier.id)
    attempts = quota.of(session, user_id, assignment)
    if not viewer.is_staff:
        _check_open(assignment, target.extended_to)
        if attempts.next_at is not None:
            raise quota.QuotaSpent(attempts.per_day, attempts.next_at)
    submission = Submission(
        user_id=user_id,
        assignment_id=target.assignment_id,
        attempt=repository.next_attempt(session, user_id, assignment.slug),
        repair=upload.repair,
        content_key=content_key,
        idempotency_key=idempotency_key,
        body_digest=digest,
        submitted_by_id=viewer.user_id,
        submitted_at=now(),
    )
    session.add(submission)
    session.flush()
    repository.store_blobs(session, {blobs[name]: part.data for name, part in upload.parts.items()})
    rows = [
        SubmissionPart(submission_id=submission.id, name=name, filename=part.filename, blob_sha256=blobs[name])
        for name, part in sorted(upload.parts.items())
    ]
    session.add_all(rows)
    engine.enqueue(session, submission.id, attempt_priority(attempts.used), assignment)
    sizes = {name: len(part.data) for name, part in upload.parts.items()}
    return Receipt(submission.id, NewSubmission(submission, target, rows, sizes, attempts.has_free_cancel))


def _student(session: Session, viewer: Viewer, login: str | None, course: str) -> int:
    if login is None or login == viewer.login:
        return viewer.user_id
    if not viewer.is_staff:
        raise Forbidden("Only the course's staff may submit for another person.")
    return users.find_member(session, login, course).id


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
    value = _text(fields, "repair") or "suggest"
    if value not in get_args(Repair):
        raise UnreadableField(f"The field repair is {' or '.join(get_args(Repair))}, not {value[:40]!r}.")
    return cast(Repair, value)


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
