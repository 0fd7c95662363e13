"""Regrades from the wish to the end. Commit is the caller's."""

from __future__ import annotations

import hashlib
import json
import uuid

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.audit import service as audit
from app.auth.viewer import Viewer
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


class UnknownQuestion(Unprocessable):
    """The newest version of the assignment has no such question."""

    slug = "unknown-question"


def create(session: Session, engine: JobEngine, viewer: Viewer, wish: RegradeWish) -> Regrade:
    """Begin a regrade: choose its submissions and enqueue the work.

    Raises `AssignmentNotFound`, `UserNotFound`, `UnknownQuestion` or `RegradeOpen`.
    """
    target = assignments.current(session, wish.assignment)
    known = [question.number for question in assignments.definition(target).questions]
    named = [*wish.questions, *([wish.where.question] if wish.where.question is not None else [])]
    for number in named:
        if number not in known:
            raise UnknownQuestion(f"{target.slug} has no question {number[:16]!r}; it has {', '.join(known)}.")
    if wish.where.student is not None:
        users.find(session, wish.where.student)
    _refuse_second(session, target.slug)
    questions = [number for number in known if number in wish.questions]
    chosen = repository.select_submissions(session, target.slug, wish.where, questions)
    regrade = Regrade(
        slug=target.slug,
        target_id=target.id,
        kind=wish.kind,
        condition=wish.where.model_dump(mode="json", exclude_none=True),
        questions=questions,
        grader_version=GRADER_VERSION,
        total=len(chosen),
        created_by_id=viewer.user_id,
    )
    session.add(regrade)
    try:
        session.flush()
    except IntegrityError:
        # Somebody else's regrade began between our look and our row.
        raise RegradeOpen from None
    repository.add_entries(session, regrade.id, chosen)
    engine.enqueue_regrade(session, regrade.id)
    audit.record(
        session,
        viewer.login,
        "regrade.create",
        str(regrade.id),
        assignment=target.slug,
        version=target.version,
        kind=wish.kind.value,
        where=regrade.condition,
        questions=questions,
        total=len(chosen),
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
    """Let the previewed points count; once published, nothing happens again.

    Raises `RegradeNotFound`, `WrongState` or `RegradeOutdated`.
    """
    regrade = find(session, regrade_id, lock=True)
    if regrade.state is RegradeState.PUBLISHED:
        return regrade
    _require(regrade, RegradeState.PREVIEW, "published")
    publishing.publish(session, regrade)
    _audit(session, viewer, regrade, "regrade.publish")
    return regrade


def revert(session: Session, viewer: Viewer, regrade_id: uuid.UUID) -> Regrade:
    """Let everything stand as before publishing; once reverted, nothing happens again.

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
    """Stop a regrade or throw its preview away. Raises `RegradeNotFound` or `WrongState`."""
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
    """The single changes stay with the regrade; their number and digest are sealed into the audit chain."""
    session.flush()
    changed = [
        [str(row.submission_id), row.question, row.old, row.new, row.reason]
        for row, _, _ in repository.visible_changes(session, regrade.id)
    ]
    digest = hashlib.sha256(json.dumps(changed).encode()).hexdigest()
    audit.record(session, viewer.login, action, str(regrade.id), changed=len(changed), changes_sha256=digest)


def view(session: Session, regrade: Regrade) -> RegradeView:
    """The regrade as the outside reads it."""
    return views(session, [regrade])[0]


def newest(session: Session) -> list[RegradeView]:
    """The latest regrades, newest first."""
    return views(session, repository.newest(session, LISTED))


def views(session: Session, regrades: list[Regrade]) -> list[RegradeView]:
    """Several regrades as the outside reads them."""
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
    """Everything that a student would see, or sees, otherwise. Raises `RegradeNotFound`."""
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
