"""Make, answer and withdraw regrade requests, in the caller's transaction."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.audit import service as audit
from app.auth import access
from app.auth.viewer import Viewer
from app.db.base import now
from app.problems import Conflict, Forbidden, NotFound
from app.regrade_requests import repository
from app.regrade_requests.models import RegradeRequest, RequestState
from app.regrade_requests.schemas import NewAnswer, RequestView
from app.scores import service as scores
from app.scores import withholding
from app.scores.standing import QuestionStanding, Revision, SubmissionScores
from app.submissions import service as submissions
from app.submissions.models import State, Submission
from grader.assignment import Tell
from grader.scoring import Verdict


class RequestNotFound(NotFound):
    """There is no such regrade request."""

    slug = "regrade-request-not-found"


class NotGradedYet(Conflict):
    """The question has no result yet. Wait for the grading to end, then ask."""

    slug = "not-graded-yet"


class NotToldYet(Conflict):
    """The result of this question is told later. Read it then, and ask if it seems wrong."""

    slug = "not-told-yet"


class AlreadyAsked(Conflict):
    """A request for this question is already waiting for an answer."""

    slug = "already-asked"


class AlreadyAnswered(Conflict):
    """The request was already answered or withdrawn. The student may ask again."""

    slug = "already-answered"


def ask(session: Session, viewer: Viewer, submission_id: uuid.UUID, number: str, reason: str) -> RegradeRequest:
    """Request a regrade of a question of an own submission.

    Raises `SubmissionNotFound`, `QuestionNotFound`, `Forbidden`, `NotGradedYet`, `NotToldYet` or `AlreadyAsked`.
    """
    submission = submissions.find(session, viewer, submission_id, lock=True)
    standing = scores.standing(session, submission, number)
    if submission.user_id != viewer.user_id:
        raise Forbidden("Only the student who submitted it may request a regrade. Staff can set points by hand.")
    if submission.state is not State.GRADED or standing.verdict is Verdict.PENDING:
        raise NotGradedYet
    if number in _withheld(session, viewer, submission):
        raise NotToldYet
    if repository.is_open(session, submission.id, number):
        raise AlreadyAsked
    request = RegradeRequest(
        submission_id=submission.id,
        question=number,
        reason=reason,
        state=RequestState.OPEN,
        points_before=standing.score,
    )
    session.add(request)
    audit.record(session, viewer.login, "regrade_request.ask", f"{submission.id}/{number}", reason=reason)
    session.flush()
    return request


def answer(
    session: Session, viewer: Viewer, request_id: int, new: NewAnswer, basis: Revision | None = None
) -> RegradeRequest:
    """Answer an open request. With points, override the question's points with the answer as reason.

    Raises `RequestNotFound`, `AlreadyAnswered`, `OwnScore`, `PointsOutOfRange`, or `ChangedMeanwhile` if the current
    revision is not ``basis``.
    """
    request = open_request(session, viewer, request_id)
    submission = submissions.find(session, viewer, request.submission_id, lock=True)
    scores.check_not_own(viewer, submission.user_id)
    current = scores.standing(session, submission, request.question)
    scores.check_basis(session, submission, current, basis)
    before = current.score
    if new.score is not None:
        scores.override(session, viewer, request.submission_id, request.question, score=new.score, reason=new.answer)
    request.points_after = before if new.score is None else new.score
    changed = request.points_after != before
    _close(session, viewer, request, RequestState.CHANGED if changed else RequestState.KEPT)
    request.answer = new.answer
    subject = f"{request.submission_id}/{request.question}"
    audit.record(
        session,
        viewer.login,
        "regrade_request.answer",
        subject,
        answer=new.answer,
        old=before,
        new=request.points_after,
    )
    session.flush()
    return request


def withdraw(session: Session, viewer: Viewer, request_id: int) -> RegradeRequest:
    """Withdraw an own open request. Raises `RequestNotFound`, `Forbidden`, `NotToldYet` or `AlreadyAnswered`."""
    request = _find(session, viewer, request_id)
    if request.submission.user_id != viewer.user_id:
        raise Forbidden("Only the student who made the request may withdraw it. Staff answer it.")
    if request.question in _withheld(session, viewer, request.submission):
        # Whether this works would tell whether the request was answered.
        raise NotToldYet
    _require_open(request)
    _close(session, viewer, request, RequestState.WITHDRAWN)
    audit.record(session, viewer.login, "regrade_request.withdraw", f"{request.submission_id}/{request.question}")
    session.flush()
    return request


def history(session: Session, viewer: Viewer, submission_id: uuid.UUID) -> dict[str, list[RequestView]]:
    """By question the requests of a submission. Raises `SubmissionNotFound`."""
    requests: dict[str, list[RequestView]] = defaultdict(list)
    for request in of_submission(session, viewer, submission_id):
        requests[request.question].append(request)
    return requests


def of_submission(session: Session, viewer: Viewer, submission_id: uuid.UUID) -> list[RequestView]:
    """The requests of a submission, oldest first. Raises `SubmissionNotFound`."""
    submission = submissions.find(session, viewer, submission_id)
    return [view(session, viewer, row) for row in repository.of_submission(session, submission.id)]


def list_requests(
    session: Session,
    viewer: Viewer,
    *,
    assignment: str | None = None,
    student: str | None = None,
    open_only: bool = False,
    limit: int = 200,
) -> list[RequestView]:
    """Requests that the viewer may see: the open ones, oldest first; then the answered ones, latest first."""
    # Select and sort by what the viewer reads: an answer that waits must not move a request or remove it.
    waiting_answers = not viewer.is_staff
    rows = repository.list_requests(
        session,
        viewer,
        assignment=assignment,
        student=student,
        open_only=open_only and not waiting_answers,
        limit=limit,
    )
    requests = [view(session, viewer, row) for row in rows]
    open_requests = [one for one in requests if one.state is RequestState.OPEN]
    open_requests.sort(key=lambda one: one.asked_at)
    answered = [one for one in requests if one.state is not RequestState.OPEN]
    return open_requests if open_only else [*open_requests, *answered]


def get(session: Session, viewer: Viewer, request_id: int) -> RequestView:
    """A request that the viewer may see. Raises `RequestNotFound`."""
    request = repository.get(session, viewer, request_id)
    if request is None:
        raise RequestNotFound
    return view(session, viewer, request)


def view(session: Session, viewer: Viewer, row: RegradeRequest) -> RequestView:
    """A request as this viewer reads it: points and answer wait as long as the result of the question does."""
    request = RequestView.of(row)
    if row.question not in _withheld(session, viewer, row.submission):
        return request
    state = request.state if request.state is RequestState.WITHDRAWN else RequestState.OPEN
    hidden = {"points_before": None, "points_after": None, "answer": None, "answered_by": None, "answered_at": None}
    return request.model_copy(update={"state": state, **hidden})


def standings(session: Session, requests: Sequence[RequestView]) -> dict[int, QuestionStanding]:
    """By request id, the current result of its question; without requests of questions that a version removed."""
    rows = repository.of_ids(session, [request.id for request in requests])
    submission_scores = SubmissionScores(session, {row.submission_id for row in rows})
    return {
        row.id: standing
        for row in rows
        for standing in submission_scores.of(row.submission).questions
        if standing.question.number == row.question
    }


def count_open(session: Session, slug: str) -> int:
    """The number of open requests of an assignment."""
    return repository.count_open(session, slug)


def open_request(session: Session, viewer: Viewer, request_id: int) -> RegradeRequest:
    """An open request, locked until the transaction ends.

    Raises `RequestNotFound` or `AlreadyAnswered`.
    """
    request = _find(session, viewer, request_id)
    _require_open(request)
    return request


def _find(session: Session, viewer: Viewer, request_id: int) -> RegradeRequest:
    request = repository.get(session, viewer, request_id, lock=True)
    if request is None:
        raise RequestNotFound
    return request


def _require_open(request: RegradeRequest) -> None:
    if request.state is not RequestState.OPEN:
        raise AlreadyAnswered


def _close(session: Session, viewer: Viewer, request: RegradeRequest, state: RequestState) -> None:
    request.state = state
    request.answered_at = now()
    request.answered_by_id = viewer.user_id


def _withheld(session: Session, viewer: Viewer, submission: Submission) -> Mapping[str, Tell]:
    is_staff = access.is_staff_of(viewer, submission.assignment.slug)
    return withholding.withheld(session, assignments.definition(submission.assignment), is_staff=is_staff)
