"""Create, publish, revert and cancel regrades. The caller commits."""

from __future__ import annotations

import hashlib
import json
import uuid

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.assignments.models import PublishedAssignment
from app.audit import service as audit
from app.auth.viewer import Viewer
from app.courses import service as courses
from app.courses.names import course_of
from app.db.base import now
from app.problems import Conflict, NotFound, Unprocessable
from app.queue.port import JobEngine
from app.regrades import publishing, repository
from app.regrades.models import EntryState, Regrade, RegradeState
from app.regrades.schemas import ChangeView, RegradeFault, RegradeView, RegradeWish
from app.regrades.selection import Condition
from app.users import service as users
from grader.version import GRADER_VERSION

LISTED = 100


class RegradeNotFound(NotFound):
    """There is no such regrade."""

    slug = "regrade-not-found"


class RegradeOpen(Conflict):
    """Another regrade of this assignment is open. Publish or cancel it first."""

    slug = "regrade-open"


class WrongState(Conflict):
    """The state of the regrade does not allow this."""

    slug = "regrade-state"


class TargetNotPublished(Conflict):
    """This regrade tries a draft of the assignment. Publish the draft first."""

    slug = "draft-not-published"


class UnknownQuestion(Unprocessable):
    """The newest version of the assignment has no such question."""

    slug = "unknown-question"


def create(
    session: Session, engine: JobEngine, viewer: Viewer, wish: RegradeWish, draft: PublishedAssignment | None = None
) -> Regrade:
    """Create a regrade: select its submissions and enqueue the work. A ``draft`` scores in place of the newest version.

    Raises `AssignmentNotFound`, `CourseArchived`, `UserNotFound`, `UnknownQuestion` or `RegradeOpen`.
    """
    target = draft or assignments.current(session, wish.assignment)
    courses.require_open(session, course_of(target.slug))
    numbers = [question.number for question in assignments.definition(target).questions]
    requested = [*wish.questions, *([wish.where.question] if wish.where.question is not None else [])]
    for number in requested:
        if number not in numbers:
            raise UnknownQuestion(f"{target.slug} has no question {number[:16]!r}; it has {', '.join(numbers)}.")
    if wish.where.student is not None:
        users.find(session, wish.where.student)
    _refuse_second(session, target.slug)
    questions = [number for number in numbers if number in wish.questions]
    submission_ids = repository.select_submissions(session, target.slug, wish.where, questions)
    regrade = Regrade(
        slug=target.slug,
        target_id=target.id,
        kind=wish.kind,
        condition=wish.where.model_dump(mode="json", exclude_none=True),
        questions=questions,
        grader_version=GRADER_VERSION,
        total=len(submission_ids),
        created_by_id=viewer.user_id,
    )
    session.add(regrade)
    try:
        session.flush()
    except IntegrityError:
        # Another request created a regrade of this assignment after `_refuse_second`.
        raise RegradeOpen from None
    repository.add_entries(session, regrade.id, submission_ids)
    engine.enqueue_regrade(session, regrade.id)
    audit.record(
        session,
        viewer.login,
        "regrade.create",
        str(regrade.id),
        assignment=target.slug,
        version=target.version,
        is_draft=target.is_draft,
        kind=wish.kind.value,
        where=regrade.condition,
        questions=questions,
        total=len(submission_ids),
    )
    return regrade


def _refuse_second(session: Session, slug: str) -> None:
    other = repository.open_one(session, slug)
    if other is not None:
        raise RegradeOpen(
            f"Regrade {other.id} of {slug} is open ({other.state.value}). Publish or cancel it first.",
            regrade=str(other.id),
        )


def find(session: Session, regrade_id: uuid.UUID, *, lock: bool = False) -> Regrade:
    """A regrade. Raises `RegradeNotFound`."""
    regrade = repository.get(session, regrade_id, lock=lock)
    if regrade is None:
        raise RegradeNotFound
    return regrade


def publish(session: Session, viewer: Viewer, regrade_id: uuid.UUID) -> Regrade:
    """Let the previewed points count. Publishing twice changes nothing.

    Raises `RegradeNotFound`, `WrongState`, `TargetNotPublished`, `RegradeOutdated` or `RegradeTellsResults`.
    """
    regrade = find(session, regrade_id, lock=True)
    if regrade.state is RegradeState.PUBLISHED:
        return regrade
    _require(regrade, RegradeState.PREVIEW, "published")
    if regrade.target.is_draft:
        raise TargetNotPublished
    publishing.publish(session, regrade)
    _audit(session, viewer, regrade, "regrade.publish")
    return regrade


