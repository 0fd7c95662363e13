"""The class table, and overrides of points by people, in the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.audit import service as audit
from app.auth.viewer import Viewer
from app.db.base import now
from app.problems import Conflict, Forbidden, NotFound, PreconditionFailed, Unprocessable
from app.scores import repository, withholding
from app.scores.class_cache import ClassCache
from app.scores.models import Override, OverrideKind, ReviewItem
from app.scores.standing import QuestionStanding, Revision, points_after, submission_score
from app.scores.table import ClassTable, StudentRow
from app.submissions import repository as submissions
from app.submissions import service as submission_service
from app.submissions.models import Submission
from grader.assignment import Question
from grader.scoring import Verdict

WITHOUT_POINTS = (Verdict.PENDING, Verdict.FAULT)
"""Verdicts of questions without computed points."""


class QuestionNotFound(NotFound):
    """The assignment has no such question."""

    slug = "question-not-found"


class OverrideNotFound(NotFound):
    """The question has no override."""

    slug = "override-not-found"


class OwnScore(Forbidden):
    """This is your own submission. Another member of the staff has to decide on its score."""

    slug = "own-score"


class PointsOutOfRange(Unprocessable):
    """The points are less than zero or more than the question is worth."""

    slug = "points-out-of-range"


class NothingToConfirm(Conflict):
    """The question has no computed points to confirm: no result, or a decision of a person. Set the points instead."""

    slug = "nothing-to-confirm"


class ReviewItemNotFound(NotFound):
    """This question has no such review item, or it is not offered any more. Read the list of its items again."""

    slug = "review-item-not-found"


class ChangedMeanwhile(PreconditionFailed):
    """The question has changed since you read it, and nothing was saved. Read the current state and decide again."""

    slug = "changed-meanwhile"


def class_table(
    session: Session,
    assignment_slug: str,
    cache: ClassCache | None = None,
    *,
    for_students: bool = False,
    section: str | None = None,
) -> ClassTable:
    """One row a student of the class or of one ``section``, with the attempt that counts.

    Every student has a row; staff have one if they submitted. A table ``for_students`` has no withheld result. Without
    a ``cache`` the whole class is read. Raises `AssignmentNotFound` or `SectionNotFound`.
    """
    snapshot = (cache or ClassCache()).snapshot(session, assignment_slug)
    assignment = snapshot.assignment
    withheld = withholding.withheld_in_class(session, assignment_slug) if for_students else frozenset()
    return ClassTable(
        assignment=assignment.slug,
        questions=[question.number for question in assignment.questions],
        max_score=assignment.max_score,
        rows=[StudentRow.of(standing, assignment, withheld) for standing in snapshot.standings],
    ).of_section(section)


def standing(session: Session, submission: Submission, number: str) -> QuestionStanding:
    """The current result of one question of a submission. Raises `QuestionNotFound`."""
    try:
        return submission_score(session, submission).question(number)
    except KeyError:
        raise QuestionNotFound(f"{submission.assignment.slug} has no question {number[:16]!r}.") from None


def override(
    session: Session,
    viewer: Viewer,
    submission_id: uuid.UUID,
    number: str,
    *,
    score: float,
    reason: str,
    basis: Revision | None = None,
) -> Revision:
    """Set the points of a question in place of computed ones, also of later ones. Returns the new revision.

    Raises `SubmissionNotFound`, `OwnScore`, `QuestionNotFound`, `PointsOutOfRange`, or `ChangedMeanwhile` if the
    current revision is not ``basis``.
    """
    submission, current = _locked(session, viewer, submission_id, number, basis)
    check_points(current.question, score)
    return _decide(session, viewer, submission, current, OverrideKind.BY_HAND, score, reason)


def confirm(
    session: Session,
    viewer: Viewer,
    submission_id: uuid.UUID,
    number: str,
    *,
    reason: str = "",
    basis: Revision | None = None,
) -> Revision:
    """Confirm the computed points of a question, which later computed ones do not replace. Returns the new revision.

    Raises `SubmissionNotFound`, `OwnScore`, `QuestionNotFound`, `NothingToConfirm`, or `ChangedMeanwhile` if the
    current revision is not ``basis``.
    """
    submission, current = _locked(session, viewer, submission_id, number, basis)
    if current.override is not None or current.verdict in WITHOUT_POINTS:
        raise NothingToConfirm
    return _decide(session, viewer, submission, current, OverrideKind.CONFIRMED, current.score, reason)


def give_items(
    session: Session,
    viewer: Viewer,
    submission_id: uuid.UUID,
    number: str,
    item_ids: Collection[int],
    *,
    reason: str = "",
    basis: Revision | None = None,
) -> Revision:
    """Give review items to a question, whose points are then the full ones less the items' deductions.

    No items give full points. Returns the new revision. Raises `SubmissionNotFound`, `OwnScore`, `QuestionNotFound`,
    `ReviewItemNotFound`, or `ChangedMeanwhile` if the current revision is not ``basis``.
    """
    items = lock_items(session, item_ids)
    submission, current = _locked(session, viewer, submission_id, number, basis)
    offered = {item.id for item in items if not item.retired or (current.override and item in current.override.items)}
    of_question = {item.id for item in items if (item.slug, item.question) == (submission.assignment.slug, number)}
    if not offered & of_question >= set(item_ids):
        raise ReviewItemNotFound
    score = points_after(current.question.points, [item.deduction for item in items])
    return _decide(session, viewer, submission, current, OverrideKind.REVIEW_ITEMS, score, reason, items)


def lock_items(session: Session, item_ids: Collection[int]) -> list[ReviewItem]:
    """Keep review items from changing before the transaction ends.

    Items are locked before submissions, as a change of an item does it; the other order could deadlock.
    """
    return repository.items(session, item_ids)


_ACTIONS = {
    OverrideKind.BY_HAND: "override.set",
    OverrideKind.CONFIRMED: "override.confirm",
    OverrideKind.REVIEW_ITEMS: "override.review",
}


def _decide(
    session: Session,
    viewer: Viewer,
    submission: Submission,
    current: QuestionStanding,
    kind: OverrideKind,
    score: float,
    reason: str,
    items: Sequence[ReviewItem] = (),
) -> Revision:
    """Store a decision in place of the active one. Returns the new revision. The caller has locked the submission."""
    number, moment = current.question.number, now()
    _end_override(session, viewer, current.override, moment)
    session.add(
        Override(
            submission_id=submission.id,
            question=number,
            kind=kind,
            score=score,
            replaced=current.score,
            reason=reason,
            by_id=viewer.user_id,
            at=moment,
            items=list(items),
        )
    )
    target, of_items = f"{submission.id}/{number}", {"items": [item.id for item in items]} if items else {}
    audit.record(session, viewer.login, _ACTIONS[kind], target, old=current.score, new=score, reason=reason, **of_items)
    session.flush()
    submissions.touch(session, submission.id)
    return standing(session, submission, number).revision


def remove_override(
    session: Session, viewer: Viewer, submission_id: uuid.UUID, number: str, *, basis: Revision | None = None
) -> None:
    """Return to the computed points.

    Raises `SubmissionNotFound`, `OwnScore`, `QuestionNotFound`, `OverrideNotFound`, or `ChangedMeanwhile` if the
    current revision is not ``basis``.
    """
    submission, current = _locked(session, viewer, submission_id, number, basis)
    if current.override is None:
        raise OverrideNotFound
    _end_override(session, viewer, current.override, now())
    audit.record(session, viewer.login, "override.remove", f"{submission.id}/{number}", old=current.score)
    session.flush()
    submissions.touch(session, submission.id)


def undo(session: Session, viewer: Viewer, submission_id: uuid.UUID, number: str, *, decision: Revision | None) -> None:
    """Undo the override that led to the revision ``decision``, and restore the points before it.

    Raises `SubmissionNotFound`, `OwnScore`, `QuestionNotFound`, `OverrideNotFound` or `ChangedMeanwhile`.
    """
    submission, current = _locked(session, viewer, submission_id, number, decision)
    if current.override is None:
        raise OverrideNotFound
    predecessor = repository.predecessor(session, current.override)
    _end_override(session, viewer, current.override, now())
    if predecessor is not None:
        predecessor.ended_at = predecessor.ended_by_id = None
        if predecessor.kind is OverrideKind.REVIEW_ITEMS:
            # An item may have changed since this decision was replaced.
            deductions = [item.deduction for item in predecessor.items]
            predecessor.score = points_after(current.question.points, deductions)
    new = predecessor.score if predecessor else None
    audit.record(session, viewer.login, "override.undo", f"{submission.id}/{number}", old=current.score, new=new)
    session.flush()
    submissions.touch(session, submission.id)


def check_not_own(viewer: Viewer, user_id: int) -> None:
    """Raises `OwnScore` if a TA would decide on points of their own. An admin may: a course can have one person."""
    if user_id == viewer.user_id and not viewer.is_admin:
        raise OwnScore


def check_points(question: Question, score: float) -> None:
    """Raises `PointsOutOfRange` if a question cannot have these points."""
    if not 0 <= score <= question.points:
        raise PointsOutOfRange(f"Question {question.number} is worth 0 to {question.points} points, not {score}.")


def check_basis(session: Session, submission: Submission, current: QuestionStanding, basis: Revision | None) -> None:
    """Compare the revision behind a decision with the current one. Raises `ChangedMeanwhile`.

    ``None`` stands for any revision. The caller holds the lock of the submission.
    """
    if basis is not None and basis != current.revision:
        raise changed_meanwhile(session, submission, current)


def changed_meanwhile(
    session: Session, submission: Submission, current: QuestionStanding, headers: Mapping[str, str] | None = None
) -> ChangedMeanwhile:
    """The problem with the current points, their time and their author."""
    override = current.override
    last = repository.last_override(session, submission.id, current.question.number)
    by, at, reason = None, current.computed.computed_at if current.computed else None, None
    if override is not None:
        by, at, reason = override.by.login, override.at, override.reason
    elif last is not None and last.ended_at is not None and (at is None or last.ended_at > at):
        by, at = last.ended_by.login if last.ended_by else None, last.ended_at
    return ChangedMeanwhile(
        headers=headers,
        question=current.question.number,
        stands={
            "score": current.score,
            "verdict": current.verdict,
            "by": by,
            "at": at.isoformat() if at else None,
            "reason": reason,
        },
    )


def _locked(
    session: Session, viewer: Viewer, submission_id: uuid.UUID, number: str, basis: Revision | None
) -> tuple[Submission, QuestionStanding]:
    """The locked submission and the result of a question, whose revision must be ``basis``."""
    submission = submission_service.find(session, viewer, submission_id, lock=True)
    check_not_own(viewer, submission.user_id)
    current = standing(session, submission, number)
    check_basis(session, submission, current, basis)
    return submission, current


def _end_override(session: Session, viewer: Viewer, active: Override | None, moment: datetime) -> None:
    if active is not None:
        active.ended_at = moment
        active.ended_by_id = viewer.user_id
        # Write the end before the next override begins.
        session.flush()
