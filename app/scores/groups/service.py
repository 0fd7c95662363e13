"""Decide on a question of several submissions at once, and undo it at once, in the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.audit import service as audit
from app.auth.viewer import Viewer
from app.db.base import now
from app.problems import Conflict, NotFound, Problem
from app.scores import repository as score_repository
from app.scores import service as scores
from app.scores.groups import repository
from app.scores.groups.models import GroupDecision, GroupMember
from app.scores.standing import Revision
from app.submissions import service as submissions


class GroupDecisionNotFound(NotFound):
    """The assignment has no such group decision."""

    slug = "group-decision-not-found"


class AlreadyUndone(Conflict):
    """The group decision has been undone already."""

    slug = "already-undone"


@dataclass(frozen=True)
class GroupPreview:
    """What a group decision would do now: whose points change, who has these points already, and who is left."""

    changing: tuple[uuid.UUID, ...]
    equal: tuple[uuid.UUID, ...]
    left: tuple[uuid.UUID, ...]

    @property
    def decided(self) -> int:
        """How many get the decision."""
        return len(self.changing) + len(self.equal)


def preview(
    session: Session, viewer: Viewer, slug: str, number: str, bases: Mapping[uuid.UUID, Revision], *, score: float
) -> GroupPreview:
    """What `decide` would do with the same values. Nothing is stored. Raises what `decide` raises."""
    changing: list[uuid.UUID] = []
    equal: list[uuid.UUID] = []
    left: list[uuid.UUID] = []
    for submission_id in sorted(bases):
        submission = submissions.find(session, viewer, submission_id)
        if submission.assignment.slug != slug:
            raise submissions.SubmissionNotFound
        current = scores.standing(session, submission, number)
        scores.check_points(current.question, score)
        try:
            scores.check_not_own(viewer, submission.user_id)
            scores.check_basis(session, submission, current, bases[submission_id])
        except (scores.ChangedMeanwhile, scores.OwnScore):
            left.append(submission_id)
        else:
            (equal if current.score == score else changing).append(submission_id)
    return GroupPreview(tuple(changing), tuple(equal), tuple(left))


def decide(
    session: Session,
    viewer: Viewer,
    slug: str,
    number: str,
    bases: Mapping[uuid.UUID, Revision],
    *,
    score: float,
    reason: str,
) -> GroupDecision:
    """Set the points of a question for several submissions, each with the revision that the viewer saw.

    A submission whose question has changed since, or that is the viewer's own, keeps its points and is named by its
    member's problem. Raises `SubmissionNotFound`, `QuestionNotFound` or `PointsOutOfRange`.
    """
    decision = GroupDecision(slug=slug, question=number, score=score, reason=reason, by_id=viewer.user_id, at=now())
    session.add(decision)
    session.flush()
    decided = 0
    # One order for all transactions prevents deadlocks.
    for submission_id in sorted(bases):
        if submissions.find(session, viewer, submission_id).assignment.slug != slug:
            raise submissions.SubmissionNotFound
        member = GroupMember(decision_id=decision.id, submission_id=submission_id)
        try:
            scores.override(
                session, viewer, submission_id, number, score=score, reason=reason, basis=bases[submission_id]
            )
        except (scores.ChangedMeanwhile, scores.OwnScore) as problem:
            member.problem = problem.slug
        else:
            override = score_repository.last_override(session, submission_id, number)
            member.override_id = override.id if override else None
            decided += 1
        session.add(member)
    session.flush()
    left = len(bases) - decided
    audit.record(
        session, viewer.login, "group.decide", f"{slug}/{number}/{decision.id}", new=score, decided=decided, left=left
    )
    return decision


def undo(session: Session, viewer: Viewer, slug: str, decision_id: int) -> GroupDecision:
    """Undo the overrides of a group decision that are still in effect; later decisions stay, and are named.

    Raises `GroupDecisionNotFound` or `AlreadyUndone`.
    """
    decision = repository.get(session, slug, decision_id, lock=True)
    if decision is None:
        raise GroupDecisionNotFound
    if decision.undone_at is not None:
        raise AlreadyUndone
    undone = 0
    for member in repository.members(session, decision_id):
        if member.override_id is None:
            continue
        problem = _undo_member(session, viewer, decision.question, member)
        member.problem = problem.slug if problem else None
        undone += problem is None
    decision.undone_at, decision.undone_by_id = now(), viewer.user_id
    session.flush()
    audit.record(session, viewer.login, "group.undo", f"{slug}/{decision.question}/{decision.id}", undone=undone)
    return decision


def find(session: Session, slug: str, decision_id: int) -> GroupDecision:
    """A group decision of an assignment. Raises `GroupDecisionNotFound`."""
    decision = repository.get(session, slug, decision_id)
    if decision is None:
        raise GroupDecisionNotFound
    return decision


def _undo_member(session: Session, viewer: Viewer, number: str, member: GroupMember) -> Problem | None:
    """Undo the override of a member. Returns why it stays, if it does."""
    submission = submissions.find(session, viewer, member.submission_id, lock=True)
    current = scores.standing(session, submission, number)
    if current.override is None or current.override.id != member.override_id:
        return scores.changed_meanwhile(session, submission, current)
    try:
        scores.undo(session, viewer, member.submission_id, number, decision=current.revision)
    except scores.OwnScore as problem:
        return problem
    return None