def revert(session: Session, viewer: Viewer, regrade_id: uuid.UUID) -> Regrade:
    """Restore the points from before publishing. Reverting twice changes nothing.

    Raises `RegradeNotFound`, `WrongState` or `RegradeOutdated`.
    """
    regrade = find(session, regrade_id, lock=True)
    if regrade.state is RegradeState.REVERTED:
        return regrade
    _require(regrade, RegradeState.PUBLISHED, "reverted")
    publishing.revert(session, regrade)
    _audit(session, viewer, regrade, "regrade.revert")
    return regrade


def cancel(session: Session, viewer: Viewer, regrade_id: uuid.UUID) -> Regrade:
    """Stop a regrade or discard its preview. Raises `RegradeNotFound` or `WrongState`."""
    regrade = find(session, regrade_id, lock=True)
    if regrade.state is RegradeState.CANCELLED:
        return regrade
    if not regrade.open:
        raise WrongState(f"This regrade is {regrade.state.value}; only a running or previewed one can be cancelled.")
    regrade.state, regrade.ended_at = RegradeState.CANCELLED, now()
    session.flush()
    audit.record(session, viewer.login, "regrade.cancel", str(regrade.id))
    return regrade


def _require(regrade: Regrade, state: RegradeState, verb: str) -> None:
    if regrade.state is not state:
        raise WrongState(f"This regrade is {regrade.state.value}; only one in state {state.value} can be {verb}.")


def _audit(session: Session, viewer: Viewer, regrade: Regrade, action: str) -> None:
    """Record the number and the digest of the changes in the audit chain; the changes stay with the regrade."""
    session.flush()
    changes_data = [
        [str(row.submission_id), row.question, row.old, row.new, row.reason]
        for row, _, _ in repository.visible_changes(session, regrade.id)
    ]
    digest = hashlib.sha256(json.dumps(changes_data).encode()).hexdigest()
    audit.record(session, viewer.login, action, str(regrade.id), changed=len(changes_data), changes_sha256=digest)


def view(session: Session, regrade: Regrade) -> RegradeView:
    """The regrade as the API and the pages show it."""
    return views(session, [regrade])[0]


def newest(session: Session) -> list[RegradeView]:
    """The latest regrades, newest first."""
    return views(session, repository.newest(session, LISTED))


def views(session: Session, regrades: list[Regrade]) -> list[RegradeView]:
    """Several regrades as the API and the pages show them."""
    identifiers = [regrade.id for regrade in regrades]
    counts = repository.progress(session, identifiers)
    changed = repository.changed(session, identifiers)
    return [_view(session, regrade, counts[regrade.id], changed.get(regrade.id, 0)) for regrade in regrades]


def _view(session: Session, regrade: Regrade, counts: dict[EntryState, int], changed: int) -> RegradeView:
    done = counts.get(EntryState.DONE, 0) + counts.get(EntryState.FAULT, 0)
    seconds = ((regrade.previewed_at or regrade.ended_at or now()) - regrade.created_at).total_seconds()
    rate = done / seconds if done and seconds > 0 else None
    running = regrade.state is RegradeState.RUNNING
    faults = repository.faults(session, regrade.id) if counts.get(EntryState.FAULT) else []
    return RegradeView(
        id=regrade.id,
        assignment=regrade.slug,
        version=regrade.target.version,
        is_draft=regrade.target.is_draft,
        kind=regrade.kind,
        state=regrade.state,
        done=done,
        total=regrade.total,
        changed=changed,
        faults=[RegradeFault(submission=row[0], student=row[1], reason=row[2] or "") for row in faults],
        where=Condition.model_validate(regrade.condition),
        questions=regrade.questions,
        grader_version=regrade.grader_version,
        rate=round(rate, 2) if rate is not None else None,
        seconds_left=round((regrade.total - done) / rate, 1) if running and rate else None,
        failure=regrade.failure,
        created_by=regrade.created_by.login,
        created_at=regrade.created_at,
        previewed_at=regrade.previewed_at,
        published_at=regrade.published_at,
        ended_at=regrade.ended_at,
    )


def changes(session: Session, regrade_id: uuid.UUID) -> list[ChangeView]:
    """All changes that students see, or would see after publishing. Raises `RegradeNotFound`."""
    regrade = find(session, regrade_id)
    return [
        ChangeView(
            submission=row.submission_id,
            student=login,
            question=row.question,
            old=row.old,
            new=row.new,
            reason=row.reason or "",
            override=override,
        )
        for row, login, override in repository.visible_changes(session, regrade.id)
    ]
